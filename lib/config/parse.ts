/**
 * YAML text -> a tree that knows where each value stands. The only module that knows the YAML library.
 *
 * YAML 1.1, because the original's files are read so by PyYAML: "yes" and "on" are true, 11:22:33 is a number of base
 * 60.
 */

import type { Alias, Document, LineCounter, Node, Pair, ParsedNode, YAMLMap, YAMLSeq } from "yaml";
import { type Position, quoteText } from "./diagnostics.ts";

export type YamlNode = YamlMap | YamlList | YamlScalar;

export interface YamlMap {
  readonly kind: "map";
  readonly position: Position;
  /** Every key once, in the order of the file. */
  readonly entries: readonly YamlEntry[];
}

export interface YamlEntry {
  readonly key: string;
  readonly position: Position;
  readonly value: YamlNode;
}

export interface YamlList {
  readonly kind: "list";
  readonly position: Position;
  readonly items: readonly YamlNode[];
}

export interface YamlScalar {
  readonly kind: "scalar";
  readonly position: Position;
  /** What YAML makes of it; anything but these (a date, binary data) is a symbol that says what it is. */
  readonly value: string | number | boolean | null | symbol;
  /** As written, without quotes. */
  readonly source: string;
}

export interface SyntaxProblem {
  readonly position: Position;
  readonly found: string;
  readonly wanted: string;
  /** Nothing after this place can be trusted to be what the user meant. */
  readonly isFatal: boolean;
}

export interface ParsedYaml {
  /** Absent when the file is empty or holds nothing that can be read. */
  readonly root?: YamlNode;
  readonly problems: readonly SyntaxProblem[];
}

/** A real file has some 5 KB; these bounds keep a broken or hostile one from taking the machine's memory. */
export const MAX_TEXT_LENGTH = 128 * 1024;
const MAX_NODES = 50_000;
const MAX_DEPTH = 50;
const MAX_PROBLEMS = 20;

const START: Position = { line: 1, column: 1 };

/** Never throws, whatever the text is. Needs `--allow-env=LOG_TOKENS,LOG_STREAM`, which the library reads. */
export async function parseYaml(text: string): Promise<ParsedYaml> {
  if (text.length > MAX_TEXT_LENGTH) {
    return failedWith(START, `${text.length} characters`, `at most ${MAX_TEXT_LENGTH}`);
  }
  // Imported here: it takes 90 ms, which a command that reads no configuration should not wait for.
  const yaml = await import("yaml");
  const lines = new yaml.LineCounter();
  let document: Document.Parsed<ParsedNode>;
  try {
    // Keys are compared in TreeBuilder, which also sees those that differ only in quotes. Messages are made here.
    const options = {
      version: "1.1",
      lineCounter: lines,
      uniqueKeys: false,
      prettyErrors: false,
      logLevel: "error",
    } as const;
    document = yaml.parseDocument(text, options);
  } catch (error) {
    // The library looks for LOG_TOKENS and LOG_STREAM in the environment: a grant that is missing is not the text's
    // fault.
    if (error instanceof Error && error.name === "NotCapable") throw error;
    // Known case: thousands of open brackets exhaust the stack of the library's composer.
    return failedWith(
      START,
      `text that no YAML reader can take (${messageOf(error)})`,
      "YAML, nested a few levels deep",
    );
  }
  const builder = new TreeBuilder(document, lines, yaml);
  for (const { code, message, pos } of document.errors.slice(0, MAX_PROBLEMS)) {
    builder.problems.push({ position: builder.positionAt(pos[0]), ...explainSyntax(code, message), isFatal: true });
  }
  for (const { code, pos } of document.warnings) {
    if (code !== "TAG_RESOLVE_FAILED") continue;
    builder.problems.push({
      position: builder.positionAt(pos[0]),
      found: "an unknown tag",
      wanted: "a value without one",
      isFatal: false,
    });
  }
  try {
    const root = document.contents === null ? undefined : builder.build(document.contents, 0);
    return { ...(root === undefined ? {} : { root }), problems: builder.problems };
  } catch (error) {
    if (!(error instanceof TooMuch)) throw error;
    return failedWith(error.position, error.message, "a few dozen keys and values, as in config-example.yaml");
  }
}

function failedWith(position: Position, found: string, wanted: string): ParsedYaml {
  return { problems: [{ position, found, wanted, isFatal: true }] };
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** The library's error codes that people run into, in words of ours; its own words for the rest. */
function explainSyntax(code: string, message: string): { found: string; wanted: string } {
  switch (code) {
    case "TAB_AS_INDENT":
      return { found: "a tab", wanted: "blanks for indentation" };
    case "BAD_INDENT":
      return {
        found: "an indentation that fits nothing above it",
        wanted: "the same number of blanks before each key of a group",
      };
    case "MULTIPLE_DOCS":
      return { found: `a second document after "---"`, wanted: "one document" };
    case "MULTILINE_IMPLICIT_KEY":
      return {
        found: "a key over several lines",
        wanted: `"key: value" on one line (is a quote or colon missing above?)`,
      };
    case "MISSING_CHAR":
      return { found: `something incomplete (${firstLine(message)})`, wanted: "the missing character" };
    case "BAD_SCALAR_START":
      return { found: "a character that cannot start a value", wanted: "the value in quotes" };
    case "BAD_ALIAS":
      return {
        found: `a bad alias (${firstLine(message)})`,
        wanted: `the value in quotes when a text starts with "*"`,
      };
    default:
      return { found: `something that is not YAML (${firstLine(message)})`, wanted: "YAML, as in config-example.yaml" };
  }
}

function firstLine(text: string): string {
  return quoteText(text.split("\n")[0] ?? "").slice(1, -1);
}

class TooMuch extends Error {
  constructor(readonly position: Position, message: string) {
    super(message);
  }
}

/** Turns the library's nodes into ours: aliases and "<<" followed, duplicated keys noted. */
class TreeBuilder {
  readonly problems: SyntaxProblem[] = [];
  /** The last node of each anchor so far; looking them up in the document would take a walk for each alias. */
  readonly #anchors = new Map<string, unknown>();
  #nodes = 0;

  constructor(
    readonly document: Document,
    readonly lines: LineCounter,
    readonly yaml: typeof import("yaml"),
  ) {}

  positionAt(offset: number): Position {
    const { line, col } = this.lines.linePos(offset);
    // The library counts from 0 when there is no line at all.
    return { line: Math.max(1, line), column: Math.max(1, col) };
  }

  build(node: unknown, depth: number, at?: Position): YamlNode {
    const position = at ?? this.#positionOf(node);
    if (++this.#nodes > MAX_NODES) throw new TooMuch(position, `more than ${MAX_NODES} values`);
    // An alias that contains itself gets here, too.
    if (depth > MAX_DEPTH) throw new TooMuch(position, `values nested deeper than ${MAX_DEPTH} levels`);
    if (this.yaml.isAlias(node)) return this.#buildAlias(node, depth, position);
    if (this.yaml.isNode(node) && "anchor" in node && node.anchor !== undefined) this.#anchors.set(node.anchor, node);
    if (this.yaml.isMap(node)) return { kind: "map", position, entries: this.#buildEntries(node, depth) };
    if (this.yaml.isSeq(node)) return { kind: "list", position, items: this.#buildItems(node, depth) };
    if (!this.yaml.isScalar(node)) return { kind: "scalar", position, value: null, source: "" };
    return { kind: "scalar", position, value: plainValue(node.value), source: node.source ?? String(node.value) };
  }

  #buildAlias(alias: Alias, depth: number, position: Position): YamlNode {
    if (this.#anchors.has(alias.source)) return this.build(this.#anchors.get(alias.source), depth + 1, position);
    this.#note(
      position,
      `an alias ${quoteText(`*${alias.source}`)} of nothing`,
      `the value in quotes when a text starts with "*"`,
    );
    return { kind: "scalar", position, value: null, source: "" };
  }

  #buildItems(list: YAMLSeq, depth: number): YamlNode[] {
    return list.items.map((item) => {
      // Only the tags !!omap and !!pairs have pairs as items.
      if (this.yaml.isPair(item)) {
        return { kind: "scalar", position: this.#positionOf(item.key), value: Symbol("a pair"), source: "" };
      }
      return this.build(item, depth + 1);
    });
  }

  #buildEntries(map: YAMLMap, depth: number): YamlEntry[] {
    const entries = new Map<string, YamlEntry>();
    const merged: YamlEntry[] = [];
    for (const pair of map.items) {
      if (this.#isMergeKey(pair)) {
        merged.push(...this.#mergedEntries(this.build(pair.value, depth + 1)));
        continue;
      }
      const entry = this.#buildEntry(pair, depth);
      const first = entries.get(entry.key);
      if (first === undefined) entries.set(entry.key, entry);
      else {
        this.#note(
          entry.position,
          `the key ${quoteText(entry.key)} again`,
          `it once (it is in line ${first.position.line} already)`,
        );
      }
    }
    // The map's own keys win over merged ones; of several merged maps the first wins
    // (https://yaml.org/type/merge.html).
    for (const entry of merged) if (!entries.has(entry.key)) entries.set(entry.key, entry);
    return [...entries.values()];
  }

  #buildEntry(pair: Pair<unknown, unknown>, depth: number): YamlEntry {
    const position = this.#positionOf(pair.key);
    const key = this.build(pair.key, depth + 1);
    const name = key.kind === "scalar" ? key.source : undefined;
    if (name === undefined) this.#note(position, `a ${key.kind} as a key`, "a name");
    // An empty value has no place that one could point at.
    const isEmpty = !pair.value ||
      (this.yaml.isScalar(pair.value) && pair.value.source === "" && pair.value.type === "PLAIN");
    return {
      key: name ?? "",
      position,
      value: this.build(pair.value ?? null, depth + 1, isEmpty ? position : undefined),
    };
  }

  #isMergeKey(pair: Pair<unknown, unknown>): boolean {
    return this.yaml.isScalar(pair.key) && pair.key.source === "<<" && pair.key.type === "PLAIN";
  }

  #mergedEntries(node: YamlNode): readonly YamlEntry[] {
    if (node.kind === "map") return node.entries;
    if (node.kind === "list") return node.items.flatMap((item) => this.#mergedEntries(item));
    this.#note(node.position, `"<<" with ${quoteText(node.source)}`, "an alias of a mapping");
    return [];
  }

  #positionOf(node: unknown): Position {
    const range = this.yaml.isNode(node) ? (node as Node).range : undefined;
    return range ? this.positionAt(range[0]) : START;
  }

  #note(position: Position, found: string, wanted: string): void {
    this.problems.push({ position, found, wanted, isFatal: false });
  }
}

function plainValue(value: unknown): YamlScalar["value"] {
  if (value === null || value === undefined) return null;
  if (typeof value === "string" || typeof value === "number" || typeof value === "boolean") return value;
  if (typeof value === "bigint") return Number(value);
  return Symbol(value instanceof Date ? "a date" : "binary data");
}
