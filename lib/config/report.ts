/** Collects what is wrong with one file, each at its place in the YAML tree. */

import type { Diagnostic, Position } from "./diagnostics.ts";
import { compareDiagnostics, quoteText } from "./diagnostics.ts";
import type { YamlNode } from "./parse.ts";

/** Keys and list indexes from the top of the file on. */
export type KeyPath = readonly (string | number)[];

export class Report {
  readonly #root: YamlNode | undefined;
  readonly #diagnostics: Diagnostic[] = [];

  constructor(root: YamlNode | undefined) {
    this.#root = root;
  }

  /** @returns what was reported, in the order of the file, one diagnostic for each key and level */
  diagnostics(): readonly Diagnostic[] {
    const seen = new Set<string>();
    return this.#diagnostics
      .filter(({ line, column, key, level }) => {
        const id = `${line}:${column}:${key}:${level}`;
        return !seen.has(id) && seen.add(id);
      })
      .sort(compareDiagnostics);
  }

  /** @param found default: the value as written */
  error(path: KeyPath, wanted: string, found?: string): void {
    this.#add("error", path, wanted, found);
  }

  warning(path: KeyPath, wanted: string, found?: string): void {
    this.#add("warning", path, wanted, found);
  }

  /** For what has a place but no key of its own. */
  at(position: Position, diagnostic: Omit<Diagnostic, "line" | "column">): void {
    this.#diagnostics.push({ line: position.line, column: position.column, ...diagnostic });
  }

  /** @returns the value at `path`; undefined when the file has no such key */
  nodeAt(path: KeyPath): YamlNode | undefined {
    return path.reduce<YamlNode | undefined>((node, step) => node && childOf(node, step)?.value, this.#root);
  }

  #add(level: Diagnostic["level"], path: KeyPath, wanted: string, found?: string): void {
    const node = this.nodeAt(path);
    const position = node?.position ?? this.#nearestPosition(path);
    const key = path.length === 0 ? {} : { key: formatPath(path) };
    this.at(position, { level, ...key, found: found ?? describeNode(node), wanted });
  }

  /** Where a missing key would have to be: the key of the innermost mapping that is there. */
  #nearestPosition(path: KeyPath): Position {
    let node = this.#root;
    let position = node?.position ?? { line: 1, column: 1 };
    for (const step of path) {
      const child: { position: Position; value: YamlNode } | undefined = node && childOf(node, step);
      if (child === undefined) break;
      ({ position, value: node } = child);
    }
    return position;
  }
}

function childOf(node: YamlNode, step: string | number): { position: Position; value: YamlNode } | undefined {
  if (node.kind === "map") return node.entries.find((entry) => entry.key === step);
  const item = node.kind === "list" ? node.items[Number(step)] : undefined;
  return item && { position: item.position, value: item };
}

/** @returns for example "modules[2]" or "boot.part.block" */
export function formatPath(path: KeyPath): string {
  return path
    .map((step) => typeof step === "number" ? `[${step}]` : /^[\w-]+$/.test(step) ? step : quoteText(step))
    .reduce((text, step) => text === "" ? step : step.startsWith("[") ? text + step : `${text}.${step}`, "");
}

/**
 * What stands in the file, for "found …". @param wanted what YAML makes of a value is of interest where a text is
 * wanted
 */
export function describeNode(node: YamlNode | undefined, wanted: "text" | "value" = "text"): string {
  if (node === undefined) return "nothing";
  if (node.kind !== "scalar") return node.kind === "map" ? "a mapping" : "a list";
  switch (typeof node.value) {
    case "string":
      return quoteText(node.value);
    case "number":
      if (wanted === "value" && /^[-+]?[\d.]+$/.test(node.source)) return node.source;
      return `${quoteText(node.source)}, which YAML reads as a number`;
    case "boolean":
      return `${quoteText(node.source)}, which YAML reads as ${node.value}`;
    case "symbol":
      return `${quoteText(node.source)}, which YAML reads as ${node.value.description}`;
    default:
      return "nothing";
  }
}
