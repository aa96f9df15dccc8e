import assert from "node:assert/strict";
import { createMemorySystem } from "../../tests/support/memory_system.ts";
import { parseTrustedKeys, readSecureBoot } from "./secure_boot.ts";

/** As root sees it on Debian 13, started with Secure Boot by OVMF and Debian's shim. */
const keys = await Deno.readTextFile(new URL("../../tests/fixtures/secure_boot/proc-keys", import.meta.url));

Deno.test("the certificates among the kernel's keys are called by their names", () => {
  const names = parseTrustedKeys(keys) ?? [];
  assert.ok(names.includes("Debian Secure Boot CA"), names.join("\n"));
  assert.ok(names.some((name) => name.endsWith("Microsoft Corporation UEFI CA 2011")), names.join("\n"));
});

Deno.test("the trusted names are unknown where no certificate is listed", () => {
  assert.equal(parseTrustedKeys(keys.split("\n").filter((line) => !line.includes("asymmetri")).join("\n")), undefined);
  assert.equal(parseTrustedKeys(""), undefined);
});

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
