import assert from "node:assert/strict";
import { describeServiceEnd } from "./service_end.ts";

Deno.test("P12: how a laptop comes back is told as it was configured", () => {
  assert.deepEqual(describeServiceEnd({ onEnd: "reboot", clientTimeoutSeconds: 900 }), [
    "When a desktop is done, this computer starts its own system again.",
    "The same happens after 15 min without a desktop.",
    "To leave before: Ctrl-Alt-Del, or its power key held down, while no desktop uses the disk.",
  ]);
  assert.match(describeServiceEnd({ onEnd: "poweroff", clientTimeoutSeconds: 90 }).join("\n"), /off\.\n.*after 90 s/);
  assert.equal(describeServiceEnd({ onEnd: "reboot", clientTimeoutSeconds: 0 }).length, 2);
  assert.equal(describeServiceEnd({ onEnd: "wait", clientTimeoutSeconds: 900 }).length, 2);
});
