/** What is to be done to a host, in order. Pure. */

import type { Operation } from "./operations/kinds.ts";

export interface Plan {
  /** What the whole is, for the headline. */
  readonly title: string;
  /** In the order in which they are done; `needs` and `changedBy` point backwards. */
  readonly operations: readonly Operation[];
  /** What the user should know before the first question. */
  readonly notices: readonly string[];
}

/** @throws {TypeError} when ids are not unique or point forward: a plan that could not be carried out in order */
export function checkPlan(plan: Plan): Plan {
  const seen = new Set<string>();
  for (const operation of plan.operations) {
    const named = [...operation.needs, ..."changedBy" in operation ? operation.changedBy : []];
    const unknown = named.filter((id) => !seen.has(id));
    if (unknown.length > 0) throw new TypeError(`"${operation.id}" names what does not come before it: ${unknown}`);
    if (seen.has(operation.id)) throw new TypeError(`Two operations are called "${operation.id}"`);
    seen.add(operation.id);
  }
  return plan;
}
