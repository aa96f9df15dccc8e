/**
 * GRUB's script language as a tree, read piece by piece: a statement that cannot be read is skipped, as GRUB does.
 * Pure. Source: GRUB, grub-core/script/parser.y and script.c; read_config_file of grub-core/normal/main.c.
 */

import { GrubSyntaxError, GrubTokens, type Token, type Word } from "./grub_tokens.ts";

export { GrubSyntaxError, type Word } from "./grub_tokens.ts";

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
    readonly isUntil: boolean;
    readonly condition: readonly Statement[];
    readonly body: readonly Statement[];
  }
  | { readonly kind: "function"; readonly name: string; readonly body: readonly Statement[] };

/** What GRUB reads before it runs anything of it: a line, or as many as its blocks and quotes go on for. */
export type Piece =
  | { readonly kind: "statements"; readonly statements: readonly Statement[] }
  /** GRUB prints an error, drops the whole piece, and goes on with the next line. */
  | { readonly kind: "mistake"; readonly error: GrubSyntaxError };

/**
 * Deeper nesting is no menu; keeps a hostile file from exhausting the stack. GRUB's own limit for running it is 64.
 */
const maximumDepth = 64;

export function* readGrubScript(text: string): Generator<Piece> {
  const tokens = new GrubTokens(text);
  while (!tokens.isAtEnd) {
    try {
      yield { kind: "statements", statements: new Parser(tokens).piece() };
    } catch (error) {
      if (!(error instanceof GrubSyntaxError)) throw error;
      tokens.skipLine();
      yield { kind: "mistake", error };
    }
  }
}

class Parser {
  #token: Token;
  #depth = 0;
  #isUnclosed = false;

  constructor(private readonly tokens: GrubTokens) {
    this.#token = tokens.next();
  }

  /** `statement (";" statement)* newline`. The token after the newline is left unread: it is the next piece's. */
  piece(): readonly Statement[] {
    const statements: Statement[] = [];
    while (!this.#is("newline") && !this.#is("end")) {
      statements.push(
        this.#token.kind === "word" && this.#token.keyword === "function" ? this.#function() : this.#command(),
      );
      if (this.#is(";")) this.#next();
      else if (!this.#is("newline")) this.#fail("the end of the statement");
    }
    return statements;
  }

  /**
   * At least one command, up to one of the endings, which is left unread. Only "}" may follow a command directly; ";}"
   * is one that may not.
   */
  #commandsUpTo(...endings: readonly string[]): readonly Statement[] {
    if (++this.#depth > maximumDepth) throw new GrubSyntaxError(this.#token.line, "blocks are nested too deeply");
    this.#skipNewlines();
    const commands = [this.#command()];
    for (;;) {
      const isDelimited = this.#skipDelimiter();
      const ending = this.#ending();
      if (endings.includes(ending) || (ending === "}" && endings.includes(";}"))) {
        if (!isDelimited && !endings.includes("}")) this.#fail('a ";" or the end of the line');
        break;
      }
      if (!isDelimited) this.#fail("the end of the command");
      commands.push(this.#command());
    }
    this.#depth--;
    return commands;
  }

  #is(kind: Token["kind"]): boolean {
    return this.#token.kind === kind;
  }

  /** The token as what may end a list of commands. */
  #ending(): string {
    return this.#token.kind === "word" ? this.#token.keyword ?? "" : this.#token.kind;
  }

  #command(): Statement {
    if (this.#token.kind !== "word") this.#fail("a command");
    switch (this.#token.keyword) {
      case undefined:
        return this.#simpleCommand();
      case "if":
        return this.#if();
      case "for":
        return this.#for();
      case "while":
      case "until":
        return this.#while(this.#token.keyword === "until");
      default:
        this.#fail("a command");
    }
  }

  #simpleCommand(): Statement {
    const words = this.#words();
    return this.#token.kind === "{" ? { kind: "command", words, block: this.#block() } : { kind: "command", words };
  }

  #words(): readonly Word[] {
    const words: Word[] = [];
    for (; this.#token.kind === "word"; this.#next()) words.push(this.#token.word);
    return words;
  }

  /** @param isDelimited whether a ";" or a newline must stand before the "}", as in functions */
  #block(isDelimited = false): readonly Statement[] {
    return this.#construct('"{"', () => {
      this.#next();
      const body = this.#commandsUpTo(isDelimited ? ";}" : "}");
      this.#next();
      return body;
    });
  }

  #if(): Statement {
    const branches: { condition: readonly Statement[]; body: readonly Statement[] }[] = [];
    let otherwise: readonly Statement[] = [];
    return this.#construct('"if"', () => {
      let keyword: string;
      do {
        this.#next(); // if, elif
        const condition = this.#commandsUpTo("then");
        this.#next();
        branches.push({ condition, body: this.#commandsUpTo("elif", "else", "fi") });
        keyword = this.#ending();
      } while (keyword === "elif");
      if (keyword === "else") {
        this.#next();
        otherwise = this.#commandsUpTo("fi");
      }
      this.#next();
      return { kind: "if", branches, otherwise };
    });
  }

  #for(): Statement {
    return this.#construct('"for"', () => {
      this.#next();
      const name = this.#name();
      this.#expect("in");
      const words = this.#words();
      if (!this.#skipDelimiter()) this.#fail("the end of the list");
      return { kind: "for", name, words, body: this.#loopBody() };
    });
  }

  #while(isUntil: boolean): Statement {
    return this.#construct(isUntil ? '"until"' : '"while"', () => {
      this.#next();
      const condition = this.#commandsUpTo("do");
      return { kind: "while", isUntil, condition, body: this.#loopBody() };
    });
  }

  #loopBody(): readonly Statement[] {
    this.#expect("do");
    const body = this.#commandsUpTo("done");
    this.#next();
    return body;
  }

  /** When the file ends inside of constructs, the message names the innermost one and the line where it began. */
  #construct<T>(name: string, read: () => T): T {
    const { line } = this.#token;
    try {
      return read();
    } catch (error) {
      const isUnclosed = error instanceof GrubSyntaxError && this.#token.kind === "end" && !this.#isUnclosed;
      if (!isUnclosed) throw error;
      this.#isUnclosed = true;
      throw new GrubSyntaxError(line, `a ${name} is not closed`);
    }
  }

  #function(): Statement {
    this.#next();
    const name = this.#name();
    this.#skipNewlines();
    if (this.#token.kind !== "{") this.#fail('"{"');
    return { kind: "function", name, body: this.#block(true) };
  }

  #name(): string {
    if (this.#token.kind !== "word" || this.#token.name === undefined) this.#fail("a name");
    const { name } = this.#token;
    this.#next();
    return name;
  }

  #expect(keyword: string): void {
    if (this.#ending() !== keyword) this.#fail(`"${keyword}"`);
    this.#next();
  }

  #skipNewlines(): boolean {
    const isNewline = this.#token.kind === "newline";
    while (this.#token.kind === "newline") this.#next();
    return isNewline;
  }

  /** One ";" or newline, then any number of newlines. */
  #skipDelimiter(): boolean {
    if (this.#token.kind !== ";" && this.#token.kind !== "newline") return false;
    this.#next();
    this.#skipNewlines();
    return true;
  }

  #next(): void {
    this.#token = this.tokens.next();
  }

  #fail(wanted: string): never {
    throw new GrubSyntaxError(this.#token.line, `wanted ${wanted}, found ${describe(this.#token)}`);
  }
}

function describe(token: Token): string {
  switch (token.kind) {
    case "word":
      return `"${token.word.map((part) => part.kind === "text" ? part.text : `$${part.name}`).join("")}"`;
    case "end":
      return "the end of the file";
    case "newline":
      return "the end of the line";
    case "other":
      return `"${token.text}"`;
    default:
      return `"${token.kind}"`;
  }
}
