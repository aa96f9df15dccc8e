import assert from "node:assert/strict";
import { checksumOffset, entryOffset, makeProgram, signProgram as sign } from "../../tests/support/signed_kernel.ts";
import { readKernelSignature } from "./kernel_signature.ts";
import { readKernelSigners } from "./kernel_signers.ts";

const names = ["Debian Secure Boot CA", "Debian Secure Boot Signer 2022 - linux", "Debian Secure Boot CA"];

Deno.test("a signed kernel tells who has signed it", () => {
  assert.deepEqual(readKernelSignature(sign(makeProgram(), names)), { kind: "signed", names, keyIds: [] });
});

Deno.test("the checksum of the header is not signed", () => {
  const kernel = sign(makeProgram(), names);
  kernel[checksumOffset] = 1;
  assert.equal(readKernelSignature(kernel).kind, "signed");
});

Deno.test("a kernel that was changed afterwards, or is longer or shorter, is not what was signed", () => {
  const kernel = sign(makeProgram(), names);
  const longer = new Uint8Array(kernel.length + 1);
  longer.set(kernel);
  assert.equal(readKernelSignature(longer).kind, "broken");
  for (const length of [1024, kernel.length - 1]) {
    assert.equal(readKernelSignature(kernel.subarray(0, length)).kind, "broken", String(length));
  }
  for (const at of [0, 600, 1023]) {
    const changed = kernel.slice();
    changed[at] = (changed[at] ?? 0) ^ 1;
    assert.equal(readKernelSignature(changed).kind, "broken", String(at));
  }
});

Deno.test("what has no certificate table is not signed", () => {
  const cases = [makeProgram(), makeProgram().subarray(0, 200), new Uint8Array(0), new Uint8Array(64)];
  for (const bytes of cases) assert.equal(readKernelSignature(bytes).kind, "none", String(bytes.length));
});

Deno.test("a signature tells the numbers of its certificates and of who has issued them, each once", () => {
  const [own, issuer] = ["11".repeat(20), "22".repeat(20)];
  const bytes = (hex: string): readonly number[] => [...Uint8Array.fromHex(hex)];
  const message = [
    ...[0x06, 0x03, 0x55, 0x1d, 0x0e, 0x04, 22, 0x04, 20, ...bytes(own)],
    ...[0x06, 0x03, 0x55, 0x1d, 0x23, 0x04, 24, 0x30, 22, 0x80, 20, ...bytes(issuer)],
    ...[0x06, 0x03, 0x55, 0x1d, 0x23, 0x04, 24, 0x30, 22, 0x80, 20, ...bytes(issuer)],
    // one that names its issuer in another way, one that is cut off
    ...[0x06, 0x03, 0x55, 0x1d, 0x23, 0x04, 24, 0x30, 22, 0xa1, 20, ...bytes(issuer)],
    ...[0x06, 0x03, 0x55, 0x1d, 0x0e],
  ];
  const signature = readKernelSignature(sign(makeProgram(), names, message));
  assert.deepEqual(signature, { kind: "signed", names, keyIds: [own, issuer] });
});

Deno.test("who has signed is told without a sum: of a change only another length is seen", () => {
  const kernel = sign(makeProgram(), names);
  assert.deepEqual(readKernelSigners(kernel), { kind: "signed", names, keyIds: [] });
  assert.deepEqual(readKernelSigners(kernel.with(600, 1)), { kind: "signed", names, keyIds: [] });
  assert.equal(readKernelSigners(kernel.subarray(0, kernel.length - 1)).kind, "broken");
  assert.equal(readKernelSigners(new Uint8Array([...kernel, 0])).kind, "broken");
  for (const bytes of [makeProgram(), new Uint8Array(0), new Uint8Array(64)]) {
    assert.equal(readKernelSigners(bytes).kind, "none");
  }
});

Deno.test("a place of the table that lies beyond the file, or in its header, breaks nothing", () => {
  const kernel = sign(makeProgram(), names);
  for (
    const [offset, size] of [[0xffffffff, 0xffffffff], [2048, 9], [0, kernel.length], [kernel.length - 9, 9]] as const
  ) {
    const bytes = kernel.slice();
    const view = new DataView(bytes.buffer);
    view.setUint32(entryOffset, offset, true);
    view.setUint32(entryOffset + 4, size, true);
    assert.ok(["broken", "signed"].includes(readKernelSigners(bytes).kind));
    assert.equal(readKernelSignature(bytes).kind, "broken", `${offset} ${size}`);
  }
});
