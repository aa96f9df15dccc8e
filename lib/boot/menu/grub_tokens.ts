/**
 * GRUB's scripts as tokens: quoting, escapes, comments, variables. Pure.
 * Source: GRUB, grub-core/script/yylex.l and lexer.c; grub-core/normal/main.c for what happens to lines before.
 */

/** A piece of a word. Unquoted variables are split at blanks when they are replaced, quoted ones are not. */
export type WordPart =
  | { readonly kind: "text"; readonly text: string; readonly isQuoted: boolean }
  | { readonly kind: "variable"; readonly name: string; readonly isQuoted: boolean };

export type Word = readonly WordPart[];

export type Token =
  | {
    readonly kind: "word";
    readonly word: Word;
    readonly line: number;
    /** A reserved word, where the grammar gives it a meaning. */
    readonly keyword?: string;
    /** What a function or a loop's variable may be called. */
    readonly name?: string;
  }
  /**
   * "other" is what the lexer knows and no rule of the grammar takes: "||", "&&", ";;", "|", "&", "<", ">", "[[",
   * "]]".
   */
  | { readonly kind: "newline" | ";" | "{" | "}" | "end"; readonly line: number }
  | { readonly kind: "other"; readonly text: string; readonly line: number };

export class GrubSyntaxError extends Error {
  override readonly name = "GrubSyntaxError";

  constructor(readonly line: number, problem: string) {
    super(`line ${line}: ${problem}`);
  }
}

const keywords = new Set(
  "case do done elif else esac fi for if in select then until while function".split(" "),
);

/**
 * What ends an unquoted word. Not \s: to GRUB a no-break space, or the wide one of Chinese, is a letter like any
 * other. Carriage returns are dropped where lines are read.
 */
const endsWord = /[{}|&;<> \t\n]/;

/**
 * What udev and systemd make of a blank, "\x20": GRUB of Fedora and RHEL hands it to Linux as it is, and relies on
 * that in menus of its own. Others drop the backslash, so no real configuration has it there. Source: Fedora's grub2,
 * "Pass \x[hex][hex] straight through unmolested".
 */
const hexEscape = /^\\x[0-9A-Fa-f]{2}$/;

const variable = /\$(?:\{([A-Za-z_][A-Za-z0-9_]*|[0-9]+|[@*#?])\}|([A-Za-z_][A-Za-z0-9_]*|[0-9]+|[@*#?]))/y;

/** A piece of a word as the lexer sees it before it looks into quotes. */
const wordPiece = new RegExp(
  String.raw`[^{}|&$;<> \t\n'"\\]+|\\[\s\S]|\$?"(?:\\[\s\S]|[^\\"])*"|'[^']*'|${variable.source}`,
  "y",
);

/** The lines of a file, one token after the other. */
export class GrubTokens {
  readonly #text: string;
  /**
   * Where each line starts, and its number in the file: lines that begin with "#" are dropped even inside a quoted
   * text.
   */
  readonly #lines: readonly { readonly start: number; readonly number: number }[];
  #at = 0;

  constructor(text: string) {
    const kept = text.replaceAll("\r", "").split("\n").map((line, index) => ({ line, number: index + 1 }))
      .filter(({ line }) => !line.startsWith("#"));
    let start = 0;
    this.#lines = kept.map(({ line, number }) => {
      const here = { start, number };
      start += line.length + 1;
      return here;
    });
    this.#text = kept.map(({ line }) => `${line}\n`).join("");
  }

  get isAtEnd(): boolean {
    return this.#at >= this.#text.length;
  }

  /** Number of the line that is read next. */
  get line(): number {
    return this.#lineAt(this.#at);
  }

  /** To the end of the line that was read last, as GRUB does after a mistake. */
  skipLine(): void {
    if (this.#text.charAt(this.#at - 1) === "\n") return;
    const end = this.#text.indexOf("\n", this.#at);
    this.#at = end === -1 ? this.#text.length : end + 1;
  }

  /** @throws {GrubSyntaxError} */
  next(): Token {
    this.#skipBlanks();
    const line = this.line;
    if (this.isAtEnd) return { kind: "end", line: this.#lines.at(-1)?.number ?? 1 };
    const char = this.#text.charAt(this.#at);
    const double = this.#text.slice(this.#at, this.#at + 2);
    if (double === "||" || double === "&&" || double === ";;") {
      this.#at += 2;
      return { kind: "other", text: double, line };
    }
    if (endsWord.test(char)) {
      this.#at++;
      if (char === "\n") return { kind: "newline", line };
      if (char === ";" || char === "{" || char === "}") return { kind: char, line };
      return { kind: "other", text: char, line };
    }
    const start = this.#at;
    const word = this.#readWord();
    const source = this.#text.slice(start, this.#at);
    if (source === "[[" || source === "]]") return { kind: "other", text: source, line };
    if (keywords.has(source)) return { kind: "word", word, line, keyword: source };
    return { kind: "word", word, line, ...(/^[A-Za-z_][A-Za-z0-9_]*$/.test(source) ? { name: source } : {}) };
  }

  #skipBlanks(): void {
    for (;;) {
      const char = this.#text.charAt(this.#at);
      if (char === " " || char === "\t") this.#at++;
      else if (char === "\\" && this.#text.charAt(this.#at + 1) === "\n") this.#at += 2;
      else if (char === "#") this.#at = this.#text.indexOf("\n", this.#at);
      else return;
    }
  }

  /** The whole word is found first, over as many lines as its quotes take; a mistake inside ends behind it. */
  #readWord(): Word {
    const end = this.#findWordEnd();
    try {
      return this.#readParts();
    } catch (error) {
      this.#at = Math.max(this.#at, end);
      throw error;
    }
  }

  #findWordEnd(): number {
    let at = this.#at;
    for (;;) {
      wordPiece.lastIndex = at;
      const length = wordPiece.exec(this.#text)?.[0].length ?? 0;
      if (length === 0) break;
      at += length;
    }
    const [, quote] = /^(\$?["'])/.exec(this.#text.slice(at, at + 2)) ?? [];
    if (quote === undefined) return at;
    // What is not closed takes all that follows.
    this.#at = this.#text.length;
    throw new GrubSyntaxError(this.#lineAt(at), `a ${quote} is not closed`);
  }

  #readParts(): Word {
    const parts = new Parts();
    for (let char = this.#text.charAt(this.#at); char !== "" && !endsWord.test(char);) {
      if (char === "'") {
        const end = this.#text.indexOf("'", this.#at + 1);
        parts.add(this.#text.slice(this.#at + 1, end), true);
        this.#at = end + 1;
      } else if (char === '"') {
        this.#at++;
        this.#readDoubleQuoted(parts, { isTranslated: false });
      } else if (char === "$" && this.#text.charAt(this.#at + 1) === '"') {
        this.#at += 2;
        this.#readDoubleQuoted(parts, { isTranslated: true });
      } else if (char === "$") {
        this.#readVariable(parts, false);
      } else if (char === "\\") {
        this.#readEscape(parts);
      } else {
        parts.add(char, false);
        this.#at++;
      }
      char = this.#text.charAt(this.#at);
    }
    return parts.done;
  }

  #readEscape(parts: Parts): void {
    const hex = this.#text.slice(this.#at, this.#at + 4);
    const next = this.#text.charAt(this.#at + 1);
    this.#at += hexEscape.test(hex) ? 4 : 2;
    // An escaped character counts as quoted: "\ " does not end the word, "\$" is no variable.
    if (hexEscape.test(hex)) parts.add(hex, true);
    else if (next !== "\n") parts.add(next, true);
  }

  /**
   * @param isTranslated `$"…"`, a text to be translated: variables are replaced in it, too, but a "$" that names none
   *   stays
   */
  #readDoubleQuoted(parts: Parts, { isTranslated }: { readonly isTranslated: boolean }): void {
    parts.add("", true);
    for (;;) {
      const char = this.#text.charAt(this.#at);
      const next = this.#text.charAt(this.#at + 1);
      if (char === '"') break;
      if (char === "$" && (!isTranslated || this.#isAtVariable())) {
        this.#readVariable(parts, true);
      } else if (char === "\\" && next !== "" && '"\\$\n'.includes(next)) {
        if (next !== "\n") parts.add(next, true);
        this.#at += 2;
      } else {
        parts.add(char, true);
        this.#at++;
      }
    }
    this.#at++;
  }

  #isAtVariable(): boolean {
    variable.lastIndex = this.#at;
    return variable.test(this.#text);
  }

  #readVariable(parts: Parts, isQuoted: boolean): void {
    variable.lastIndex = this.#at;
    const match = variable.exec(this.#text);
    if (match === null) {
      const line = this.line;
      this.#at++;
      throw new GrubSyntaxError(line, "a $ that names no variable");
    }
    parts.addVariable(match[1] ?? match[2] ?? "", isQuoted);
    this.#at += match[0].length;
  }

  #lineAt(at: number): number {
    let [low, high] = [0, this.#lines.length - 1];
    while (low < high) {
      const middle = Math.ceil((low + high) / 2);
      if ((this.#lines[middle]?.start ?? 0) <= at) low = middle;
      else high = middle - 1;
    }
    return this.#lines[low]?.number ?? 1;
  }
}

/** A word that is being read; text that belongs together becomes one part. */
class Parts {
  readonly done: WordPart[] = [];

  add(text: string, isQuoted: boolean): void {
    const last = this.done.at(-1);
    if (last?.kind === "text" && last.isQuoted === isQuoted) {
      this.done[this.done.length - 1] = { ...last, text: last.text + text };
    } else this.done.push({ kind: "text", text, isQuoted });
  }

  addVariable(name: string, isQuoted: boolean): void {
    this.done.push({ kind: "variable", name, isQuoted });
  }
}
