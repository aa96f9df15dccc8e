import assert from "node:assert/strict";
import { parseQmpMessage } from "./qmp.ts";

Deno.test("each line of QEMU's control protocol has its kind", () => {
  const cases = [
    ['{"QMP": {"version": {"qemu": {"major": 7}}, "capabilities": ["oob"]}}', { kind: "greeting" }],
    ['{"return": {}, "id": 1}', { kind: "answer", id: 1, value: {} }],
    ['{"id": 2, "error": {"class": "GenericError", "desc": "Device \'n9\' not found"}}', {
      kind: "refusal",
      id: 2,
      message: "Device 'n9' not found",
    }],
    [
      '{"timestamp": {"seconds": 1, "microseconds": 2}, "event": "SHUTDOWN", "data": {"guest": true, "reason": "guest-shutdown"}}',
      {
        kind: "event",
        event: { event: "SHUTDOWN", data: { guest: true, reason: "guest-shutdown" } },
      },
    ],
    ['{"event": "POWERDOWN"}', { kind: "event", event: { event: "POWERDOWN", data: {} } }],
    ["", { kind: "other" }],
    ["[1]", { kind: "other" }],
    ["{not json", { kind: "other" }],
  ] as const;
  for (const [line, message] of cases) assert.deepEqual(parseQmpMessage(line), message);
});
