/** A stage of the build: what it depends on, and the key its result is cached under. Pure. */
import { hashText } from "../hash.ts";

export const stageNames = [
  "tools",
  "base",
  "trim",
  "compile",
  "drivers",
  "overlay",
  "keymap",
  "runtime",
  "agents",
  "netboot",
  "autokexec",
  "loaders",
  "secrets",
  "pack",
] as const;
export type StageName = typeof stageNames[number];

/** Anything JSON can say; the same value always gives the same key. */
export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };

export interface Stage {
  readonly name: StageName;
  /** What it makes, for people. */
  readonly title: string;
  /** Stages whose results it reads. */
  readonly needs: readonly StageName[];
  /** Everything else its result depends on. */
  readonly inputs: Json;
}

/**
 * The name of a stage's result in the cache: changes when an input, or the result of a stage it needs, changes.
 * @param needed the results of the stages in `needs`, by their fingerprints
 */
export function stageKey(stage: Stage, needed: Readonly<Partial<Record<StageName, string>>>): string {
  const results = stage.needs.map((name) => {
    const fingerprint = needed[name];
    if (fingerprint === undefined) {
      throw new TypeError(`The result of "${name}" is not known, "${stage.name}" needs it`);
    }
    return [name, fingerprint];
  });
  return hashText(canonicalJson([stage.name, stage.inputs, results])).slice(0, 32);
}

/** JSON with the keys of every object sorted. */
export function canonicalJson(value: Json): string {
  return JSON.stringify(
    value,
    (_, part: unknown) =>
      typeof part === "object" && part !== null && !Array.isArray(part)
        ? Object.fromEntries(Object.entries(part).sort(([a], [b]) => a < b ? -1 : 1))
        : part,
  );
}
