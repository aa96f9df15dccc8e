/**
 * The session file: how the payload's initramfs hook learns which disk to attach. Written by the server agent, carried
 * inside the boot exchange, put into the initramfs as a small extra cpio by the client agent, and read by a POSIX
 * shell with `while IFS='=' read -r key value` (never sourced). So values are restricted to characters that mean
 * nothing to a shell.
 */
import { ProtocolError } from "../errors.ts";
import { addressFamily, isAddressWithPrefix, isAddressWithZone, isLinkName, isMac } from "../formats/address.ts";
import { buildCpio } from "../formats/cpio.ts";
import { encodeUtf8 } from "../formats/text.ts";

/** Where the hook finds the file inside the initramfs. */
export const SESSION_FILE_PATH = "/stiefelsystem/session";
/** The name the hook gives to the link that carries the disk. */
export const STIEFEL_LINK_NAME = "stiefel0";
/** A session file never grows beyond this. */
const SESSION_FILE_MAX_BYTES = 4096;
const VALUE = /^[A-Za-z0-9:._/%-]{1,128}$/;

/** Everything the initramfs hook needs to raise the link and attach the disk. */
export interface SessionParameters {
  readonly version: 1;
  /** How the disk is exported. */
  readonly transport: "nbd";
  /** MAC address of the client's link that carries the disk; lower case with colons. */
  readonly linkMac: string;
  /** Name the hook gives to that link. */
  readonly linkName: string;
  /** Address of the client on that link, with its prefix length: "fd00::2/64". */
  readonly clientAddress: string;
  /** Only when the server is reached through a router. */
  readonly gateway?: string;
  /** Only when it is not the default of the link. */
  readonly mtu?: number;
  /** Address of the export; with a zone only when link-local. */
  readonly serverAddress: string;
  /** TCP port of the export. */
  readonly port: number;
  /** 32 lower-case hex digits, random for each session. */
  readonly exportName: string;
  /** Logical block size of the disk. */
  readonly blockSizeBytes: number;
  readonly diskSizeBytes: number;
  /** How many connections the block client opens. */
  readonly connections: number;
}

/** One line of the file, in the order of the file. */
interface Field {
  readonly key: string;
  readonly name: keyof SessionParameters;
  readonly isNumber: boolean;
  readonly isOptional?: boolean;
  /** Whether a value is acceptable; numbers are safe non-negative integers already. */
  readonly accepts: (value: string) => boolean;
}

const between = (least: number, most: number) => (value: string): boolean => {
  return Number(value) >= least && Number(value) <= most;
};

const FIELDS: readonly Field[] = [
  { key: "STIEFEL_VERSION", name: "version", isNumber: true, accepts: (value) => value === "1" },
  { key: "STIEFEL_TRANSPORT", name: "transport", isNumber: false, accepts: (value) => value === "nbd" },
  { key: "STIEFEL_LINK_MAC", name: "linkMac", isNumber: false, accepts: isMac },
  { key: "STIEFEL_LINK_NAME", name: "linkName", isNumber: false, accepts: isLinkName },
  { key: "STIEFEL_CLIENT_ADDRESS", name: "clientAddress", isNumber: false, accepts: isAddressWithPrefix },
  { key: "STIEFEL_GATEWAY", name: "gateway", isNumber: false, isOptional: true, accepts: isAddressWithZone },
  // 1280: the least an IPv6 link may have (RFC 8200 section 5).
  { key: "STIEFEL_MTU", name: "mtu", isNumber: true, isOptional: true, accepts: between(1280, 65535) },
  { key: "STIEFEL_SERVER_ADDRESS", name: "serverAddress", isNumber: false, accepts: isAddressWithZone },
  { key: "STIEFEL_PORT", name: "port", isNumber: true, accepts: between(1, 65535) },
  { key: "STIEFEL_EXPORT_NAME", name: "exportName", isNumber: false, accepts: (value) => /^[0-9a-f]{32}$/.test(value) },
  { key: "STIEFEL_BLOCK_SIZE", name: "blockSizeBytes", isNumber: true, accepts: isBlockSize },
  { key: "STIEFEL_DISK_SIZE", name: "diskSizeBytes", isNumber: true, accepts: between(512, Number.MAX_SAFE_INTEGER) },
  { key: "STIEFEL_CONNECTIONS", name: "connections", isNumber: true, accepts: between(1, 16) },
];

/** A power of two from a sector to what Linux takes as logical block size. */
function isBlockSize(value: string): boolean {
  return [512, 1024, 2048, 4096, 8192, 16384, 32768, 65536].includes(Number(value));
}

/**
 * The text of a session file.
 * @throws ProtocolError malformed, when a value is not acceptable
 */
export function formatSession(session: SessionParameters): string {
  let text = "";
  for (const { key, name } of FIELDS) {
    const value = session[name];
    if (value !== undefined) text += `${key}=${value}\n`;
  }
  parseSession(text);
  return text;
}

/**
 * Reads the text of a session file. The keys come in one order, each on one line that ends with a newline; nothing
 * else is accepted.
 * @throws ProtocolError oversize, unknown-version, truncated (the last newline or a key is missing at the end) or
 *   malformed
 */
export function parseSession(text: string): SessionParameters {
  if (text.length > SESSION_FILE_MAX_BYTES) throw new ProtocolError("oversize", "The session file is too long");
  const lines = text.split("\n");
  if (lines.pop() !== "") throw new ProtocolError("truncated", "The session file does not end with a newline");
  if (/^STIEFEL_VERSION=(?!1$)[1-9]\d{0,8}$/.test(lines[0] ?? "")) {
    throw new ProtocolError("unknown-version", "The session file has a version this program does not know");
  }
  const session: Partial<Record<keyof SessionParameters, string | number>> = {};
  for (const field of FIELDS) {
    const line = lines[0];
    if (line === undefined && !field.isOptional) {
      throw new ProtocolError("truncated", `The session file lacks ${field.key}`);
    }
    if (line === undefined || !line.startsWith(`${field.key}=`)) {
      if (field.isOptional) continue;
      throw new ProtocolError("malformed", `The session file has another line where ${field.key} is wanted`);
    }
    session[field.name] = parseValue(field, line.slice(field.key.length + 1));
    lines.shift();
  }
  if (lines.length > 0) throw new ProtocolError("malformed", "The session file has lines after the last key");
  return checkTogether(Object.freeze(session) as unknown as SessionParameters);
}

function parseValue(field: Field, value: string): string | number {
  const isWellFormed = field.isNumber ? /^(?:0|[1-9]\d{0,15})$/.test(value) : VALUE.test(value);
  if (!isWellFormed || !field.accepts(value)) {
    throw new ProtocolError("malformed", `The session file has an unacceptable value for ${field.key}`);
  }
  return field.isNumber ? Number(value) : value;
}

/** What no single line can show. */
function checkTogether(session: SessionParameters): SessionParameters {
  if (session.diskSizeBytes % session.blockSizeBytes !== 0) {
    throw new ProtocolError("malformed", "The session's disk size is not a multiple of its block size");
  }
  const family = (address: string): number | undefined => addressFamily(address.replace(/[%/].*$/, ""));
  const wanted = family(session.clientAddress);
  for (const address of [session.serverAddress, ...(session.gateway === undefined ? [] : [session.gateway])]) {
    if (family(address) !== wanted) throw new ProtocolError("malformed", "The session mixes IPv4 and IPv6 addresses");
    const zone = address.split("%")[1];
    if (zone !== undefined && zone !== session.linkName) {
      throw new ProtocolError("malformed", "The session has an address of another link than its own");
    }
  }
  return session;
}

/**
 * The extra cpio that carries the session file: append it to the payload's initramfs after zero bytes
 * (`archivePaddingBytes`). Directory 0700, file 0600.
 */
export function buildSessionCpio(session: SessionParameters): Uint8Array<ArrayBuffer> {
  const path = SESSION_FILE_PATH.slice(1);
  const directory = path.slice(0, path.lastIndexOf("/"));
  return buildCpio([
    { kind: "directory", path: directory, mode: 0o700 },
    { kind: "file", path, mode: 0o600, content: encodeUtf8(formatSession(session)) },
  ]);
}
