/**
 * GRUB's script language as a tree: quoting, escapes, comments, variables, blocks, `if`, `for`, `while`, `function`. Pure.
 * Source: GRUB manual, "Writing full configuration files directly" (Shell-like scripting).
 */

/** A piece of a word. Unquoted variables are split at blanks when they are replaced, quoted ones are not. */
export type WordPart =
  | { readonly kind: "text"; readonly text: string; readonly isQuoted: boolean }
  | { readonly kind: "variable"; readonly name: string; readonly isQuoted: boolean };

export type Word = readonly WordPart[];

export type Statement =
  /** A command; `block` is the `{ … }` that menuentry, submenu and others take last. */
  | { readonly kind: "command"; readonly words: readonly Word[]; readonly block?: readonly Statement[] }
  | {
    readonly kind: "if";
    readonly branches: readonly { readonly condition: readonly Statement[]; readonly body: readonly Statement[] }[];
    readonly otherwise: readonly Statement[];
  }
  | {
    readonly kind: "for";
    readonly name: string;
    readonly words: readonly Word[];
    readonly body: readonly Statement[];
  }
  | {
    readonly kind: "while";
    /** The result of the condition that ends the loop. */
    readonly endsOn: boolean;
    readonly condition: readonly Statement[];
    readonly body: readonly Statement[];
  }
  | { readonly kind: "function"; readonly name: string; readonly body: readonly Statement[] }
  | { readonly kind: "not"; readonly statement: Statement };

export class GrubSyntaxError extends Error {
  override readonly name = "GrubSyntaxError";

  constructor(readonly line: number, problem: string) {
    super(`line ${line}: ${problem}`);
  }
}

type Token =
  | { readonly kind: "word"; readonly word: Word; readonly line: number }
  | { readonly kind: "separator" | "{" | "}" | "end"; readonly line: number };

/**
 * What ends an unquoted word, all of which `tokenize` steps over. Not \s: to GRUB a no-break space, or the wide one of Chinese, is a letter like any other.
 * Source: GRUB, grub-core/script/yylex.l; carriage returns are dropped where lines are read.
 */
const endsWord = /[ \t\r\n;|&{}]/;

/**
 * What udev and systemd make of a blank, "\x20": GRUB of Fedora and RHEL hands it to Linux as it is, and relies on that in menus of its own.
 * Others drop the backslash, so nobody has it there. Source: Fedora's grub2, "Pass \x[hex][hex] straight through unmolested".
 */
const hexEscape = /^\\x[0-9A-Fa-f]{2}$/;

/** Deeper nesting is no menu; keeps a hostile file from exhausting the stack. */
const maximumDepth = 64;

/** @throws {GrubSyntaxError} */
export function parseGrubScript(text: string): readonly Statement[] {
  const parser = new Parser([...tokenize(text)]);
  const statements = parser.statements([]);
  parser.expectEnd();
  return statements;
}

function* tokenize(text: string): Generator<Token> {
  let at = 0;
  let line = 1;

  while (at < text.length) {
    const char = text.charAt(at);
    if (char === "\n" || char === ";" || char === "|" || char === "&") {
      yield { kind: "separator", line };
      if (char === "\n") line++;
      at++;
    } else if (char === " " || char === "\t" || char === "\r") {
      at++;
    } else if (char === "\\" && /^\\\r?\n/.test(text.slice(at, at + 3))) {
      at = text.indexOf("\n", at) + 1;
      line++;
    } else if (char === "#") {
      at = endOfLine(at);
    } else if (char === "{" || char === "}") {
      yield { kind: char, line };
      at++;
    } else {
      const start = line;
      yield { kind: "word", word: readWord(), line: start };
    }
  }
  yield { kind: "end", line };

  function endOfLine(from: number): number {
    const end = text.indexOf("\n", from);
    return end === -1 ? text.length : end;
  }

  function readWord(): Word {
    const parts: WordPart[] = [];
    const addText = (added: string, isQuoted: boolean): void => {
      const last = parts.at(-1);
      if (last?.kind === "text" && last.isQuoted === isQuoted) {
        parts[parts.length - 1] = { ...last, text: last.text + added };
      } else parts.push({ kind: "text", text: added, isQuoted });
    };
    while (at < text.length && !endsWord.test(text.charAt(at))) {
      const char = text.charAt(at);
      if (char === "'") {
        const end = text.indexOf("'", at + 1);
        if (end === -1) throw new GrubSyntaxError(line, "a ' is not closed");
        const quoted = text.slice(at + 1, end);
        addText(quoted, true);
        line += quoted.split("\n").length - 1;
        at = end + 1;
      } else if (char === '"') {
        readDoubleQuoted(addText, parts);
      } else if (char === "\\" && hexEscape.test(text.slice(at, at + 4))) {
        addText(text.slice(at, at + 4), true);
        at += 4;
      } else if (char === "\\") {
        const next = text.charAt(at + 1);
        // An escaped character counts as quoted: "\ " does not end the word, "\$" is no variable.
        if (next === "\n") line++;
        else addText(next, true);
        at += 2;
      } else if (char === "$") {
        readVariable(parts, addText, false);
      } else {
        addText(char, false);
        at++;
      }
    }
    return parts;
  }

  function readDoubleQuoted(addText: (added: string, isQuoted: boolean) => void, parts: WordPart[]): void {
    const start = line;
    at++;
    addText("", true);
    while (text.charAt(at) !== '"') {
      if (at >= text.length) throw new GrubSyntaxError(start, 'a " is not closed');
      const char = text.charAt(at);
      const next = text.charAt(at + 1);
      if (char === "\\" && next === "\n") {
        line++;
        at += 2;
      } else if (char === "\\" && (next === '"' || next === "\\" || next === "$")) {
        addText(next, true);
        at += 2;
      } else if (char === "$") {
        readVariable(parts, addText, true);
      } else {
        if (char === "\n") line++;
        addText(char, true);
        at++;
      }
    }
    at++;
  }

  function readVariable(
    parts: WordPart[],
    addText: (added: string, isQuoted: boolean) => void,
    isQuoted: boolean,
  ): void {
    const match = /^\$(?:\{([A-Za-z_][A-Za-z0-9_]*|[0-9]+|[@*#?])\}|([A-Za-z_][A-Za-z0-9_]*|[0-9]|[@*#?]))/
      .exec(text.slice(at, at + 128));
    if (match === null) {
      addText("$", isQuoted);
      at++;
    } else {
      parts.push({ kind: "variable", name: match[1] ?? match[2] ?? "", isQuoted });
      at += match[0].length;
    }
  }
}

class Parser {
  #at = 0;
  #depth = 0;

  constructor(private readonly tokens: readonly Token[]) {}

  expectEnd(): void {
    const token = this.#peek();
    if (token.kind !== "end") throw new GrubSyntaxError(token.line, `unexpected ${describe(token)}`);
  }

  /** Statements up to one of the keywords, a "}", or the end; that token is left unread. */
  statements(endings: readonly string[]): readonly Statement[] {
    if (++this.#depth > maximumDepth) throw new GrubSyntaxError(this.#peek().line, "blocks are nested too deeply");
    const found: Statement[] = [];
    for (let token = this.#peek(); token.kind !== "end" && token.kind !== "}"; token = this.#peek()) {
      if (token.kind === "separator") this.#at++;
      else if (endings.includes(keywordOf(token) ?? "")) break;
      else found.push(this.#statement());
    }
    this.#depth--;
    return found;
  }

  #statement(): Statement {
    const keyword = keywordOf(this.#peek());
    switch (keyword) {
      case "if":
        return this.#if();
      case "for":
        return this.#for();
      case "while":
      case "until":
        return this.#while(keyword === "until");
      case "function":
        return this.#function();
      case "!":
        this.#at++;
        if (keywordOf(this.#peek()) === "!") throw new GrubSyntaxError(this.#peek().line, 'a second "!"');
        return { kind: "not", statement: this.#statement() };
      default:
        return this.#command();
    }
  }

  #if(): Statement {
    const branches: { condition: readonly Statement[]; body: readonly Statement[] }[] = [];
    let otherwise: readonly Statement[] = [];
    do {
      this.#at++; // if, elif
      const condition = this.statements(["then"]);
      this.#expect("then");
      branches.push({ condition, body: this.statements(["elif", "else", "fi"]) });
    } while (keywordOf(this.#peek()) === "elif");
    if (keywordOf(this.#peek()) === "else") {
      this.#at++;
      otherwise = this.statements(["fi"]);
    }
    this.#expect("fi");
    return { kind: "if", branches, otherwise };
  }

  #for(): Statement {
    this.#at++;
    const name = this.#plainWord();
    this.#expect("in");
    const words: Word[] = [];
    for (let token = this.#peek(); token.kind === "word"; token = this.#peek()) {
      words.push(token.word);
      this.#at++;
    }
    return { kind: "for", name, words, body: this.#loopBody() };
  }

  #while(endsOn: boolean): Statement {
    this.#at++;
    const condition = this.statements(["do"]);
    return { kind: "while", endsOn, condition, body: this.#loopBody() };
  }

  #loopBody(): readonly Statement[] {
    this.#skipSeparators();
    this.#expect("do");
    const body = this.statements(["done"]);
    this.#expect("done");
    return body;
  }

  #function(): Statement {
    this.#at++;
    const name = this.#plainWord();
    this.#skipSeparators();
    return { kind: "function", name, body: this.#block() };
  }

  #command(): Statement {
    const first = this.#peek();
    if (first.kind === "{") return { kind: "command", words: [], block: this.#block() };
    const words: Word[] = [];
    for (let token = this.#peek(); token.kind === "word"; token = this.#peek()) {
      words.push(token.word);
      this.#at++;
    }
    return this.#peek().kind === "{" ? { kind: "command", words, block: this.#block() } : { kind: "command", words };
  }

  #block(): readonly Statement[] {
    const open = this.#peek();
    if (open.kind !== "{") throw new GrubSyntaxError(open.line, `wanted "{", found ${describe(open)}`);
    this.#at++;
    const body = this.statements([]);
    if (this.#peek().kind !== "}") throw new GrubSyntaxError(open.line, 'a "{" is not closed');
    this.#at++;
    return body;
  }

  #plainWord(): string {
    const token = this.#peek();
    if (token.kind !== "word") throw new GrubSyntaxError(token.line, `wanted a name, found ${describe(token)}`);
    this.#at++;
    return token.word.map((part) => part.kind === "text" ? part.text : "").join("");
  }

  #expect(keyword: string): void {
    const token = this.#peek();
    if (keywordOf(token) !== keyword) {
      throw new GrubSyntaxError(token.line, `wanted "${keyword}", found ${describe(token)}`);
    }
    this.#at++;
  }

  #skipSeparators(): void {
    while (this.#peek().kind === "separator") this.#at++;
  }

  #peek(): Token {
    return this.tokens[this.#at] ?? { kind: "end", line: this.tokens.at(-1)?.line ?? 1 };
  }
}

/** An unquoted word of plain text, where a keyword may stand. */
function keywordOf(token: Token): string | undefined {
  if (token.kind !== "word" || token.word.length !== 1) return undefined;
  const [part] = token.word;
  return part?.kind === "text" && !part.isQuoted ? part.text : undefined;
}

function describe(token: Token): string {
  return token.kind === "word" ? `"${keywordOf(token) ?? "a word"}"` : token.kind === "end" ? "the end" : token.kind;
}
