import assert from "node:assert/strict";
import { type AfterExport, decideAfterExport } from "./after_export.ts";
import type { ExportEnd } from "./transport.ts";

const cases: readonly (readonly [ExportEnd, AfterExport])[] = [
  [{ reason: "disconnected" }, { kind: "free", isDone: true }],
  [{ reason: "failed", message: "no client connected" }, {
    kind: "free",
    isDone: false,
    because: "no client connected",
  }],
  [{ reason: "lost", message: "killed" }, { kind: "stay-lent", reason: "killed" }],
  [{ reason: "stopped" }, { kind: "nothing" }],
];

for (const [end, after] of cases) {
  Deno.test(`an export that has ended (${end.reason}): ${after.kind}`, () => {
    assert.deepEqual(decideAfterExport(end, { isGuest: false }), after);
  });
}

Deno.test("the disk is free when the export of a guest breaks: what it would write is thrown away anyway", () => {
  assert.deepEqual(decideAfterExport({ reason: "lost", message: "killed" }, { isGuest: true }), {
    kind: "free",
    isDone: false,
    because: "killed",
  });
});
