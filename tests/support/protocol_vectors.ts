/** What `tests/vectors/*.json` hold, and how each file's cases are tried: shared by the test and the generator. */
import { ProtocolError, type ProtocolErrorCode } from "../../lib/errors.ts";
import { parseHandover } from "../../lib/formats/handover.ts";
import { parseAgentSettings } from "../../lib/formats/agent_settings.ts";
import { parseAutokexecSettings } from "../../lib/formats/autokexec_settings.ts";
import { parseClientPlaintext, parseServerPlaintext } from "../../lib/protocol/boot_exchange.ts";
import { parseCpio } from "../../lib/formats/cpio.ts";
import { importDiscoveryKey, parseDiscovery } from "../../lib/protocol/discovery.ts";
import { DiscoveryResponder } from "../../lib/protocol/discovery_responder.ts";
import {
  FRAME_BODY_MAX_BYTES,
  FrameReader,
  MESSAGE_BODY_MAX_BYTES,
  OPENING_MAX_BYTES,
} from "../../lib/protocol/frames.ts";
import { deriveKeys } from "../../lib/protocol/keys.ts";
import { answerClientOpening, type SecureChannel, startClientHandshake } from "../../lib/protocol/secure_channel.ts";
import {
  answerPairing,
  checkPairingMessage,
  parsePairingGreeting,
  parsePairingOpening,
  startPairing,
} from "../../lib/protocol/pairing.ts";
import { parsePairingCode, stretchPairingCode } from "../../lib/protocol/pairing_code.ts";
import { parseSession } from "../../lib/protocol/session.ts";
import { readFrames } from "./protocol_samples.ts";

export type Expectation = ProtocolErrorCode | "ok" | "not-authentic" | "offered" | "claimed" | "other-key" | "ignored";

export interface VectorCase {
  readonly name: string;
  readonly outcome: Expectation;
  /** What is read: hex, or text. */
  readonly bytes?: string;
  readonly text?: string;
  /** What it means; bytes in it as hex. */
  readonly decoded?: unknown;
  /** Whom a stream reaches. */
  readonly to?: "server" | "client";
  /** Who sent a message. */
  readonly from?: "server" | "client";
  readonly nowMs?: number;
  /** Which frame of a pairing it is; absent: the desktop's opening. */
  readonly frame?: "greeting" | "message" | "answer";
  /** Another private key of the server than the file's. */
  readonly serverEphemeral?: string;
}

export interface VectorFile {
  readonly about: string;
  readonly sharedKey?: string;
  readonly clientEphemeral?: string;
  readonly serverEphemeral?: string;
  readonly handshakeHash?: string;
  readonly tunnelKey?: string;
  /** Of a pairing. */
  readonly salt?: string;
  readonly code?: string;
  readonly cases: readonly VectorCase[];
}

/** What came out of a case. */
export interface Found {
  readonly outcome: Expectation;
  readonly decoded?: unknown;
}

const hex = (text: string | undefined): Uint8Array<ArrayBuffer> => Uint8Array.fromHex(text ?? "");

async function attempt(read: () => Found | Promise<Found>): Promise<Found> {
  try {
    return await read();
  } catch (error) {
    if (error instanceof ProtocolError) return { outcome: error.code };
    throw error;
  }
}

/** Tries every case by itself. */
function each(
  read: (one: VectorCase, file: VectorFile) => Found | Promise<Found>,
): (file: VectorFile) => Promise<Found[]> {
  return (file) => Promise.all(file.cases.map((one) => attempt(() => read(one, file))));
}

async function discoveryKeyOf(file: VectorFile): Promise<CryptoKey> {
  return await importDiscoveryKey((await deriveKeys(hex(file.sharedKey))).discoveryKey);
}

async function readDatagram(one: VectorCase, file: VectorFile): Promise<Found> {
  const { message, authentic } = await parseDiscovery(hex(one.bytes), await discoveryKeyOf(file));
  return { outcome: authentic ? "ok" : "not-authentic", decoded: message };
}

/** All cases against one responder, in order. */
async function replayDatagrams(file: VectorFile): Promise<Found[]> {
  let issued = 0;
  const responder = new DiscoveryResponder({
    discoveryKey: await discoveryKeyOf(file),
    random: (sizeBytes) => new Uint8Array(sizeBytes).with(sizeBytes - 1, ++issued),
    currentOffer: () => ({ state: "installed-os", tcpPort: 0, name: "laptop" }),
  });
  const all: Found[] = [];
  for (const { bytes, nowMs = 0 } of file.cases) {
    const found = await responder.receive(hex(bytes), { source: "fe80::2%eth0", nowMs });
    if (found.kind !== "ignored") all.push({ outcome: found.kind });
    else all.push({ outcome: found.reason instanceof ProtocolError ? found.reason.code : "ignored" });
  }
  return all;
}

/** Reads a whole stream as one side would. */
async function readStream(one: VectorCase, file: VectorFile): Promise<Found> {
  const psk = (await deriveKeys(hex(file.sharedKey))).bootPsk;
  const isServer = one.to === "server";
  let channel: SecureChannel | undefined;
  const decoded: unknown[] = [];
  const reader = new FrameReader(OPENING_MAX_BYTES);
  // Byte by byte, so that the bound of the reader can change after the opening.
  for (const byte of hex(one.bytes)) {
    for (const body of readFrames(reader, new Uint8Array([byte]))) {
      if (channel !== undefined) {
        const plaintext = await channel.open(body);
        decoded.push(isServer ? parseClientPlaintext(plaintext) : readServerPlaintext(plaintext));
        continue;
      }
      channel = isServer ? await acceptOpening(body, one, file, psk) : await openAsClient(body, file, psk);
      reader.expectUpTo(isServer ? MESSAGE_BODY_MAX_BYTES : FRAME_BODY_MAX_BYTES);
    }
  }
  reader.finish();
  return { outcome: "ok", decoded };
}

function readServerPlaintext(plaintext: Uint8Array): unknown {
  const read = parseServerPlaintext(plaintext);
  return read.kind === "data" ? read.bytes : read.message;
}

async function acceptOpening(
  body: Uint8Array,
  one: VectorCase,
  file: VectorFile,
  psk: Uint8Array,
): Promise<SecureChannel> {
  const ephemeral = hex(one.serverEphemeral ?? file.serverEphemeral);
  const answer = await answerClientOpening(body, { psk, ephemeral });
  if (answer.kind === "declined") throw answer.error;
  return answer.channel;
}

async function openAsClient(body: Uint8Array, file: VectorFile, psk: Uint8Array): Promise<SecureChannel> {
  const handshake = await startClientHandshake({ psk, ephemeral: hex(file.clientEphemeral) });
  return await handshake.finish(body);
}

/** A typed code, or a frame of one side. */
async function readPairing(one: VectorCase, file: VectorFile): Promise<Found> {
  const salt = hex(file.salt);
  if (one.text !== undefined) {
    const code = parsePairingCode(one.text);
    if (code === undefined) return { outcome: "malformed" };
    return { outcome: "ok", decoded: { code, psk: await stretchPairingCode(code, salt) } };
  }
  const psk = await stretchPairingCode(file.code ?? "", salt);
  const bytes = hex(one.bytes);
  switch (one.frame) {
    case "greeting":
      return { outcome: "ok", decoded: parsePairingGreeting(bytes) };
    case "message": {
      checkPairingMessage(bytes);
      const parts = { psk, salt, ephemeral: hex(file.serverEphemeral), sharedKey: hex(file.sharedKey) };
      return { outcome: "ok", decoded: { answer: await answerPairing(bytes, parts) } };
    }
    case "answer": {
      const handshake = await startPairing({ psk, salt, ephemeral: hex(file.clientEphemeral) });
      return { outcome: "ok", decoded: { sharedKey: await handshake.finish(bytes) } };
    }
    default:
      parsePairingOpening(bytes);
      return { outcome: "ok" };
  }
}

/** How the cases of each file are tried. */
export const checkers = {
  keys: each(async (one) => ({ outcome: "ok", decoded: await deriveKeys(hex(one.bytes)) })),
  discovery: each(readDatagram),
  discovery_replay: replayDatagrams,
  boot_exchange: each(readStream),
  messages: each((one) => ({
    outcome: "ok",
    decoded: one.from === "client" ? parseClientPlaintext(hex(one.bytes)) : readServerPlaintext(hex(one.bytes)),
  })),
  session: each((one) => ({ outcome: "ok", decoded: parseSession(one.text ?? "") })),
  pairing: each(readPairing),
  agent_settings: each((one) => ({ outcome: "ok", decoded: parseAgentSettings(one.text ?? "") })),
  autokexec_settings: each((one) => ({ outcome: "ok", decoded: parseAutokexecSettings(one.text ?? "") })),
  handover: each((one) => ({ outcome: "ok", decoded: parseHandover(one.text ?? "") })),
  cpio: each((one) => ({ outcome: "ok", decoded: parseCpio(hex(one.bytes)) })),
} satisfies Record<string, (file: VectorFile) => Promise<Found[]>>;
