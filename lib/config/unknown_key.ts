/**
 * A key that means nothing where it stands: a warning, or an error when what it may have been meant for must not be
 * left at its default (`guards` in schema.ts). Pure.
 */

import type * as v from "valibot";
import { type Diagnostic, quoteText } from "./diagnostics.ts";
import { findMissingBlank } from "./find_fault.ts";
import { foldName, nearestName } from "./nearest_name.ts";
import type { YamlMap } from "./parse.ts";
import { formatPath, type KeyPath } from "./report.ts";
import { configSchema } from "./schema.ts";
import { childSchema, isGuarded, isGuardedThroughout, keyNames, knownKeys, listKeys } from "./schema_keys.ts";

interface Place {
  readonly map: YamlMap;
  readonly path: KeyPath;
  /** Schema of the mapping. */
  readonly schema: v.GenericSchema;
}

/** The message about an unknown key of a mapping. */
export function judgeUnknownKey(key: string, { map, path, schema }: Place): Omit<Diagnostic, "line" | "column"> {
  const names = knownKeys(schema) ?? [];
  const where = path.length === 0 ? {} : { key: formatPath(path) };
  const missing = findMissingBlank(key, keyNames(configSchema));
  if (missing !== undefined) return { level: "error", ...where, found: missing.found, wanted: missing.wanted };
  const free = names.filter((name) => !map.entries.some((entry) => entry.key === name));
  const near = nearestName(key, free) ?? nearestName(key, names);
  const nearSchema = near === undefined ? undefined : childSchema(schema, near);
  const elsewhere = near === undefined ? findGuardedHome(key) : undefined;
  const isError = elsewhere !== undefined || (nearSchema !== undefined && isGuarded(nearSchema)) ||
    (path.length > 0 && isGuardedThroughout(schema));
  const all = names.join(", ");
  const wanted = elsewhere !== undefined
    ? `"${elsewhere.name}" below "${elsewhere.group}:"`
    : near === undefined
    ? `one of ${all}`
    : `"${near}" perhaps (of ${all})`;
  return {
    level: isError ? "error" : "warning",
    ...where,
    found: `the unknown key ${quoteText(key)}`,
    wanted,
  };
}

/** Where a name that stands in the wrong group belongs, when it is the name of such a key. */
function findGuardedHome(key: string): { readonly name: string; readonly group: string } | undefined {
  const guardedKey = listKeys(configSchema).find(({ path, isGuarded }) =>
    isGuarded && foldName(path.slice(path.lastIndexOf(".") + 1)) === foldName(key)
  );
  if (guardedKey === undefined || guardedKey.path.includes("NAME")) return undefined;
  const end = guardedKey.path.lastIndexOf(".");
  return { name: guardedKey.path.slice(end + 1), group: guardedKey.path.slice(0, end) };
}
