/**
 * The session file: how the payload's initramfs hook learns which disk to attach. Written by the server agent, carried
 * inside the boot exchange, put into the initramfs as a small extra cpio by the client agent, and read by a POSIX
 * shell with `while IFS='=' read -r key value` (never sourced). So values are restricted to characters that mean
 * nothing to a shell. What is in it: session_groups.ts.
 */
import * as v from "valibot";
import { ProtocolError } from "../errors.ts";
import { buildCpio } from "../formats/cpio.ts";
import { encodeUtf8 } from "../formats/text.ts";
import {
  findContradiction,
  SESSION_VERSION,
  type SessionField,
  type SessionGroup,
  sessionGroups,
  type SessionParameters,
  SessionSchema,
} from "./session_groups.ts";
import {
  isUnknownGroup,
  isUnknownTransport,
  unknownGroup,
  unknownTransport,
  unknownVersion,
} from "./unknown_groups.ts";

/** Where the hook finds the file inside the initramfs. */
export const SESSION_FILE_PATH = "/stiefelsystem/session";
/** Where the desktop's initramfs finds its end of the tunnel: what `wg setconf` reads. */
const TUNNEL_CONFIG_NAME = "tunnel.conf";
/** And by what an engine knows it. */
const SECRET_NAME = "secret";

/** What a session has beside its file. */
export interface SessionParcel {
  /** Only with a tunnel. What `wg setconf` reads: it holds keys that the server never saw. */
  readonly tunnelConfiguration?: string;
  /** What it takes along from the image, by their names there. */
  readonly programs: ReadonlyMap<string, Uint8Array>;
}
/** The name the hook gives to the link that carries the disk. */
export const STIEFEL_LINK_NAME = "stiefel0";
/** And to the desktop's end of a tunnel over it. */
export const STIEFEL_TUNNEL_NAME = "stiefeltunnel";
/** A session file never grows beyond this. */
const SESSION_FILE_MAX_BYTES = 4096;
const VALUE = /^[A-Za-z0-9:._/%-]{1,128}$/;
const NUMBER = /^(?:0|[1-9]\d{0,15})$/;

type Value = string | number;
type Values = Record<string, Value>;

/**
 * The text of a session file.
 * @throws ProtocolError malformed, when a value is not acceptable
 */
export function formatSession(session: SessionParameters): string {
  if (!v.is(SessionSchema, session)) {
    throw new ProtocolError("malformed", "The session has a value that no session file can have");
  }
  const lines = sessionGroups.flatMap((group) => {
    const values = session[group.name as keyof SessionParameters] as Values | undefined;
    const fields = values === undefined ? [] : findForm(group, values["transport"])?.fields ?? [];
    return fields.flatMap(({ key, name }) => values?.[key] === undefined ? [] : [`${name}=${values[key]}`]);
  });
  const text = [`STIEFEL_VERSION=${SESSION_VERSION}`, ...lines, ""].join("\n");
  parseSession(text);
  return text;
}

/** The form for a transport, or the only one. */
function findForm({ forms }: SessionGroup, transport: Value | undefined): SessionGroup["forms"][number] | undefined {
  return forms.find((form) => form.transport === undefined || form.transport === transport);
}

/**
 * Reads the text of a session file. The keys come in one order, each on one line that ends with a newline; nothing
 * else is accepted.
 * @throws ProtocolError oversize, unknown-version, unknown-group, unknown-transport, truncated (the last newline or a
 *   key is missing at the end) or malformed
 */
export function parseSession(text: string): SessionParameters {
  if (text.length > SESSION_FILE_MAX_BYTES) throw new ProtocolError("oversize", "The session file is too long");
  const lines = text.split("\n");
  if (lines.pop() !== "") throw new ProtocolError("truncated", "The session file does not end with a newline");
  readVersion(lines.shift());
  const groups = sessionGroups.flatMap((group) =>
    group.isOptional && !beginsGroup(group, lines[0]) ? [] : [[group.name, readGroup(group, lines)] as const]
  );
  const [more] = lines;
  if (more !== undefined) throw misplaced(more, "the end");
  const session = Object.freeze({ version: SESSION_VERSION, ...Object.fromEntries(groups) }) as SessionParameters;
  const contradiction = findContradiction(session);
  if (contradiction !== undefined) throw new ProtocolError("malformed", contradiction);
  return session;
}

function readVersion(line: string | undefined): void {
  if (line === undefined) throw new ProtocolError("truncated", "The session file lacks STIEFEL_VERSION");
  const version = /^STIEFEL_VERSION=([1-9]\d{0,8})$/.exec(line)?.[1];
  if (version === undefined) {
    throw new ProtocolError("malformed", "The session file has another line where STIEFEL_VERSION is wanted");
  }
  if (Number(version) !== SESSION_VERSION) throw unknownVersion("session file", Number(version));
}

function beginsGroup({ name }: SessionGroup, line = ""): boolean {
  return line.startsWith(`STIEFEL_${name.toUpperCase()}_`);
}

/** Takes the lines of a group away from the first ones. */
function readGroup(group: SessionGroup, lines: string[]): Readonly<Values> {
  const values: Values = {};
  for (const field of fieldsOf(group, lines[0])) {
    const [line] = lines;
    if (line?.startsWith(`${field.name}=`)) {
      values[field.key] = readValue(field, line.slice(field.name.length + 1));
      lines.shift();
    } else if (!field.isOptional) {
      if (line === undefined) throw new ProtocolError("truncated", `The session file lacks ${field.name}`);
      throw misplaced(line, field.name);
    }
  }
  return Object.freeze(values);
}

/** Those of the transport that the group's first line names. */
function fieldsOf(group: SessionGroup, line = ""): readonly SessionField[] {
  const [first] = group.forms;
  if (first?.transport === undefined) return first?.fields ?? [];
  const key = first.fields[0]?.name ?? "";
  const transport = line.startsWith(`${key}=`) ? line.slice(key.length + 1) : undefined;
  if (isUnknownTransport(transport)) throw unknownTransport(transport);
  return (findForm(group, transport) ?? first).fields;
}

function readValue(field: SessionField, text: string): Value {
  const isWellFormed = field.isNumber ? NUMBER.test(text) : VALUE.test(text);
  const value = field.isNumber ? Number(text) : text;
  if (!isWellFormed || !v.is(field.schema, value)) {
    throw new ProtocolError("malformed", `The session file has an unacceptable value for ${field.name}`);
  }
  return value;
}

function misplaced(line: string, wanted: string): ProtocolError {
  const group = /^STIEFEL_([A-Z]{1,16})_[A-Z_]{1,64}=/.exec(line)?.[1]?.toLowerCase();
  if (group !== undefined && isUnknownGroup(group)) return unknownGroup("session file", group);
  return new ProtocolError("malformed", `The session file has another line where ${wanted} is wanted`);
}

/**
 * The extra cpio that carries the session file: append it to the payload's initramfs after zero bytes
 * (`archivePaddingBytes`). Directory 0700, files 0600, programs 0700.
 */
export function buildSessionCpio(session: SessionParameters, parcel: SessionParcel): Uint8Array<ArrayBuffer> {
  const path = SESSION_FILE_PATH.slice(1);
  const directory = path.slice(0, path.lastIndexOf("/"));
  const place = (name: string, content: Uint8Array, mode: number) =>
    ({ kind: "file", path: `${directory}/${name}`, mode, content }) as const;
  return buildCpio([
    { kind: "directory", path: directory, mode: 0o700 },
    { kind: "file", path, mode: 0o600, content: encodeUtf8(formatSession(session)) },
    ...session.secret === undefined ? [] : [place(SECRET_NAME, encodeUtf8(formatSecret(session.secret)), 0o600)],
    ...parcel.tunnelConfiguration === undefined
      ? []
      : [place(TUNNEL_CONFIG_NAME, encodeUtf8(parcel.tunnelConfiguration), 0o600)],
    ...[...parcel.programs].map(([name, content]) => place(name, content, 0o700)),
  ]);
}

/** Lines `KEY=value`: base64 has characters that a session file has not. */
function formatSecret({ hostKey, controllerKey }: NonNullable<SessionParameters["secret"]>): string {
  return `HOST=${hostKey}\n${controllerKey === undefined ? "" : `CONTROLLER=${controllerKey}\n`}`;
}
