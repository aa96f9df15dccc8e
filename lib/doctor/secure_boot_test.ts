import assert from "node:assert/strict";
import { createMemorySystem } from "../../tests/support/memory_system.ts";
import { readSecureBoot } from "./secure_boot.ts";

Deno.test("Secure Boot is what mokutil says, or else the firmware's variable", async () => {
  const cases = [
    ["SecureBoot enabled\n", 1, true],
    ["SecureBoot disabled\n", "   6   0   0   0   1\n", false],
    [255, "   6   0   0   0   1\n", true],
    [255, "   6   0   0   0   0\n", false],
    [255, 1, false],
  ] as const;
  for (const [mokutil, od, wanted] of cases) {
    const system = createMemorySystem({ commands: [([program]) => program === "mokutil" ? mokutil : od] });
    assert.equal(await readSecureBoot(system), wanted, `${mokutil} ${od}`);
  }
});
