/**
 * Where a text that is not YAML goes wrong. A YAML reader notices a list without "]" at the next key, a line or a page
 * below the fault; people need the place where the "[" stands. This looks at lines and indentation, as people do.
 * Pure.
 */

import type { SyntaxProblem } from "./parse.ts";
import { quoteText } from "./diagnostics.ts";

/** Something that was opened: a list, a mapping in braces, or a quote. */
interface Opening {
  readonly character: string;
  readonly line: number;
  readonly column: number;
}

const closings: Readonly<Record<string, string>> = { "[": "]", "{": "}" };
const things: Readonly<Record<string, string>> = { "[": "a list", "{": "a mapping" };

/**
 * @param text that a YAML reader refused
 * @param keys names that may stand before a colon
 * @returns the first fault that explains it, undefined when none is seen
 */
export function findFault(text: string, keys: ReadonlySet<string>): SyntaxProblem | undefined {
  const scan = new Scan(keys);
  const lines = text.replace(/^\ufeff/, "").split(/\r\n|\n|\r/);
  for (const [index, line] of lines.entries()) {
    const fault = scan.take(line, index + 1);
    if (fault !== undefined) return fault;
  }
  return scan.end();
}

class Scan {
  readonly #keys: ReadonlySet<string>;
  /** Lists and mappings in brackets that are open, the outermost first. */
  readonly #open: Opening[] = [];
  #quote: Opening | undefined;
  /** Blanks before the line in which the outermost of them was opened; what goes on has to have more. */
  #outerIndent = 0;
  readonly #blocks = new BlockLevels();

  constructor(keys: ReadonlySet<string>) {
    this.#keys = keys;
  }

  take(line: string, number: number): SyntaxProblem | undefined {
    const indent = line.length - line.trimStart().length;
    const content = line.slice(indent);
    const isOpen = this.#open.length > 0 || this.#quote !== undefined;
    if (content === "" || (this.#quote === undefined && content.startsWith("#"))) return undefined;
    if (isOpen && indent <= this.#outerIndent && !/^[\]}]/.test(content)) return this.end();
    if (!isOpen) {
      if (this.#blocks.isInText(indent)) return undefined;
      const fault = findTab(line, number) ?? this.#findLineFault(line, number) ?? this.#blocks.take(line, number);
      if (fault !== undefined) return fault;
      this.#outerIndent = indent;
    }
    return this.#follow(line, number);
  }

  end(): SyntaxProblem | undefined {
    const opening = this.#quote ?? this.#open[0];
    if (opening === undefined) return undefined;
    const { character, line, column } = opening;
    const thing = things[character];
    return fatal(
      { line, column },
      thing === undefined ? `a quote that is not closed` : `${thing} that is not closed`,
      thing === undefined ? `a second ${character} at the end of the value` : `"${closings[character]}" at its end`,
    );
  }

  /** Brackets and quotes of one line. */
  #follow(line: string, number: number): SyntaxProblem | undefined {
    let isStart = true; // a value may start here
    for (let index = 0; index < line.length; index++) {
      const character = line.charAt(index);
      if (this.#quote !== undefined) {
        if (character === "\\" && this.#quote.character === '"') index++;
        else if (character === this.#quote.character) {
          if (character === "'" && line.charAt(index + 1) === "'") index++;
          else {
            this.#quote = undefined;
            // A value ends with its quote; an apostrophe inside single quotes is the usual reason.
            if (/[^\s,\]}:#]/.test(line.charAt(index + 1))) {
              const other = character === "'" ? '"' : "'";
              return fatal(
                { line: number, column: index + 2 },
                `text after the closing ${character}`,
                `the whole value between two ${other}, or a ${character} in it twice`,
              );
            }
          }
        }
        continue;
      }
      const isSpaceBefore = index === 0 || /\s/.test(line.charAt(index - 1));
      const isFlow = this.#open.length > 0;
      const place = { character, line: number, column: index + 1 };
      if (character === "#" && isSpaceBefore) break;
      if (isStart && (character === '"' || character === "'")) this.#quote = place;
      else if (isStart && closings[character] !== undefined) this.#open.push(place);
      else if (isFlow && (character === "]" || character === "}")) {
        const opening = this.#open.pop();
        const closing = opening && closings[opening.character];
        if (opening !== undefined && closing !== character) {
          const where = opening.line === number ? "" : ` in line ${opening.line}`;
          return fatal(place, `"${character}"`, `"${closing}", as "${opening.character}"${where} is open`);
        }
      }
      if (/\s/.test(character)) {
        const before = line.slice(0, index);
        isStart ||= /(^|\s)[-?:]$|:$/.test(before);
      } else isStart = closings[character] !== undefined && (isStart || isFlow) || (isFlow && character === ",");
    }
    return undefined;
  }

  /** What one line alone shows. Values are not repeated: one of them may be a password. */
  #findLineFault(line: string, number: number): SyntaxProblem | undefined {
    const missing = findMissingBlank(line, this.#keys);
    if (missing !== undefined) {
      return fatal({ line: number, column: missing.column }, missing.found, missing.wanted);
    }
    const dash = /^(\s*)-(?=[^\s\-.\d])/.exec(line);
    if (dash !== null) {
      const column = dash[0].length + 1;
      return fatal({ line: number, column }, "no blank after the dash of a list", `"- ${line.trim().slice(1)}"`);
    }
    const colon = /^\s*(?:- +)*[^\s"'#[{&*!|>%@`][^"'#[{:]*:[ \t]+[^\s"'[{|>&*#!][^#]*?:(?=\s|$)/.exec(line);
    if (colon !== null) {
      return fatal({ line: number, column: colon[0].length }, "a second colon in one line", "the value in quotes");
    }
    return undefined;
  }
}

/** "name:laptop": a known name, and a colon without a blank behind it. Shared with the check of values. */
export function findMissingBlank(
  line: string,
  keys: ReadonlySet<string>,
): { readonly column: number; readonly found: string; readonly wanted: string } | undefined {
  const match = /^(\s*(?:- +)*)([A-Za-z][\w-]*):(?=\S)/.exec(line);
  const [all, , name] = match ?? [];
  if (all === undefined || name === undefined || !keys.has(name)) return undefined;
  return { column: all.length + 1, found: `no blank after the colon of "${name}:"`, wanted: `"${name}: …"` };
}

function findTab(line: string, number: number): SyntaxProblem | undefined {
  const column = /^ *\t/.exec(line)?.[0].length;
  return column === undefined ? undefined : fatal({ line: number, column }, "a tab", "blanks for indentation");
}

/** The indentation of keys and list items. */
class BlockLevels {
  /** Blanks before the keys of each mapping that is open, growing, with the line that opened it. */
  #levels: { readonly indent: number; readonly line: number }[] = [];
  #last: { readonly indent: number; readonly name: string; readonly hasValue: boolean } | undefined;
  /** Lines with more blanks than that belong to a text that "|" or ">" has started. */
  #textIndent: number | undefined;

  isInText(indent: number): boolean {
    if (this.#textIndent !== undefined && indent > this.#textIndent) return true;
    this.#textIndent = undefined;
    return false;
  }

  take(line: string, number: number): SyntaxProblem | undefined {
    const match = /^( *)((?:- +)*)(?:("[^"]*"|'[^']*'|[^\s"'#[{][^#:]*):(?=\s|$)(.*)|-?.*)$/.exec(line);
    const [, blanks = "", dashes = "", key, rest = ""] = match ?? [];
    const name = key?.trimEnd();
    const isItem = dashes !== "" || /^ *-$/.test(line);
    if (name === undefined && !isItem) return undefined;
    const indent = blanks.length;
    const value = rest.replace(/(^|\s)#.*$/, "").trim();
    const fault = this.#place(indent, number, name ?? "-");
    if (fault !== undefined) return fault;
    if (name !== undefined && dashes !== "") this.#levels.push({ indent: indent + dashes.length, line: number });
    if (/^[|>][+-]?\d?[+-]?$/.test(value)) this.#textIndent = indent;
    if (name !== undefined) {
      this.#last = { indent: indent + dashes.length, name, hasValue: value !== "" && !/^[&!]\S*$/.test(value) };
    }
    return undefined;
  }

  #place(indent: number, line: number, name: string): SyntaxProblem | undefined {
    const top = this.#levels.at(-1);
    const describe = (found: string, wanted: string): SyntaxProblem =>
      fatal({ line, column: indent + 1 }, `${found} before ${quoteText(name)}`, wanted);
    if (top === undefined || indent > top.indent) {
      if (top !== undefined && this.#last?.hasValue && indent > this.#last.indent && name !== "-") {
        return describe(countBlanks(indent), `${countBlanks(top.indent)}, as before ${quoteText(this.#last.name)}`);
      }
      this.#levels.push({ indent, line });
      return undefined;
    }
    const outer = this.#levels.filter((level) => level.indent <= indent);
    if (outer.at(-1)?.indent !== indent) {
      const lines = `${countBlanks(top.indent)}, as in line ${top.line}`;
      const other = outer.at(-1);
      return describe(
        countBlanks(indent),
        other === undefined ? lines : `${lines}, or ${countBlanks(other.indent)}, as in line ${other.line}`,
      );
    }
    this.#levels = outer;
    return undefined;
  }
}

function countBlanks(count: number): string {
  return count === 0 ? "no blanks" : count === 1 ? "1 blank" : `${count} blanks`;
}

function fatal(
  { line, column }: { readonly line: number; readonly column: number },
  found: string,
  wanted: string,
): SyntaxProblem {
  return { position: { line, column }, found, wanted, isFatal: true };
}
