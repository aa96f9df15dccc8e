/**
 * Which certificates a virtual machine's Secure Boot trusts: the variable "db" in OVMF's file of variables. Pure.
 *
 * Layout: edk2, MdeModulePkg/Include/Guid/VariableFormat.h (VARIABLE_STORE_HEADER, AUTHENTICATED_VARIABLE_HEADER);
 * UEFI specification 2.10, 32.4.1 (EFI_SIGNATURE_LIST). All numbers are little-endian.
 */

import { concatenate } from "../../lib/formats/bytes.ts";
import { guidBytes } from "../../lib/media/gpt.ts";

/** gEfiAuthenticatedVariableGuid: the store behind the header of the firmware volume. */
const storeGuid = guidBytes("aaf32c78-947b-439a-a180-2e144ec37792");
const storeHeaderBytes = 28;
const variableStart = 0x55aa;
/** Added, not deleted. */
const validState = 0x3f;
const variableHeaderBytes = 60;
/** EFI_CERT_X509_GUID. */
const x509Guid = guidBytes("a5c059a1-94e4-4aa7-87b5-ab155c2bf072");
/** Whose entry it is, for people: Microsoft's own GUID, as in its instructions for makers of PCs. */
const ownerGuid = guidBytes("77fa9abd-0359-4d32-bd60-28f4e78f784b");
const listHeaderBytes = 28;
const erased = 0xff;

/**
 * @param variables a file of variables with Secure Boot's keys enrolled (OVMF_VARS_4M.ms.fd)
 * @param certificates in DER: exactly these are trusted afterwards
 * @returns a new file
 * @throws {RangeError} when it is no such file, or has no "db"
 */
export function trustCertificates(variables: Uint8Array, certificates: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const result = Uint8Array.from(variables);
  const store = findStore(result);
  const entries = listVariables(result, store);
  if (!entries.some(isTrustDatabase)) throw new RangeError('OVMF\'s variables have no "db"');
  const database = concatenate(certificates.map(formatSignatureList));
  const renewed = concatenate(entries.map((entry) => isTrustDatabase(entry) ? replaceData(entry, database) : entry));
  if (renewed.length > store.end - store.start) throw new RangeError("The certificates do not fit");
  result.fill(erased, store.start, store.end);
  result.set(renewed, store.start);
  return result;
}

/** The certificates that are trusted, in DER. */
export function readTrusted(variables: Uint8Array): readonly Uint8Array[] {
  const database = listVariables(variables, findStore(variables)).find(isTrustDatabase);
  if (database === undefined) return [];
  const { nameBytes, dataBytes } = readSizes(database);
  const data = Uint8Array.from(database.subarray(variableHeaderBytes + nameBytes)).subarray(0, dataBytes);
  const view = new DataView(data.buffer);
  const found: Uint8Array[] = [];
  for (let at = 0; at + listHeaderBytes <= data.length;) {
    const [size, header, entry] = [
      view.getUint32(at + 16, true),
      view.getUint32(at + 20, true),
      view.getUint32(at + 24, true),
    ];
    if (startsWith(data.subarray(at), x509Guid)) {
      const from = at + listHeaderBytes + header;
      for (let one = from; one + entry <= at + size; one += entry) found.push(data.slice(one + 16, one + entry));
    }
    at += Math.max(size, listHeaderBytes);
  }
  return found;
}

/** Names and content of all variables. */
export function readVariables(variables: Uint8Array): ReadonlyMap<string, string> {
  return new Map(
    listVariables(variables, findStore(variables)).map((entry) => {
      const { nameBytes, dataBytes } = readSizes(entry);
      const data = entry.subarray(variableHeaderBytes + nameBytes, variableHeaderBytes + nameBytes + dataBytes);
      return [readName(entry).slice(0, -1), new TextDecoder("latin1").decode(data)];
    }),
  );
}

/** What OVMF itself notes: its devices, its own entries, its consoles. */
const ownVariables =
  /^(?:Boot(?:[0-9A-F]{4}|Order)|Con(?:In|Out)|ErrOut|Key[0-9A-F]{4}|Timeout|Lang|PlatformLang|MTC)$/;

/** Names of variables that are new, and of those that have changed, but for what OVMF itself notes. */
export function listChangedVariables(
  before: Uint8Array,
  after: Uint8Array,
): { readonly added: readonly string[]; readonly changed: readonly string[] } {
  const old = readVariables(before);
  const now = [...readVariables(after)].filter(([name]) => !ownVariables.test(name));
  return {
    added: now.filter(([name]) => !old.has(name)).map(([name]) => name),
    changed: now.filter(([name, content]) => old.has(name) && old.get(name) !== content).map(([name]) => name),
  };
}

interface StorePlace {
  /** Place of the first variable. */
  readonly start: number;
  readonly end: number;
}

function findStore(variables: Uint8Array): StorePlace {
  for (let at = 0; at + storeHeaderBytes <= variables.length; at += 8) {
    if (!startsWith(variables.subarray(at), storeGuid)) continue;
    const size = new DataView(variables.buffer, variables.byteOffset + at).getUint32(16, true);
    return { start: at + storeHeaderBytes, end: at + size };
  }
  throw new RangeError("This is no file of OVMF's variables");
}

/** Those that count, with their padding. */
function listVariables(variables: Uint8Array, { start, end }: StorePlace): readonly Uint8Array[] {
  const view = new DataView(variables.buffer, variables.byteOffset, variables.byteLength);
  const found: Uint8Array[] = [];
  for (let at = start; at + variableHeaderBytes <= end && view.getUint16(at, true) === variableStart;) {
    const { nameBytes, dataBytes } = readSizes(variables.subarray(at));
    const length = Math.ceil((variableHeaderBytes + nameBytes + dataBytes) / 4) * 4;
    if (variables[at + 2] === validState) found.push(variables.slice(at, at + length));
    at += length;
  }
  return found;
}

function readSizes(entry: Uint8Array): { readonly nameBytes: number; readonly dataBytes: number } {
  const view = new DataView(entry.buffer, entry.byteOffset, entry.byteLength);
  return { nameBytes: view.getUint32(36, true), dataBytes: view.getUint32(40, true) };
}

function isTrustDatabase(entry: Uint8Array): boolean {
  return readName(entry) === "db\0";
}

/** With the NUL at its end. */
function readName(entry: Uint8Array): string {
  const { nameBytes } = readSizes(entry);
  return new TextDecoder("utf-16le").decode(entry.subarray(variableHeaderBytes, variableHeaderBytes + nameBytes));
}

function replaceData(entry: Uint8Array, data: Uint8Array): Uint8Array {
  const { nameBytes } = readSizes(entry);
  const unpadded = variableHeaderBytes + nameBytes + data.length;
  const renewed = new Uint8Array(Math.ceil(unpadded / 4) * 4).fill(erased);
  renewed.set(entry.subarray(0, variableHeaderBytes + nameBytes));
  renewed.set(data, variableHeaderBytes + nameBytes);
  new DataView(renewed.buffer).setUint32(40, data.length, true);
  return renewed;
}

/** A list of one certificate: lists have entries of one size. */
function formatSignatureList(certificate: Uint8Array): Uint8Array {
  const entryBytes = 16 + certificate.length;
  const list = new Uint8Array(listHeaderBytes + entryBytes);
  const view = new DataView(list.buffer);
  list.set(x509Guid);
  view.setUint32(16, list.length, true);
  view.setUint32(24, entryBytes, true);
  list.set(ownerGuid, listHeaderBytes);
  list.set(certificate, listHeaderBytes + 16);
  return list;
}

function startsWith(bytes: Uint8Array, beginning: Uint8Array): boolean {
  return beginning.every((byte, index) => bytes[index] === byte);
}

/** The certificate of a PEM file (RFC 7468), in DER. */
export function parsePem(text: string): Uint8Array<ArrayBuffer> {
  const body = /-----BEGIN CERTIFICATE-----([A-Za-z0-9+/=\s]+)-----END CERTIFICATE-----/.exec(text)?.[1];
  if (body === undefined) throw new RangeError("There is no certificate in the text");
  return Uint8Array.fromBase64(body.replaceAll(/\s/g, ""));
}
