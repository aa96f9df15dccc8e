/**
 * Who has signed a kernel: Authenticode, as shim and a locked down kernel look at it. It loads nothing that an agent
 * has not; whether the kernel still is what was signed tells kernel_signature.ts. Pure.
 */

import { findBytes } from "../formats/bytes.ts";

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
const certificateEntryAt = 144;
/** WIN_CERTIFICATE: length, revision, type; then a PKCS #7 message. */
const certificateHeaderBytes = 8;

export interface CertificateTable {
  readonly offset: number;
  readonly size: number;
  /** Where the optional header starts, in bytes. */
  readonly headerOffset: number;
  /** The PKCS #7 message. */
  readonly message: Uint8Array;
}

/**
 * Of a change after the signing it sees only another length.
 * @param kernel the whole file
 */
export function readKernelSigners(kernel: Uint8Array): KernelSignature {
  const table = findCertificateTable(kernel);
  if (table === undefined) return { kind: "none" };
  // The table is the last of the file: what comes after it is not signed.
  if (table.offset + table.size !== kernel.length) return { kind: "broken" };
  return { kind: "signed", names: listCommonNames(table.message), keyIds: listKeyIds(table.message) };
}

export function findCertificateTable(kernel: Uint8Array): CertificateTable | undefined {
  const view = new DataView(kernel.buffer, kernel.byteOffset, kernel.byteLength);
  const pe = kernel.length < peOffsetAt + 4 ? kernel.length : view.getUint32(peOffsetAt, true);
  const headerOffset = pe + coffHeaderBytes;
  if (headerOffset + certificateEntryAt + 8 > kernel.length) return undefined;
  // "PE\0\0"
  if (view.getUint32(pe, false) !== 0x50450000 || view.getUint16(headerOffset, true) !== magic64) return undefined;
  const offset = view.getUint32(headerOffset + certificateEntryAt, true);
  const size = view.getUint32(headerOffset + certificateEntryAt + 4, true);
  if (size <= certificateHeaderBytes) return undefined;
  const message = kernel.subarray(offset + certificateHeaderBytes, offset + size);
  return { offset, size, headerOffset, message };
}

/** DER: an object identifier (6) of 3 bytes, id-at-commonName 2.5.4.3 (X.520). */
const commonNameBytes = [0x06, 0x03, 0x55, 0x04, 0x03];
/** DER's tags of UTF8String, PrintableString, TeletexString. */
const stringTags = new Set([0x0c, 0x13, 0x14]);

/**
 * In the order of the message: names end in the signer's information, with who has issued its certificate (RFC 2315,
 * 9.2).
 */
function listCommonNames(message: Uint8Array): readonly string[] {
  return findAll(message, commonNameBytes).flatMap((at) => {
    const [tag = 0, length = 0] = message.subarray(at, at + 2);
    const bytes = message.subarray(at + 2, at + 2 + length);
    return stringTags.has(tag) && length < 0x80 ? [new TextDecoder().decode(bytes)] : [];
  });
}

/** DER: the extensions subjectKeyIdentifier 2.5.29.14 and authorityKeyIdentifier 2.5.29.35 (RFC 5280, 4.2.1). */
const subjectKeyIdBytes = [0x06, 0x03, 0x55, 0x1d, 0x0e];
const authorityKeyIdBytes = [0x06, 0x03, 0x55, 0x1d, 0x23];

function listKeyIds(message: Uint8Array): readonly string[] {
  // In an OCTET STRING (4) another one with the number itself, or a SEQUENCE (0x30) that begins with it, tagged [0].
  const subjects = findAll(message, subjectKeyIdBytes).map((at) => readKeyId(message, at, [0x04]));
  const authorities = findAll(message, authorityKeyIdBytes).map((at) => readKeyId(message, at, [0x30, 0x80]));
  return [...new Set([...subjects, ...authorities].filter((id) => id !== undefined))];
}

/** @param tags of what is within the OCTET STRING of the extension, from outside to inside */
function readKeyId(message: Uint8Array, at: number, tags: readonly number[]): string | undefined {
  let place = at;
  for (const tag of [0x04, ...tags]) {
    if (message[place] !== tag) return undefined;
    place += 2;
  }
  const length = message[place - 1] ?? 0;
  return length > 0 && length < 0x80 ? message.subarray(place, place + length).toHex() : undefined;
}

/** @returns where what follows each of them begins */
function findAll(message: Uint8Array, bytes: readonly number[]): readonly number[] {
  const places: number[] = [];
  for (let at = findBytes(message, bytes); at >= 0; at = findBytes(message, bytes, at + 1)) {
    places.push(at + bytes.length);
  }
  return places;
}
