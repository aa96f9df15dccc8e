/**
 * Who has signed a kernel, and whether it still is what was signed: Authenticode, as shim and a locked down kernel
 * look at it. It tells what they will say; the signature itself is checked by them.
 */

import { Buffer } from "node:buffer";
import { createHash } from "node:crypto";

export type KernelSignature =
  /** No EFI program, or without a certificate table. */
  | { readonly kind: "none" }
  /** Signed, but something was changed afterwards. */
  | { readonly kind: "broken" }
  | {
    readonly kind: "signed";
    /** Common names of the certificates, of their issuers, and last of who has issued the signer's. */
    readonly names: readonly string[];
    /** Key identifiers, in hex, of the certificates and of who has issued them, as far as they have such. */
    readonly keyIds: readonly string[];
  };

// Microsoft PE/COFF specification: offset of the PE header, sizes, and where its optional header for 64 bits has what.
const peOffsetAt = 0x3c;
const coffHeaderBytes = 24;
const magic64 = 0x20b;
const checksumAt = 64;
const certificateEntryAt = 144;
/** WIN_CERTIFICATE: length, revision, type; then a PKCS #7 message. */
const certificateHeaderBytes = 8;

/** @param kernel the whole file */
export function readKernelSignature(kernel: Uint8Array): KernelSignature {
  const table = findCertificateTable(kernel);
  if (table === undefined) return { kind: "none" };
  if (table.offset + table.size > kernel.length) return { kind: "broken" };
  const message = Buffer.from(kernel.subarray(table.offset + certificateHeaderBytes, table.offset + table.size));
  // The table is the last of the file: what comes after it is not signed.
  const isWhole = table.offset + table.size === kernel.length &&
    ["sha256", "sha384", "sha512"].some((hash) => message.includes(hashSigned(kernel, table, hash)));
  if (!isWhole) return { kind: "broken" };
  return { kind: "signed", names: listCommonNames(message), keyIds: listKeyIds(message) };
}

interface CertificateTable {
  readonly offset: number;
  readonly size: number;
  /** Where the optional header starts, in bytes. */
  readonly headerOffset: number;
}

function findCertificateTable(kernel: Uint8Array): CertificateTable | undefined {
  const view = new DataView(kernel.buffer, kernel.byteOffset, kernel.byteLength);
  const pe = kernel.length < peOffsetAt + 4 ? kernel.length : view.getUint32(peOffsetAt, true);
  const headerOffset = pe + coffHeaderBytes;
  if (headerOffset + certificateEntryAt + 8 > kernel.length) return undefined;
  // "PE\0\0"
  if (view.getUint32(pe, false) !== 0x50450000 || view.getUint16(headerOffset, true) !== magic64) return undefined;
  const offset = view.getUint32(headerOffset + certificateEntryAt, true);
  const size = view.getUint32(headerOffset + certificateEntryAt + 4, true);
  if (size <= certificateHeaderBytes) return undefined;
  return { offset, size, headerOffset };
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

/** DER: an object identifier (6) of 3 bytes, id-at-commonName 2.5.4.3 (X.520). */
const commonNameBytes = Buffer.from([0x06, 0x03, 0x55, 0x04, 0x03]);
/** DER's tags of UTF8String, PrintableString, TeletexString. */
const stringTags = new Set([0x0c, 0x13, 0x14]);

/**
 * In the order of the message: names end in the signer's information, with who has issued its certificate (RFC 2315,
 * 9.2).
 */
function listCommonNames(message: Buffer): readonly string[] {
  return findAll(message, commonNameBytes).flatMap((at) => {
    const [tag = 0, length = 0] = message.subarray(at, at + 2);
    return stringTags.has(tag) && length < 0x80 ? [message.toString("utf8", at + 2, at + 2 + length)] : [];
  });
}

/** DER: the extensions subjectKeyIdentifier 2.5.29.14 and authorityKeyIdentifier 2.5.29.35 (RFC 5280, 4.2.1). */
const subjectKeyIdBytes = Buffer.from([0x06, 0x03, 0x55, 0x1d, 0x0e]);
const authorityKeyIdBytes = Buffer.from([0x06, 0x03, 0x55, 0x1d, 0x23]);

function listKeyIds(message: Buffer): readonly string[] {
  // In an OCTET STRING (4) another one with the number itself, or a SEQUENCE (0x30) that begins with it, tagged [0].
  const subjects = findAll(message, subjectKeyIdBytes).map((at) => readKeyId(message, at, [0x04]));
  const authorities = findAll(message, authorityKeyIdBytes).map((at) => readKeyId(message, at, [0x30, 0x80]));
  return [...new Set([...subjects, ...authorities].filter((id) => id !== undefined))];
}

/** @param tags of what is within the OCTET STRING of the extension, from outside to inside */
function readKeyId(message: Buffer, at: number, tags: readonly number[]): string | undefined {
  let place = at;
  for (const tag of [0x04, ...tags]) {
    if (message[place] !== tag) return undefined;
    place += 2;
  }
  const length = message[place - 1] ?? 0;
  return length > 0 && length < 0x80 ? message.subarray(place, place + length).toString("hex") : undefined;
}

/** @returns where what follows each of them begins */
function findAll(message: Buffer, bytes: Buffer): readonly number[] {
  const places: number[] = [];
  for (let at = message.indexOf(bytes); at >= 0; at = message.indexOf(bytes, at + 1)) places.push(at + bytes.length);
  return places;
}
