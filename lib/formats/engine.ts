/** The storage system that lends the disk in place of the laptop, as the agents' settings have it (doc/fleet.md). */
import * as v from "valibot";
import { isAddressWithPrefix, isAddressWithZone } from "./address.ts";
import { integer, type Parsed } from "./json.ts";

/** The transport by which its disk is reached; never a choice of `auto`. */
export const engineTransport = "nvme-engine";

/** Where the secrets are inside the image: one or two lines, mode 0600. */
export const ENGINE_SECRET_PATH = "/etc/stiefelsystem/engine-secret";

const isAddress = (text: string): boolean => isAddressWithZone(text) && !text.includes("%");
const isUuid = (text: string): boolean => /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(text);
/** NVM Express Base Specification, "NVMe Qualified Names", in the characters of a session file and no longer. */
const isQualifiedName = (text: string): boolean =>
  text.length <= 128 && /^nqn\.\d{4}-\d{2}\.[A-Za-z0-9._-]+:[A-Za-z0-9:._-]+$/.test(text);
/** The same, "Secret representation": as `nvme gen-dhchap-key` writes it. */
const isDhchapSecret = (text: string): boolean =>
  text.length <= 128 && /^DHHC-1:0[0-3]:[A-Za-z0-9+/]+={0,2}:$/.test(text);

/** The values that describe an NVMe target, in sessions, too. */
export const engineParts = {
  address: v.pipe(v.string(), v.check(isAddress)),
  port: integer(1, 65535),
  /** Qualified names of the disk's subsystem, and of the desktop there. */
  subsystem: v.pipe(v.string(), v.check(isQualifiedName)),
  host: v.pipe(v.string(), v.check(isQualifiedName)),
  hostId: v.pipe(v.string(), v.check(isUuid)),
  /** 0 and all ones are none. */
  namespaceId: integer(1, 0xffff_fffe),
  secret: v.pipe(v.string(), v.check(isDhchapSecret)),
} as const;

export const EngineSchema = v.strictObject({
  /** Ways to the same disk. */
  addresses: v.pipe(v.array(engineParts.address), v.minLength(1), v.maxLength(4)),
  port: engineParts.port,
  subsystem: engineParts.subsystem,
  host: engineParts.host,
  hostId: engineParts.hostId,
  namespaceId: engineParts.namespaceId,
  /** Of the desktop, on the link over which it has found the laptop; with its prefix length. */
  desktop: v.pipe(v.string(), v.check(isAddressWithPrefix)),
  gateway: v.exactOptional(v.pipe(v.string(), v.check(isAddressWithZone))),
  mtu: v.exactOptional(integer(1280, 65535)),
});
export type Engine = Parsed<typeof EngineSchema>;

export interface EngineSecret {
  readonly hostKey: string;
  /** By which the desktop knows the engine. */
  readonly controllerKey?: string;
}

/**
 * Reads the file of secrets: that of the host, and in a second line that of the controller, if there is one.
 * @returns undefined for anything else, which is never repeated
 */
export function parseEngineSecret(text: string): EngineSecret | undefined {
  const [hostKey, controllerKey, ...more] = text.trim().split(/\s*\n\s*/);
  const isSecret = (one: string | undefined): one is string => v.is(engineParts.secret, one);
  if (!isSecret(hostKey) || more.length > 0) return undefined;
  if (controllerKey === undefined) return { hostKey };
  return isSecret(controllerKey) ? { hostKey, controllerKey } : undefined;
}
