/**
 * The messages of the boot exchange: what client and server say to each other inside the encrypted channel
 * (doc/protocol.md, "Boot exchange"). One plaintext is one type byte and a body: a control message as JSON, or a piece
 * of the archive.
 */
import * as v from "valibot";
import { usualArchitecture } from "../architecture.ts";
import { ProtocolError } from "../errors.ts";
import { formatJson, integer, type JsonFormat, type Parsed, parseJson, printable } from "../formats/json.ts";
import { MACHINE_ID_DIGITS } from "../formats/machine_identity.ts";
import { isKernelCommandLine } from "../formats/kernel_command_line.ts";
import { decodeUtf8 } from "../formats/text.ts";
import { helloGroups, SESSION_VERSION, SessionSchema } from "./session_groups.ts";
import { findUnknown } from "./unknown_groups.ts";

/** TCP port of the boot exchange. */
export const BOOT_EXCHANGE_PORT = 4644;
/** Version of the messages, said in the openings and in `hello`. */
export const BOOT_EXCHANGE_VERSION = SESSION_VERSION;
/** How often a client may send a passphrase in one connection. */
export const PASSPHRASE_TRIES = 3;
export const PASSPHRASE_MAX_BYTES = 512;
/** A control message never grows beyond this. */
export const CONTROL_MAX_BYTES = 16 * 1024;
/**
 * The most a kernel or an initramfs may have: what a 32-bit `initrd` size field can express, and far more than any
 * has.
 */
const ARCHIVE_PART_MAX_BYTES = 2 ** 32 - 1;
/** The most that the laptop's shim and GRUB may have: four times what they have. */
export const SHIM_MAX_BYTES = 4 * 1024 * 1024;
export const GRUB_MAX_BYTES = 16 * 1024 * 1024;
/** Bounds on texts shown to people; use `toPrintable(text, bound)` for what comes from a disk or a program. */
export const NAME_MAX_BYTES = 64;
export const TITLE_MAX_BYTES = 256;
export const NOTICE_MAX_BYTES = 512;
export const NOTICES_MAX = 8;
/** Bounds of what is sent of a kernel's signature. */
export const SIGNER_MAX_BYTES = 128;
export const SIGNERS_MAX = 8;
export const KEY_IDS_MAX = 16;
export const KEY_ID_MAX_DIGITS = 128;

/** Why a server does not let a client boot; the message beside it is for people. */
export const REFUSE_CODES = [
  "busy",
  "disk-in-use",
  "hibernated",
  "no-disk",
  "no-boot-entry",
  "boot-partition",
  "passphrase-wrong",
  "export-failed",
  "other-version",
  "internal",
] as const;
export type RefuseCode = typeof REFUSE_CODES[number];

const passphrase = v.pipe(
  v.string(),
  v.nonEmpty(),
  v.maxBytes(PASSPHRASE_MAX_BYTES),
  v.check((text) => text.isWellFormed()),
);

const machinePattern = new RegExp(`^[0-9a-f]{${MACHINE_ID_DIGITS}}$`);

const isOtherArchitecture = (name: string): boolean =>
  /^[a-z][a-z0-9_-]{0,31}$/.test(name) && name !== usualArchitecture;

const Hello = v.strictObject({
  kind: v.literal("hello"),
  protocol: v.literal(BOOT_EXCHANGE_VERSION),
  /** What the client calls itself. */
  name: printable(NAME_MAX_BYTES),
  /** What it is, whatever link it uses; absent where its firmware does not tell. */
  machine: v.exactOptional(v.pipe(v.string(), v.regex(machinePattern))),
  /** What its processor is, when that is not the usual one (lib/architecture.ts). */
  architecture: v.exactOptional(v.pipe(v.string(), v.check(isOtherArchitecture))),
  ...helloGroups,
});

const Request = v.strictObject({ kind: v.literal("request"), passphrase: v.exactOptional(passphrase) });

const Acknowledge = v.strictObject({
  kind: v.literal("ack"),
  /** Whether the archive arrived whole and the client is about to boot it. */
  ok: v.boolean(),
  /** When not ok: why. */
  message: v.exactOptional(printable(NOTICE_MAX_BYTES)),
});

/** What a server knows of a kernel's signature (lib/boot/kernel_signature.ts). */
const Signature = v.variant("kind", [
  v.strictObject({ kind: v.literal("none") }),
  v.strictObject({ kind: v.literal("broken") }),
  v.strictObject({
    kind: v.literal("signed"),
    names: v.pipe(v.array(printable(SIGNER_MAX_BYTES)), v.maxLength(SIGNERS_MAX)),
    keyIds: v.pipe(v.array(v.pipe(v.string(), v.regex(/^(?:[0-9a-f]{2}){1,64}$/))), v.maxLength(KEY_IDS_MAX)),
  }),
]);

const Welcome = v.strictObject({
  kind: v.literal("welcome"),
  needsPassphrase: v.boolean(),
  disk: v.strictObject({
    model: v.exactOptional(printable(NAME_MAX_BYTES)),
    sizeBytes: integer(1, Number.MAX_SAFE_INTEGER),
    name: printable(NAME_MAX_BYTES),
  }),
  /** Of the kernel that will be sent; absent while the server does not know. */
  kernelSignature: v.exactOptional(Signature),
});

const Refuse = v.strictObject({
  kind: v.literal("refuse"),
  code: v.picklist(REFUSE_CODES),
  message: printable(NOTICE_MAX_BYTES),
  /** For "busy": who has the disk. */
  holder: v.exactOptional(printable(NAME_MAX_BYTES)),
});

const PassphraseWrong = v.strictObject({
  kind: v.literal("passphrase-wrong"),
  triesLeft: integer(1, PASSPHRASE_TRIES),
});

const Archive = v.strictObject({
  kind: v.literal("archive"),
  kernelBytes: integer(1, ARCHIVE_PART_MAX_BYTES),
  /** 0: the boot entry has none. */
  initramfsBytes: integer(0, ARCHIVE_PART_MAX_BYTES),
  commandLine: v.pipe(v.string(), v.check(isKernelCommandLine)),
  /** The boot entry's title. */
  entryTitle: printable(TITLE_MAX_BYTES),
  /** What the person at the desktop should know ("the journal needs recovery, the desktop will do it"). */
  notices: v.pipe(v.array(printable(NOTICE_MAX_BYTES)), v.maxLength(NOTICES_MAX)),
  kernelSignature: v.exactOptional(Signature),
  /** The laptop's own boot loaders: exactly when the hello has the group `chain`. */
  chain: v.exactOptional(v.strictObject({
    /** Below EFI: where GRUB looks for its configuration. */
    directory: v.pipe(v.string(), v.regex(/^[A-Za-z0-9_-]{1,32}$/)),
    shimBytes: integer(1, SHIM_MAX_BYTES),
    grubBytes: integer(1, GRUB_MAX_BYTES),
  })),
  session: SessionSchema,
});

/**
 * All pieces were sent, and the files were what had been announced. Their tags and numbers have shown that they came
 * whole.
 */
const End = v.strictObject({ kind: v.literal("end") });

/** The export is up: boot now. */
const Ready = v.strictObject({ kind: v.literal("ready") });

const ClientMessageSchema = v.variant("kind", [Hello, Request, Acknowledge]);
const ServerMessageSchema = v.variant("kind", [Welcome, Refuse, PassphraseWrong, Archive, End, Ready]);

export type ClientMessage = Parsed<typeof ClientMessageSchema>;
export type ServerMessage = Parsed<typeof ServerMessageSchema>;
export type HelloMessage = Extract<ClientMessage, { kind: "hello" }>;
export type AckMessage = Extract<ClientMessage, { kind: "ack" }>;
export type WelcomeMessage = Extract<ServerMessage, { kind: "welcome" }>;
export type RefuseMessage = Extract<ServerMessage, { kind: "refuse" }>;
export type SignatureOnWire = NonNullable<WelcomeMessage["kernelSignature"]>;
export type ArchiveMessage = Extract<ServerMessage, { kind: "archive" }>;

export type ArchivePart = "kernel" | "initramfs" | "shim" | "grub";

/** The parts of an archive in the order in which they are sent. */
export function listArchiveParts(
  { kernelBytes, initramfsBytes, chain }: Pick<ArchiveMessage, "kernelBytes" | "initramfsBytes" | "chain">,
): readonly { readonly part: ArchivePart; readonly sizeBytes: number }[] {
  return [
    { part: "kernel", sizeBytes: kernelBytes },
    { part: "initramfs", sizeBytes: initramfsBytes },
    ...chain === undefined
      ? []
      : [{ part: "shim", sizeBytes: chain.shimBytes }, { part: "grub", sizeBytes: chain.grubBytes }] as const,
  ];
}

/** All of it, in bytes. */
export function measureArchive(archive: Pick<ArchiveMessage, "kernelBytes" | "initramfsBytes" | "chain">): number {
  return listArchiveParts(archive).reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
}

const CLIENT_FORMAT: JsonFormat<ClientMessage> = {
  what: "The client's message",
  schema: ClientMessageSchema,
  maxBytes: CONTROL_MAX_BYTES,
};
const SERVER_FORMAT: JsonFormat<ServerMessage> = {
  what: "The server's message",
  schema: ServerMessageSchema,
  maxBytes: CONTROL_MAX_BYTES,
};

/** First byte of every plaintext. */
export const PlaintextType = { control: 1, data: 2 } as const;

/** What a server may send: control messages and pieces of the archive. */
export type ServerPlaintext =
  | { readonly kind: "control"; readonly message: ServerMessage }
  | { readonly kind: "data"; readonly bytes: Uint8Array };

/**
 * The plaintext of a client's message, type byte included.
 * @throws ProtocolError malformed or oversize
 */
export function formatClientMessage(message: ClientMessage): Uint8Array<ArrayBuffer> {
  return withType(PlaintextType.control, formatJson(message, CLIENT_FORMAT));
}

/**
 * The plaintext of a server's message, type byte included. Pieces of the archive: `SecureChannel.sealData`.
 * @throws ProtocolError malformed or oversize
 */
export function formatServerMessage(message: ServerMessage): Uint8Array<ArrayBuffer> {
  return withType(PlaintextType.control, formatJson(message, SERVER_FORMAT));
}

/**
 * Reads a plaintext from a client; clients send control messages only.
 * @throws ProtocolError truncated, oversize, unknown-version, unknown-group or malformed
 */
export function parseClientPlaintext(plaintext: Uint8Array): ClientMessage {
  const { type, body } = splitType(plaintext);
  if (type !== PlaintextType.control) {
    throw new ProtocolError("malformed", "The client sent something that is no message");
  }
  return parseKnown(body, CLIENT_FORMAT);
}

/**
 * Reads a plaintext from a server. The bytes of a data piece are a view of the plaintext.
 * @throws ProtocolError truncated, oversize, unknown-version, unknown-group, unknown-transport or malformed
 */
export function parseServerPlaintext(plaintext: Uint8Array): ServerPlaintext {
  const { type, body } = splitType(plaintext);
  if (type === PlaintextType.control) return { kind: "control", message: parseKnown(body, SERVER_FORMAT) };
  if (type !== PlaintextType.data) throw new ProtocolError("malformed", "The server sent something of an unknown type");
  if (body.length === 0) throw new ProtocolError("malformed", "The server sent an empty piece of the archive");
  return { kind: "data", bytes: body };
}

function splitType(plaintext: Uint8Array): { type: number; body: Uint8Array } {
  const type = plaintext[0];
  if (type === undefined) throw new ProtocolError("truncated", "A message has no type");
  return { type, body: plaintext.subarray(1) };
}

function withType(type: number, body: Uint8Array): Uint8Array<ArrayBuffer> {
  const plaintext = new Uint8Array(1 + body.length);
  plaintext[0] = type;
  plaintext.set(body, 1);
  return plaintext;
}

/** Reads a message; of one that is refused, says what a program of another date has put there. */
function parseKnown<Message>(body: Uint8Array, format: JsonFormat<Message>): Message {
  try {
    return parseJson(body, format);
  } catch (error) {
    if (body.length > format.maxBytes) throw error;
    throw findUnknown(parseLoosely(body)) ?? error;
  }
}

/** Undefined for what is no JSON. */
function parseLoosely(body: Uint8Array): unknown {
  try {
    return JSON.parse(decodeUtf8(body, ""));
  } catch {
    return undefined;
  }
}
