/** What earlier runs of setup-server have done and the plan of today does without. Pure. */

import type { Journal } from "./journal.ts";
import type { Plan } from "./plan.ts";

/**
 * A generator that was changed, an agent that the configuration switches off, an image that goes to another place:
 * what was installed before stays, and works on, until undo-setup.
 * @returns units and paths, in the order in which they came
 */
export function findLeftovers({ entries }: Journal, { operations }: Plan): readonly string[] {
  const units = new Set(operations.flatMap((operation) => operation.kind === "enable-unit" ? [operation.unit] : []));
  const paths = new Set(operations.flatMap((operation) => "path" in operation ? [operation.path] : []));
  return entries.flatMap((entry) => {
    if (entry.kind === "unit") return entry.wasEnabled || units.has(entry.unit) ? [] : [entry.unit];
    if (entry.kind !== "file" || paths.has(entry.path)) return [];
    return entry.ours.some(({ kind }) => kind !== "absent") ? [entry.path] : [];
  });
}
