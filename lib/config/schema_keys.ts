/** Looks into a valibot schema: which keys it knows, and with which defaults. */

import type * as v from "valibot";
import type { YamlNode } from "./parse.ts";

/** The parts of valibot's schema objects that are read here (its documentation, "Schema"; the types there are one per kind). */
interface SchemaParts {
  readonly type: string;
  readonly wrapped?: v.GenericSchema;
  readonly default?: unknown;
  readonly entries?: Readonly<Record<string, v.GenericSchema>>;
  readonly rest?: v.GenericSchema;
  readonly item?: v.GenericSchema;
  readonly key?: string;
  readonly literal?: unknown;
  readonly options?: readonly unknown[];
  readonly pipe?: readonly { readonly type: string; readonly description?: string }[];
}

function partsOf(schema: v.GenericSchema): SchemaParts {
  return schema as unknown as SchemaParts;
}

/** What is inside "may be left out". */
function unwrapSchema(schema: v.GenericSchema): v.GenericSchema {
  const { wrapped } = partsOf(schema);
  return wrapped === undefined ? schema : unwrapSchema(wrapped);
}

/** The object schemas that may apply: several when `type` chooses one and does not say which. */
function objectSchemas(schema: v.GenericSchema, node?: YamlNode): SchemaParts[] {
  const parts = partsOf(unwrapSchema(schema));
  if (parts.type !== "variant") return parts.entries === undefined ? [] : [parts];
  const options = (parts.options ?? []).map((option) => partsOf(option as v.GenericSchema));
  const chosen = options.filter(({ entries }) => {
    const literal = entries && parts.key !== undefined ? entries[parts.key] : undefined;
    return literal !== undefined && partsOf(literal).literal === scalarAt(node, parts.key);
  });
  return chosen.length > 0 ? chosen : options;
}

function scalarAt(node: YamlNode | undefined, key: string | undefined): unknown {
  const value = node?.kind === "map" ? node.entries.find((entry) => entry.key === key)?.value : undefined;
  return value?.kind === "scalar" ? value.value : undefined;
}

/** @returns the names of the keys of a mapping, or undefined when `schema` is no mapping */
export function knownKeys(schema: v.GenericSchema, node?: YamlNode): readonly string[] | undefined {
  const objects = objectSchemas(schema, node);
  if (objects.length === 0) return undefined;
  return [...new Set(objects.flatMap(({ entries }) => Object.keys(entries ?? {})))];
}

/** @returns the schema of one key or item, or undefined for an unknown one */
export function childSchema(
  schema: v.GenericSchema,
  step: string | number,
  node?: YamlNode,
): v.GenericSchema | undefined {
  if (typeof step === "number") return partsOf(unwrapSchema(schema)).item;
  for (const { entries, rest } of objectSchemas(schema, node)) {
    if (entries !== undefined && Object.hasOwn(entries, step)) return entries[step];
    if (rest !== undefined) return rest;
  }
  return undefined;
}

export interface KeyInfo {
  /** Dotted; NAME stands for a name of the user's own choice. */
  readonly path: string;
  readonly description: string;
  /** Absent when there is none. */
  readonly fallback?: unknown;
  /** Has to be there when the mapping around it is. */
  readonly isRequired: boolean;
}

/** @returns every key that holds a value (not those that only group others), in the order of the schema */
export function listKeys(schema: v.GenericSchema, prefix = ""): readonly KeyInfo[] {
  const keys = objectSchemas(schema).flatMap(({ entries, rest }) => [
    ...Object.entries(entries ?? {}).flatMap(([name, child]) => listKey(child, prefix + name)),
    ...(rest === undefined ? [] : listKey(rest, `${prefix}NAME`)),
  ]);
  return keys.filter((key, index) => keys.findIndex(({ path }) => path === key.path) === index);
}

function listKey(schema: v.GenericSchema, path: string): readonly KeyInfo[] {
  if (knownKeys(schema) !== undefined) return listKeys(schema, `${path}.`);
  const outer = partsOf(schema);
  const description = partsOf(unwrapSchema(schema)).pipe?.find(({ type }) => type === "description")?.description ?? "";
  const fallback = outer.default === undefined ? {} : { fallback: outer.default };
  return [{ path, description, isRequired: outer.wrapped === undefined, ...fallback }];
}
