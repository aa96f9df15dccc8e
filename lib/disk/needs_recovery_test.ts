import assert from "node:assert/strict";
import { createMemorySystem } from "../../tests/support/memory_system.ts";
import { needsRecovery } from "./needs_recovery.ts";

/** A device that begins with these bytes; od fails beyond its end, as where another program reads it short. */
function deviceOf(bytes: Uint8Array, beyond: "fails" | "ends"): ReturnType<typeof createMemorySystem> {
  return createMemorySystem({
    commands: [([program, ...words]) => {
      assert.equal(program, "od");
      const [offset, length] = ["-j", "-N"].map((option) => Number(words[words.indexOf(option) + 1]));
      const part = bytes.subarray(offset, (offset ?? 0) + (length ?? 0));
      if (part.length < (length ?? 0) && beyond === "fails") return 1;
      return [...part].map((byte) => byte.toString(16).padStart(2, "0")).join(" ");
    }],
  });
}

Deno.test("a file system whose journal lies beyond the end of the device is one of which we cannot tell", async () => {
  const superBlock = new Uint8Array(4096);
  const view = new DataView(superBlock.buffer);
  view.setUint32(0, 0x58465342);
  view.setUint32(4, 4096);
  view.setBigUint64(48, 1_000_000n);
  view.setUint32(84, 1 << 20);
  view.setUint32(96, 2560);
  view.setUint8(124, 20);
  for (const beyond of ["fails", "ends"] as const) {
    assert.equal(await needsRecovery(deviceOf(superBlock, beyond), "/dev/sda1", "xfs"), false, beyond);
    assert.equal(await needsRecovery(deviceOf(superBlock, beyond), "/dev/sda1", "btrfs"), false, beyond);
  }
});

Deno.test("a journal of ext4 that is to be replayed is seen", async () => {
  const bytes = new Uint8Array(2048);
  const view = new DataView(bytes.buffer);
  view.setUint16(1024 + 0x38, 0xef53, true);
  assert.equal(await needsRecovery(deviceOf(bytes, "fails"), "/dev/sda1", "ext4"), false);
  view.setUint32(1024 + 0x60, 0x4, true);
  assert.equal(await needsRecovery(deviceOf(bytes, "fails"), "/dev/sda1", "ext4"), true);
});
