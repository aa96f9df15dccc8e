/**
 * Who has signed a kernel, and whether it still is what was signed: Authenticode, as shim and a locked down kernel
 * look at it. It tells what they will say; the signature itself is checked by them.
 */

import { Buffer } from "node:buffer";
import { createHash } from "node:crypto";
import {
  type CertificateTable,
  findCertificateTable,
  type KernelSignature,
  readKernelSigners,
} from "./kernel_signers.ts";

// Microsoft PE/COFF specification: where the optional header for 64 bits has what.
const checksumAt = 64;
const certificateEntryAt = 144;

/** @param kernel the whole file */
export function readKernelSignature(kernel: Uint8Array): KernelSignature {
  const signature = readKernelSigners(kernel);
  const table = findCertificateTable(kernel);
  if (signature.kind !== "signed" || table === undefined) return signature;
  const message = Buffer.from(table.message);
  const isWhole = ["sha256", "sha384", "sha512"].some((hash) => message.includes(hashSigned(kernel, table, hash)));
  return isWhole ? signature : { kind: "broken" };
}

/**
 * All of the file but its checksum, the place of the certificate table, and the table ("Windows Authenticode Portable
 * Executable Signature Format").
 */
function hashSigned(kernel: Uint8Array, { offset, headerOffset }: CertificateTable, algorithm: string): Buffer {
  const hash = createHash(algorithm);
  hash.update(kernel.subarray(0, headerOffset + checksumAt));
  hash.update(kernel.subarray(headerOffset + checksumAt + 4, headerOffset + certificateEntryAt));
  hash.update(kernel.subarray(headerOffset + certificateEntryAt + 8, offset));
  return hash.digest();
}
