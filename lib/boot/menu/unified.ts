/**
 * Unified kernel images: an EFI program whose sections are a kernel, an initramfs and a command line. Pure.
 * Sources: UAPI Group, "Unified Kernel Image"; Microsoft, "PE Format"; systemd-stub(7); src/boot/pe.c of systemd 258.
 */

import type { FilePart } from "../../file_part.ts";

export interface PeSection extends FilePart {
  readonly name: string;
}

/** How much of a file {@link parsePeSections} wants to see: section tables lie behind the first few hundred bytes. */
export const peHeaderBytes = 64 * 1024;

const dosHeaderBytes = 64;
const coffHeaderBytes = 24; // with the "PE\0\0" before it
const sectionHeaderBytes = 40;
const machineX64 = 0x8664;
/** PE32+, and PE32 for programs of 32 bits. */
const optionalHeaderMagics = [0x20b, 0x10b];

/** Why a file is no EFI program that can be looked into. */
export class PeError extends Error {
  override readonly name = "PeError";
}

/**
 * @param header the file's first bytes, {@link peHeaderBytes} where it has as many
 * @returns the sections in the table's order; what would lie outside the file is left out
 * @throws {PeError}
 */
export function parsePeSections(header: Uint8Array, fileBytes: number): readonly PeSection[] {
  const view = new DataView(header.buffer, header.byteOffset, header.byteLength);
  const need = (end: number): void => {
    if (end > header.byteLength) throw new PeError("it ends within its header");
  };
  need(dosHeaderBytes);
  if (view.getUint16(0) !== 0x4d5a) throw new PeError('it does not begin with "MZ"');
  const start = view.getUint32(0x3c, true);
  need(start + coffHeaderBytes + 2);
  if (view.getUint32(start) !== 0x50450000) throw new PeError("it has no PE header");
  if (view.getUint16(start + 4, true) !== machineX64) throw new PeError("it is for another processor");
  if (!optionalHeaderMagics.includes(view.getUint16(start + coffHeaderBytes, true))) {
    throw new PeError("its header is of an unknown kind");
  }
  const count = view.getUint16(start + 6, true);
  const table = start + coffHeaderBytes + view.getUint16(start + 20, true);
  need(table + count * sectionHeaderBytes);
  const sections: PeSection[] = [];
  for (let at = table; at < table + count * sectionHeaderBytes; at += sectionHeaderBytes) {
    const name = new TextDecoder("latin1").decode(header.subarray(at, at + 8)).replace(/\0.*$/s, "");
    // The file's part is padded to its alignment; what the memory's part has more is zero.
    const sizeBytes = Math.min(view.getUint32(at + 8, true), view.getUint32(at + 16, true));
    const offset = view.getUint32(at + 20, true);
    if (offset + sizeBytes <= fileBytes) sections.push({ name, offset, sizeBytes });
  }
  return sections;
}

/** systemd's UNIFIED_PROFILES_MAX. */
const maximumProfiles = 256;

/**
 * The sections of each profile: those before the first `.profile` belong to all, a profile's own take their place. An
 * image without any has one profile. Of several sections of one name the first counts.
 */
export function splitProfiles(sections: readonly PeSection[]): readonly ReadonlyMap<string, PeSection>[] {
  const groups: PeSection[][] = [[]];
  for (const section of sections) {
    if (section.name === ".profile") groups.push([]);
    groups.at(-1)?.push(section);
  }
  const [base = [], ...profiles] = groups.slice(0, maximumProfiles + 1).map(byName);
  return profiles.length === 0 ? [new Map(base)] : profiles.map((own) => new Map([...base, ...own]));
}

function byName(sections: readonly PeSection[]): readonly (readonly [string, PeSection])[] {
  return [...new Map(sections.toReversed().map((section) => [section.name, section] as const))];
}

/** Text of a section: up to the first zero byte. */
export function decodeSection(bytes: Uint8Array): string {
  return new TextDecoder().decode(bytes).replace(/\0.*$/s, "");
}

/** A command line as systemd-stub passes it on: control characters are blanks. */
export function cleanCommandLine(text: string): string {
  // deno-lint-ignore no-control-regex
  return text.replaceAll(/[\x00-\x20\x7f]/g, " ").trim();
}

/** `KEY=value` lines of os-release(5) and of `.profile`. */
export function parseKeyValues(text: string): ReadonlyMap<string, string> {
  const values = new Map<string, string>();
  for (const line of text.split(/[\r\n]/)) {
    const match = /^\s*([^\s#=]+)=+(.*?)\s*$/.exec(line);
    if (match === null) continue;
    const [, key = "", value = ""] = match;
    values.set(key, /^(["']).*\1$/.test(value) ? value.slice(1, -1) : value);
  }
  return values;
}

export interface OsName {
  readonly title: string;
  readonly version?: string;
  readonly sortKey?: string;
}

/**
 * What systemd-boot makes of an os-release (`bootspec_pick_name_version_sort_key`); undefined: it does not list the
 * image.
 */
export function nameSystem(osRelease: ReadonlyMap<string, string>): OsName | undefined {
  const first = (...keys: readonly string[]): string | undefined =>
    keys.map((key) => osRelease.get(key)).find((value) => value !== undefined && value !== "");
  const title = first("PRETTY_NAME", "IMAGE_ID", "NAME", "ID");
  const version = first("IMAGE_VERSION", "VERSION", "VERSION_ID", "BUILD_ID");
  const sortKey = first("IMAGE_ID", "ID");
  if (title === undefined) return undefined;
  return { title, ...version === undefined ? {} : { version }, ...sortKey === undefined ? {} : { sortKey } };
}
