/**
 * What another date of stiefelsystem may say and this program does not know, refused by its name (doc/protocol.md,
 * "Groups" and "Versions that differ"). Pure.
 */
import { ProtocolError } from "../errors.ts";
import {
  type HelloGroups,
  knownGroups,
  SESSION_VERSION,
  sessionGroups,
  type SessionParameters,
  sessionTransports,
} from "./session_groups.ts";

/** What to do when stick, image and initramfs are not of one date. */
export const sameDateAdvice =
  "build one image (create-initrd), run setup-server on the laptop, and write the stick again (setup-client-usbdrive)";

/** Names that are short and harmless enough to be repeated on a screen. */
const NAME = /^[a-z][a-z0-9-]{0,31}$/;

/** @param what has the group: "hello" or "session" */
export function unknownGroup(what: string, group: string): ProtocolError {
  const found = `The ${what} has a group "${group}", which this program does not know`;
  return new ProtocolError("unknown-group", `${found}: ${sameDateAdvice}`);
}

export function unknownTransport(transport: string): ProtocolError {
  const found = `The session has the transport "${transport}", which this program does not know`;
  return new ProtocolError("unknown-transport", `${found}: ${sameDateAdvice}`);
}

export function unknownVersion(what: string, version: number): ProtocolError {
  const found = `The ${what} has version ${version}, this program knows version ${SESSION_VERSION}`;
  return new ProtocolError("unknown-version", `${found}: ${sameDateAdvice}`);
}

/** Whether bytes were refused because a program of another date made them. */
export function isOfOtherDate({ code }: { readonly code: string }): boolean {
  return ["unknown-version", "unknown-group", "unknown-transport"].includes(code);
}

/**
 * Looks at JSON that was refused: whether it is a hello, or has a session, that this program does not know. A group is
 * told from any other key by its being an object.
 */
export function findUnknown(message: unknown): ProtocolError | undefined {
  if (!isRecord(message)) return undefined;
  if (message["kind"] === "hello") return findIn("hello", message, message["protocol"]);
  const session = message["session"];
  if (message["kind"] !== "archive" || !isRecord(session)) return undefined;
  const disk = session["disk"];
  const transport = isRecord(disk) ? disk["transport"] : undefined;
  return findIn("session", session, session["version"]) ??
    (isUnknownTransport(transport) ? unknownTransport(transport) : undefined);
}

function findIn(what: string, groups: Readonly<Record<string, unknown>>, version: unknown): ProtocolError | undefined {
  const isVersion = typeof version === "number" && Number.isInteger(version) && version > 0 && version < 1e6;
  if (isVersion && version !== SESSION_VERSION) return unknownVersion(what, version);
  const group = Object.keys(groups).find((name) => isRecord(groups[name]) && isUnknownGroup(name));
  return group === undefined ? undefined : unknownGroup(what, group);
}

export function isUnknownGroup(name: string): boolean {
  return NAME.test(name) && !knownGroups.includes(name);
}

export function isUnknownTransport(name: unknown): name is string {
  return typeof name === "string" && NAME.test(name) && !sessionTransports.some((known) => known === name);
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/**
 * Why the client cannot use a session, when its hello lacks a group or the transport; undefined when it can.
 */
export function findNotTaken(hello: HelloGroups, session: SessionParameters): string | undefined {
  const group = sessionGroups.find(({ name }) => name in session && !(name in hello));
  const { transport } = session.disk;
  const lacking = group !== undefined
    ? `the group "${group.name}"`
    : hello.disk.transports.includes(transport)
    ? undefined
    : `the transport "${transport}"`;
  return lacking === undefined
    ? undefined
    : `The stick does not know ${lacking} that the laptop uses: ${sameDateAdvice}`;
}
