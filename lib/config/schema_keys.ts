/** Looks into a valibot schema: which keys it knows, and with which defaults. */

import type * as v from "valibot";

/**
 * The parts of valibot's schema objects that are read here (its documentation, "Schema"; the types there are one per
 * kind).
 */
interface SchemaParts {
  readonly wrapped?: v.GenericSchema;
  readonly default?: unknown;
  readonly entries?: Readonly<Record<string, v.GenericSchema>>;
  readonly rest?: v.GenericSchema;
  readonly item?: v.GenericSchema;
  readonly pipe?: readonly {
    readonly type: string;
    readonly description?: string;
    readonly metadata?: Readonly<Record<string, unknown>>;
  }[];
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

/** @returns every name that a key may have anywhere */
export function keyNames(schema: v.GenericSchema): ReadonlySet<string> {
  const { entries, rest } = partsOf(unwrapSchema(schema));
  const inner = [...Object.values(entries ?? {}), ...(rest === undefined ? [] : [rest])].flatMap((
    child,
  ) => [...keyNames(child)]);
  return new Set([...Object.keys(entries ?? {}), ...inner]);
}

/** Whether the key, or any key of the group, decides something that a mistyped name must not leave at its default. */
export function isGuarded(schema: v.GenericSchema): boolean {
  const { entries, pipe } = partsOf(unwrapSchema(schema));
  return (pipe ?? []).some(({ metadata }) => metadata?.["guards"] === true) ||
    Object.values(entries ?? {}).some(isGuarded);
}

/** Whether all keys of the group are of that kind: then a name that is not known there cannot be harmless. */
export function isGuardedThroughout(schema: v.GenericSchema): boolean {
  const { entries } = partsOf(unwrapSchema(schema));
  return entries === undefined ? isGuarded(schema) : Object.values(entries).every(isGuardedThroughout);
}

export interface KeyInfo {
  /** Dotted; NAME stands for a name of the user's own choice. */
  readonly path: string;
  readonly description: string;
  /** Absent when there is none. */
  readonly fallback?: unknown;
  /** Has to be there when the mapping around it is. */
  readonly isRequired: boolean;
  /** See `guards` in schema.ts. */
  readonly isGuarded: boolean;
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
  return [{ path, description, isRequired: outer.wrapped === undefined, isGuarded: isGuarded(schema), ...fallback }];
}
