import assert from "node:assert/strict";
import { createMemorySystem } from "../../tests/support/memory_system.ts";
import { parseBlkidExport, probeSignature } from "./signature.ts";

Deno.test("a signature has its type, and label and uuid where there are some", () => {
  // blkid 2.41 on a swap partition with a hibernation image
  const text = "DEVNAME=/dev/vdc3\nLABEL=my\\ swap\nUUID=0a1b-2c\nTYPE=swsuspend\nUSAGE=other\n";
  assert.deepEqual(parseBlkidExport(text), { type: "swsuspend", uuid: "0a1b-2c", label: "my swap" });
});

Deno.test("a partition table alone is no signature", () => {
  assert.equal(parseBlkidExport("DEVNAME=/dev/vda\nPTTYPE=gpt\n"), undefined);
});

Deno.test("an empty or ambiguous device has none", async () => {
  for (const exitCode of [2, 8]) {
    const system = createMemorySystem({ commands: [() => exitCode] });
    assert.equal(await probeSignature(system, "/dev/vda1"), undefined);
    assert.deepEqual(system.ran, [["blkid", "--probe", "--output", "export", "/dev/vda1"]]);
  }
});
