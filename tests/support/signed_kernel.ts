/** EFI programs that are signed as far as our readers look: nothing starts them. */
import { createHash } from "node:crypto";

const peOffset = 64;
const headerOffset = peOffset + 24;
/** Places in {@link makeProgram}'s result. */
export const checksumOffset = headerOffset + 64;
export const entryOffset = headerOffset + 144;

/** The header of a 64-bit EFI program, and something for it to do. */
export function makeProgram(sizeBytes = 1024): Uint8Array {
  const bytes = new Uint8Array(sizeBytes).fill(0x90, 512);
  const view = new DataView(bytes.buffer);
  view.setUint32(0x3c, peOffset, true);
  view.setUint32(peOffset, 0x50450000, false);
  view.setUint16(headerOffset, 0x20b, true);
  return bytes;
}

/**
 * Its sum, and the common names, as a PKCS #7 message of Debian's signer has them; the rest of such a message is left
 * out.
 * @param rest of the message
 */
export function signProgram(
  program: Uint8Array,
  names: readonly string[],
  rest: readonly number[] = [],
): Uint8Array<ArrayBuffer> {
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
