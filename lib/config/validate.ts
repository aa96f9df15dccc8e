/** One part of the YAML tree against its schema: unknown keys are warnings, wrong and missing values errors. */

import * as v from "valibot";
import { quoteText } from "./diagnostics.ts";
import { nearestName } from "./nearest_name.ts";
import type { YamlMap, YamlNode } from "./parse.ts";
import { type KeyPath, Report } from "./report.ts";
import { childSchema, knownKeys } from "./schema_keys.ts";

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
  for (const issue of result.issues ?? []) reportIssue(issue, path, report);
  return result.success ? result.output : undefined;
}

/** The tree as the plain value that valibot takes. */
function toInput(
  node: YamlNode,
  schema: v.GenericSchema | undefined,
  where: { path: KeyPath; report: Report },
): unknown {
  const { path, report } = where;
  if (node.kind === "scalar") return node.value;
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
    const known = schema && childSchema(schema, key);
    if (names !== undefined && known === undefined) {
      report.at(position, {
        level: "warning",
        ...(path.length === 0 ? {} : { key: path.join(".") }),
        ...unknownKey(key, names, node),
      });
      continue;
    }
    value[key] = toInput(child, known, { path: [...path, key], report });
  }
  return value;
}

/** The words for a key that means nothing here. */
export function unknownKey(key: string, names: readonly string[], map: YamlMap): { found: string; wanted: string } {
  const free = names.filter((name) => !map.entries.some((entry) => entry.key === name));
  const near = nearestName(key, free) ?? nearestName(key, names);
  const all = names.join(", ");
  return {
    found: `the unknown key ${quoteText(key)}`,
    wanted: near === undefined ? `one of ${all}` : `"${near}" perhaps (of ${all})`,
  };
}

function reportIssue(issue: v.BaseIssue<unknown>, base: KeyPath, report: Report): void {
  const path: KeyPath = [...base, ...(issue.path ?? []).map(({ key }) => key as string | number)];
  const node = report.nodeAt(path);
  const name = path.at(-1);
  if (node === undefined) {
    report.error(path, "a value for this key", "nothing");
  } else if (typeof name === "string" && SECRET_KEYS.includes(name)) {
    report.error(path, issue.message, "something else (not shown)");
  } else if (node.kind === "scalar" && node.value === null) {
    report.error(path, `${issue.message} (or leave the key out for its default)`);
  } else if (node.kind === "scalar" && typeof node.value !== "string" && issue.type === "string") {
    report.error(path, `${issue.message}, in quotes if it has to look like this`);
  } else {
    report.error(path, issue.message);
  }
}
