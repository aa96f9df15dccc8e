import assert from "node:assert/strict";
import { placeBootCode } from "./grub_boot_code.ts";

Deno.test("the boot sector points to the core, the core to its own rest; nothing else changes", () => {
  const bootImage = new Uint8Array(512).fill(0xaa);
  const coreImage = new Uint8Array(1500).fill(0xbb);
  const { bootSector, core } = placeBootCode(bootImage, coreImage);
  assert.equal(bootSector.length, 440);
  assert.deepEqual([...bootSector.subarray(0x5c, 0x64)], [34, 0, 0, 0, 0, 0, 0, 0]);
  assert.deepEqual([...core.subarray(500, 508)], [35, 0, 0, 0, 0, 0, 0, 0]);
  assert.equal(bootSector.filter((byte) => byte !== 0xaa).length, 8);
  assert.equal(core.filter((byte) => byte !== 0xbb).length, 8);
});

Deno.test("what does not fit before the first partition is refused", () => {
  assert.throws(() => placeBootCode(new Uint8Array(512), new Uint8Array(1024 * 1024)), /at most 1031168 fit/);
  assert.throws(() => placeBootCode(new Uint8Array(100), new Uint8Array(1500)), /100 bytes/);
});
