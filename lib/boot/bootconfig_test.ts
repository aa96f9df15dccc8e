import assert from "node:assert/strict";
import { bootconfigTailBytes, findBootconfig } from "./bootconfig.ts";

/** As tools/bootconfig of Linux appends it: the whole is a multiple of four bytes. */
function append(initramfs: Uint8Array, text: string): Uint8Array<ArrayBuffer> {
  const data = new TextEncoder().encode(`${text}\0`);
  const unpadded = initramfs.length + data.length + 20;
  const size = data.length + (4 - unpadded % 4) % 4;
  const whole = new Uint8Array(initramfs.length + size + 20);
  whole.set(initramfs);
  whole.set(data, initramfs.length);
  const view = new DataView(whole.buffer);
  view.setUint32(initramfs.length + size, size, true);
  view.setUint32(initramfs.length + size + 4, data.reduce((sum, byte) => sum + byte, 0), true);
  whole.set(new TextEncoder().encode("#BOOTCONFIG\n"), initramfs.length + size + 8);
  return whole;
}

Deno.test("a bootconfig is found at the end, and before up to three bytes that a boot loader has added", () => {
  for (const length of [0, 1, 2, 3, 4, 1000]) {
    const whole = append(new Uint8Array(length).fill(7), "kernel.quiet\n");
    for (const fill of [0, 1, 2, 3]) {
      const filled = new Uint8Array(whole.length + fill);
      filled.set(whole);
      assert.deepEqual(findBootconfig(filled), { start: length, end: whole.length }, `${length} ${fill}`);
    }
    assert.equal(findBootconfig(new Uint8Array([...whole, 0, 0, 0, 0])), undefined);
  }
});

Deno.test("a bootconfig that the kernel would not take is not found", () => {
  const whole = append(new Uint8Array(8), "kernel.quiet\n");
  const damaged = whole.slice();
  damaged[10] = 1;
  assert.equal(findBootconfig(damaged), undefined, "its checksum");
  assert.equal(findBootconfig(whole.subarray(12)), undefined, "it is longer than the file");
  assert.equal(findBootconfig(new TextEncoder().encode("#BOOTCONFIG\n")), undefined);
  assert.equal(findBootconfig(new Uint8Array()), undefined);
  assert.equal(findBootconfig(append(new Uint8Array(), "x".repeat(bootconfigTailBytes))), undefined, "its size");
});
