/** Looks into a valibot schema: which keys it knows, and with which defaults. */

import type * as v from "valibot";

/** The parts of valibot's schema objects that are read here (its documentation, "Schema"; the types there are one per kind). */
interface SchemaParts {
  readonly wrapped?: v.GenericSchema;
  readonly default?: unknown;
  readonly entries?: Readonly<Record<string, v.GenericSchema>>;
  readonly rest?: v.GenericSchema;
  readonly item?: v.GenericSchema;
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

/** @returns the names of the keys of a mapping, or undefined when `schema` is no mapping */
export function knownKeys(schema: v.GenericSchema): readonly string[] | undefined {
  const { entries } = partsOf(unwrapSchema(schema));
  return entries && Object.keys(entries);
}

/** @returns the schema of one key or item, or undefined for an unknown one */
export function childSchema(schema: v.GenericSchema, step: string | number): v.GenericSchema | undefined {
  const { item, entries, rest } = partsOf(unwrapSchema(schema));
  if (typeof step === "number") return item;
  return entries !== undefined && Object.hasOwn(entries, step) ? entries[step] : rest;
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
  const { entries, rest } = partsOf(unwrapSchema(schema));
  return [
    ...Object.entries(entries ?? {}).flatMap(([name, child]) => listKey(child, prefix + name)),
    ...(rest === undefined ? [] : listKey(rest, `${prefix}NAME`)),
  ];
}

function listKey(schema: v.GenericSchema, path: string): readonly KeyInfo[] {
  if (knownKeys(schema) !== undefined) return listKeys(schema, `${path}.`);
  const outer = partsOf(schema);
  const description = partsOf(unwrapSchema(schema)).pipe?.find(({ type }) => type === "description")?.description ?? "";
  const fallback = outer.default === undefined ? {} : { fallback: outer.default };
  return [{ path, description, isRequired: outer.wrapped === undefined, ...fallback }];
}
