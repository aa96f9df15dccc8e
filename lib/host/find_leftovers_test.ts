import assert from "node:assert/strict";
import { findLeftovers } from "./find_leftovers.ts";
import { emptyJournal, type Journal, type JournalEntry } from "./journal.ts";
import type { Operation } from "./operations/kinds.ts";
import type { Plan } from "./plan.ts";

const state = { kind: "file", sha256: "0".repeat(64), sizeBytes: 1 } as const;
const file = (path: string, more: Partial<Extract<JournalEntry, { kind: "file" }>> = {}): JournalEntry => {
  return { kind: "file", path, original: { kind: "absent" }, ours: [state], isSecret: false, ...more };
};
const described = { what: "", why: "", needs: [] };
const write = (path: string): Operation => {
  return {
    ...described,
    kind: "write-file",
    id: path,
    path,
    content: { kind: "text", text: "" },
    mode: 0o644,
    isSecret: false,
  };
};
const enable = (unit: string): Operation => ({
  ...described,
  kind: "enable-unit",
  id: unit,
  unit,
  wantedBy: "x.target",
});

const journal: Journal = {
  ...emptyJournal,
  entries: [
    { kind: "directory", path: "/etc/ours" },
    file("/etc/ours/config.yaml"),
    file("/usr/lib/agent"),
    // Removed by an earlier run: there is nothing left to remove.
    file("/etc/old-hook", { original: state, backup: 1, ours: [{ kind: "absent" }] }),
    { kind: "unit", unit: "agent.service", wasEnabled: false },
    // Not ours alone.
    { kind: "unit", unit: "other.service", wasEnabled: true },
  ],
};
const planOf = (operations: readonly Operation[]): Plan => ({ title: "", notices: [], operations });

Deno.test("what an earlier run installed and today's plan does without is found", () => {
  const today = planOf([write("/etc/ours/config.yaml")]);
  assert.deepEqual(findLeftovers(journal, today), ["/usr/lib/agent", "agent.service"]);
});

Deno.test("nothing is left over where the plan is the same, or nothing was installed", () => {
  const same = planOf([write("/etc/ours/config.yaml"), write("/usr/lib/agent"), enable("agent.service")]);
  assert.deepEqual(findLeftovers(journal, same), []);
  assert.deepEqual(findLeftovers(emptyJournal, planOf([])), []);
});
