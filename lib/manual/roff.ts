/**
 * Text -> man(7): what groff and mandoc take alike (groff_char(7), mandoc_char(7)). Sources are ASCII, with lines of at
 * most 78 columns and a new line for each sentence, as man-pages(7) has it. Pure.
 */

const columns = 78;

const escapes: Readonly<Record<string, string>> = {
  "\\": "\\e",
  "'": "\\(aq",
  "`": "\\(ga",
  "^": "\\(ha",
  "~": "\\(ti",
  '"': "\\(dq",
};

function escapeCharacters(text: string): string {
  return text.replaceAll(
    /[\\'`^~"]|[^\x20-\x7e]/gu,
    (character) =>
      escapes[character] ?? `\\[u${character.codePointAt(0)?.toString(16).toUpperCase().padStart(4, "0")}]`,
  );
}

/** What is typed as it stands: its hyphens are those of the keyboard. */
export function literal(text: string): string {
  return escapeCharacters(text).replaceAll("-", "\\-");
}

export function bold(text: string): string {
  return `\\fB${literal(text)}\\fR`;
}

export function italic(text: string): string {
  return `\\fI${literal(text)}\\fR`;
}

/** Prose on one line: \`code\` is bold, and so are words that start with hyphens. */
export function inline(text: string): string {
  return text.split(/(`[^`]*`|(?<![\w-])--?[A-Za-z][\w-]*)/).map((part, index) =>
    index % 2 === 0 ? escapeCharacters(part) : bold(part.startsWith("`") ? part.slice(1, -1) : part)
  ).join("");
}

/** Lines of the source for one paragraph of prose. */
export function prose(text: string): readonly string[] {
  return inline(text.replaceAll(/\s+/g, " ").trim()).split(/(?<=[.!?:;]\)?) (?=[^a-z])/).flatMap(wrap).map(protect);
}

function wrap(text: string): readonly string[] {
  const lines: string[] = [];
  for (const word of text.split(" ")) {
    const last = lines.at(-1);
    if (last === undefined || last.length + 1 + word.length > columns) lines.push(word);
    else lines[lines.length - 1] = `${last} ${word}`;
  }
  return lines;
}

/** A line that starts with a dot would be a request. */
function protect(line: string): string {
  return /^[.']/.test(line) ? `\\&${line}` : line;
}

export function section(title: string, lines: readonly string[]): readonly string[] {
  return lines.length === 0 ? [] : [`.SH ${title}`, ...lines];
}

/** An empty line ends a paragraph; one whose lines start with two blanks is shown as it is. */
export function paragraphs(text: string): readonly string[] {
  return text.trim().split(/\n\n+/).flatMap((paragraph, index) => [
    ...index === 0 ? [] : [".PP"],
    ...paragraph.startsWith("  ") ? listing(paragraph.split("\n")) : prose(paragraph),
  ]);
}

function listing(lines: readonly string[]): readonly string[] {
  return [".nf", ...lines.map((line) => protect(literal(line))), ".fi"];
}

/** @param tag escaped */
export function tagged(tag: string, text: string): readonly string[] {
  return [".TP", protect(tag), ...text === "" ? ["\\&"] : prose(text)];
}

export interface PageHead {
  readonly name: string;
  readonly section: 1 | 5 | 8;
  /** In a few words, for apropos(1). */
  readonly purpose: string;
  readonly version: string;
  /** YYYY-MM-DD */
  readonly date: string;
}

export function formatPage(head: PageHead, body: readonly string[]): string {
  const { name, section: number, version, date } = head;
  return [
    '.\\" Written by "deno task manual".',
    `.TH ${literal(name.toUpperCase())} ${number} ${date} "Stiefelsystem ${version}" "Stiefelsystem"`,
    // Commands are not cut at the end of a line, and words are not stretched.
    ".nh",
    ".ad l",
    ...section("NAME", wrap(`${literal(name)} \\- ${inline(head.purpose)}`)),
    ...body,
    "",
  ].join("\n");
}

/** References to other pages, in the order of sections. */
export function seeAlso(pages: readonly PageName[]): readonly string[] {
  const last = pages.length - 1;
  return section(
    "SEE ALSO",
    pages.map(({ name, section }, index) => `.BR ${literal(name)} (${section})${index === last ? "" : " ,"}`),
  );
}

export interface PageName {
  readonly name: string;
  readonly section: PageHead["section"];
}
