/** One part of the YAML tree against its schema: wrong and missing values are errors. */

import * as v from "valibot";
import { findMissingBlank } from "./find_fault.ts";
import type { YamlList, YamlMap, YamlNode, YamlScalar } from "./parse.ts";
import { describeNode, formatPath, type KeyPath, Report } from "./report.ts";
import { configSchema } from "./schema.ts";
import { childSchema, keyNames, knownKeys } from "./schema_keys.ts";
import { judgeUnknownKey } from "./unknown_key.ts";

/** Values that messages must not show. */
const SECRET_KEYS: readonly string[] = ["password"];

/**
 * @param path where `schema` applies
 * @returns the value with its defaults, or undefined when something in it is wrong
 */
export function validatePart<Schema extends v.GenericSchema>(
  schema: Schema,
  path: KeyPath,
  report: Report,
): v.InferOutput<Schema> | undefined {
  const node = report.nodeAt(path);
  const input = node === undefined ? undefined : toInput(node, schema, { path, report });
  const result = v.safeParse(schema, input);
  for (const issue of result.issues ?? []) reportIssue(issue, { base: path, schema, report });
  return result.success ? result.output : undefined;
}

/** The tree as the plain value that valibot takes. */
function toInput(
  node: YamlNode,
  schema: v.GenericSchema | undefined,
  where: { path: KeyPath; report: Report },
): unknown {
  const { path, report } = where;
  if (node.kind === "scalar") return plainInput(node);
  if (node.kind === "list") {
    // valibot would take a list for an object.
    if (schema && knownKeys(schema) !== undefined) return Symbol("a list");
    return node.items.map((item, index) =>
      toInput(item, schema && childSchema(schema, index), { path: [...path, index], report })
    );
  }
  const names = schema && knownKeys(schema);
  // No prototype, so that a key such as "constructor" is not there unless it is written.
  const value: Record<string, unknown> = Object.create(null);
  for (const { key, position, value: child } of node.entries) {
    const keySchema = schema && childSchema(schema, key);
    if (schema !== undefined && names !== undefined && keySchema === undefined) {
      report.at(position, judgeUnknownKey(key, { map: node, path, schema }));
      continue;
    }
    value[key] = toInput(child, keySchema, { path: [...path, key], report });
  }
  return value;
}

/**
 * A MAC address that YAML 1.1 takes for a number of base 60 (11:11:11:11:11:11), as written: no user means that
 * number.
 */
const macAddress = /^(?:[0-9A-Fa-f]{2}:){5}[0-9A-Fa-f]{2}$/;

function plainInput({ value, source }: YamlScalar): YamlScalar["value"] {
  return typeof value === "number" && macAddress.test(source) ? source : value;
}

function reportIssue(
  issue: v.BaseIssue<unknown>,
  { base, schema, report }: { readonly base: KeyPath; readonly schema: v.GenericSchema; readonly report: Report },
): void {
  const inner = (issue.path ?? []).map(({ key }) => key as string | number);
  const path: KeyPath = [...base, ...inner];
  const node = report.nodeAt(path);
  if (node === undefined) return report.error(path, "a value for this key", "nothing");
  if (node.kind !== "scalar") return report.error(path, `${issue.message}${cureOfMapping(node, path)}`);
  const leaf = inner.reduce<v.GenericSchema | undefined>((at, step) => at && childSchema(at, step), schema);
  const missing = leaf && knownKeys(leaf) && findMissingBlank(node.source, keyNames(configSchema));
  if (missing) {
    const { line, column } = node.position;
    const where = { line, column: column + missing.column - 1 };
    return report.at(where, { level: "error", key: formatPath(path), found: missing.found, wanted: missing.wanted });
  }
  const found = isSecret(path)
    ? describeSecret(node)
    : describeNode(node, issue.expected === "string" ? "text" : "value");
  report.error(path, `${issue.message}${cureOfScalar(node, leaf)}`, found);
}

const isSecret = (path: KeyPath): boolean =>
  SECRET_KEYS.includes(String(path.findLast((step) => typeof step === "string")));

/** The kind alone. */
function describeSecret({ value }: YamlScalar): string {
  if (value === null) return "nothing";
  const kind = typeof value === "symbol"
    ? value.description
    : typeof value === "boolean"
    ? "true or false"
    : `a ${typeof value}`;
  return typeof value === "string" ? "something else (not shown)" : `what YAML reads as ${kind} (not shown)`;
}

/** What to do about a value of the wrong kind, in words that follow "wanted …" in the message. */
function cureOfScalar({ value, source }: YamlScalar, schema: v.GenericSchema | undefined): string {
  if (value === null && source === "") return " (or leave the key out for its default)";
  const isText = typeof value === "string";
  if (!isText && schema !== undefined && v.safeParse(schema, source).success) return "; write it in quotes";
  if (value === null) return " (or leave the key out for its default)";
  if (!isText) return "";
  if (schema !== undefined && readPlain(source).some((plain) => v.safeParse(schema, plain).success)) {
    return "; write it without quotes";
  }
  return source.endsWith("]") && !source.includes("[") ? `; the "[" at its start is missing` : "";
}

/** A value in quotes as YAML would read it without. */
function readPlain(source: string): readonly (number | boolean)[] {
  if (/^\d+$/.test(source)) return [Number(source)];
  if (/^(true|yes|on)$/i.test(source)) return [true];
  return /^(false|no|off)$/i.test(source) ? [false] : [];
}

/** `{name: laptop}` where a text belongs is mostly a text with a colon. */
function cureOfMapping(node: YamlMap | YamlList, path: KeyPath): string {
  return node.kind === "map" && node.entries.length === 1 && typeof path.at(-1) === "number"
    ? "; a text with a colon and a blank needs quotes"
    : "";
}
