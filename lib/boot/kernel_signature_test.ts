import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { readKernelSignature } from "./kernel_signature.ts";

const peOffset = 64;
const headerOffset = peOffset + 24;
const checksumOffset = headerOffset + 64;
const entryOffset = headerOffset + 144;

/** The header of a 64-bit EFI program, and something for it to do. */
function makeProgram(): Uint8Array {
  const bytes = new Uint8Array(1024).fill(0x90, 512);
  const view = new DataView(bytes.buffer);
  view.setUint32(0x3c, peOffset, true);
  view.setUint32(peOffset, 0x50450000, false);
  view.setUint16(headerOffset, 0x20b, true);
  return bytes;
}

/**
 * Its sum, and the common names, as a PKCS #7 message of Debian's signer has them; the rest of such a message is left
 * out.
 */
function sign(program: Uint8Array, names: readonly string[], rest: readonly number[] = []): Uint8Array {
  const sum = createHash("sha256")
    .update(program.subarray(0, checksumOffset))
    .update(program.subarray(checksumOffset + 4, entryOffset))
    .update(program.subarray(entryOffset + 8))
    .digest();
  const encoder = new TextEncoder();
  const written = names.flatMap((name) => [0x06, 0x03, 0x55, 0x04, 0x03, 0x0c, name.length, ...encoder.encode(name)]);
  const message = Uint8Array.from([0, 0, 0, 0, 0, 2, 2, 0, ...sum, ...written, ...rest]);
  const signed = new Uint8Array(program.length + message.length);
  signed.set(program);
  signed.set(message, program.length);
  const view = new DataView(signed.buffer);
  view.setUint32(program.length, message.length, true);
  view.setUint32(entryOffset, program.length, true);
  view.setUint32(entryOffset + 4, message.length, true);
  return signed;
}

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
