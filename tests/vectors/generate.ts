/**
 * Writes the vectors of our own formats anew: `deno run --allow-read=. --allow-write=tests/vectors
 * tests/vectors/generate.ts`.
 *
 * Only for a deliberate change of the protocol, which means a new version. The expected outcomes are written here by
 * hand; the generator refuses to write a file in which one of them does not hold. `noise.json` is not ours and is
 * never generated.
 */
import { formatHandover } from "../../lib/formats/handover.ts";
import { formatAgentSettings } from "../../lib/formats/agent_settings.ts";
import { formatAutokexecSettings } from "../../lib/formats/autokexec_settings.ts";
import { formatDesktopEnd } from "../../lib/export/tunnel/plan_tunnel.ts";
import { type ClientMessage, formatClientMessage, formatServerMessage, type ServerMessage } from "../../lib/protocol/boot_exchange.ts";
import { buildCpio, type CpioEntry } from "../../lib/formats/cpio.ts";
import { type DiscoveryMessage, formatDiscovery, importDiscoveryKey } from "../../lib/protocol/discovery.ts";
import { formatFrame, FRAME_HEADER_BYTES } from "../../lib/protocol/frames.ts";
import { deriveKeys } from "../../lib/protocol/keys.ts";
import {
  answerPairing,
  formatPairingGreeting,
  formatPairingOpening,
  PairingStatus,
  startPairing,
} from "../../lib/protocol/pairing.ts";
import { stretchPairingCode } from "../../lib/protocol/pairing_code.ts";
import { buildSessionCpio, formatSession } from "../../lib/protocol/session.ts";
import type { SessionParameters } from "../../lib/protocol/session_groups.ts";
import { encodeUtf8 } from "../../lib/formats/text.ts";
import {
  agentSettings,
  archive,
  autokexecSettings,
  clientMessages,
  connectChannel,
  counting,
  discoveryMessages,
  engineSecret,
  engineSession,
  handovers,
  hello,
  nvmeSession,
  otherSharedKey,
  passphrase,
  guestSession,
  routedSession,
  serverMessages,
  session,
  sharedKey,
  tunnelSession,
  welcome,
} from "../support/protocol_samples.ts";
import { checkers, type Expectation, type VectorCase, type VectorFile } from "../support/protocol_vectors.ts";

const { discoveryKey: rawDiscoveryKey, bootPsk } = await deriveKeys(sharedKey);
const discoveryKey = await importDiscoveryKey(rawDiscoveryKey);
const other = await deriveKeys(otherSharedKey);
const otherDiscoveryKey = await importDiscoveryKey(other.discoveryKey);

/** The bytes with one of them changed. */
function flip(bytes: Uint8Array, index: number): Uint8Array {
  return bytes.with(index, (bytes.at(index) ?? 0) ^ 0x01);
}

function join(...parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  return new Uint8Array(parts.flatMap((part) => [...part]));
}

function bytesCase(name: string, bytes: Uint8Array, outcome: Expectation, decoded?: unknown): VectorCase {
  return { name, outcome, bytes: bytes.toHex(), ...(decoded === undefined ? {} : { decoded: toData(decoded) }) };
}

function textCase(name: string, text: string, outcome: Expectation, decoded?: unknown): VectorCase {
  return { name, outcome, text, ...(decoded === undefined ? {} : { decoded: toData(decoded) }) };
}

/** Bytes as hex, the rest as JSON has it. */
function toData(value: unknown): unknown {
  return JSON.parse(JSON.stringify(value, (_, inner) => inner instanceof Uint8Array ? inner.toHex() : inner));
}

async function keys(): Promise<VectorFile> {
  return {
    about: "Keys derived from the shared key: HKDF-SHA-256, empty salt, info as in doc/protocol.md. Hex.",
    cases: await Promise.all([sharedKey, otherSharedKey].map(async (key) => ({
      name: `shared key ${key.toHex().slice(0, 4)}…`,
      outcome: "ok",
      bytes: key.toHex(),
      decoded: toData(await deriveKeys(key)),
    }))),
  };
}

async function discovery(): Promise<VectorFile> {
  const [discover, offer] = discoveryMessages;
  if (discover === undefined || offer === undefined) throw new RangeError("No samples");
  const question = await formatDiscovery(discover, discoveryKey);
  const answer = await formatDiscovery(offer, discoveryKey);
  const named = (message: DiscoveryMessage): string => message.kind === "offer" ? `offer, ${message.state}` : message.kind;
  return {
    about: "Discovery datagrams, read with the key derived from `sharedKey`. \"not-authentic\": well-formed, the tag does not fit.",
    sharedKey: sharedKey.toHex(),
    cases: [
      ...await Promise.all(
        discoveryMessages.map(async (message) => bytesCase(named(message), await formatDiscovery(message, discoveryKey), "ok", message)),
      ),
      bytesCase("wrong key", await formatDiscovery(discover, otherDiscoveryKey), "not-authentic", discover),
      bytesCase("bad tag", flip(question, -1), "not-authentic", discover),
      bytesCase("changed nonce", flip(question, 6), "not-authentic"),
      bytesCase("changed port", flip(answer, 40), "not-authentic"),
      bytesCase("truncated within the tag", question.subarray(0, 127), "truncated"),
      bytesCase("truncated after the version", question.subarray(0, 5), "truncated"),
      bytesCase("oversize", join(question, new Uint8Array(1)), "oversize"),
      bytesCase("unknown version", question.with(4, 2), "unknown-version"),
      bytesCase("unknown version of another length", question.with(4, 2).subarray(0, 40), "unknown-version"),
      bytesCase("no magic", question.with(0, 0x73), "malformed"),
      bytesCase("empty", new Uint8Array(0), "malformed"),
      bytesCase("unknown type", question.with(5, 6), "malformed"),
      bytesCase("something in a reserved field", question.with(108, 1), "malformed"),
      bytesCase("a challenge in a discover", question.with(22, 1), "malformed"),
      bytesCase("unknown state", answer.with(38, 5), "malformed"),
      bytesCase("name longer than its field", answer.with(41, 65), "malformed"),
      bytesCase("name with a control character", answer.with(42, 0x1b), "malformed"),
      bytesCase("name that is not UTF-8", answer.with(42, 0xff), "malformed"),
      bytesCase("something after the name", answer.with(105, 1), "malformed"),
    ],
  };
}

async function discoveryReplay(): Promise<VectorFile> {
  const clientNonce = counting(0x10, 16);
  const discover = await formatDiscovery({ kind: "discover", clientNonce }, discoveryKey);
  // The responder of these vectors takes its challenges from a counter: 00 00 … 01, 00 00 … 02 and so on.
  const claim = (number: number): Promise<Uint8Array> =>
    formatDiscovery({ kind: "claim", clientNonce, challenge: new Uint8Array(16).with(15, number), name: "desktop" }, discoveryKey);
  const step = (nowMs: number, bytes: Uint8Array, outcome: Expectation): VectorCase => ({
    name: `at ${nowMs} ms`,
    outcome,
    bytes: bytes.toHex(),
    nowMs,
  });
  return {
    about: "Datagrams to one installed system, in this order; its challenges are 16-byte big-endian numbers counting from 1.",
    sharedKey: sharedKey.toHex(),
    cases: [
      step(0, discover, "offered"),
      step(10, await claim(2), "replay"),
      step(20, await claim(1), "claimed"),
      step(30, await claim(1), "replay"),
      step(1000, discover, "offered"),
      step(10_999, await claim(2), "claimed"),
      step(11_000, discover, "offered"),
      step(21_000, await claim(3), "replay"),
      step(22_000, await formatDiscovery({ kind: "discover", clientNonce }, otherDiscoveryKey), "other-key"),
      step(23_000, flip(await claim(3), -1), "ignored"),
      step(24_000, discover.subarray(0, 100), "truncated"),
    ],
  };
}

async function bootExchange(): Promise<VectorFile> {
  const clientEphemeral = counting(0x20, 32);
  const serverEphemeral = counting(0x40, 32);
  const connect = (psk = bootPsk): ReturnType<typeof connectChannel> => connectChannel({ psk, clientEphemeral, serverEphemeral });
  const conversation = await connect();
  const fromClient = (message: ClientMessage): Promise<Uint8Array> => conversation.client.seal(formatClientMessage(message));
  const fromServer = (message: ServerMessage): Promise<Uint8Array> => conversation.server.seal(formatServerMessage(message));
  const { opening, reply } = conversation;
  const helloFrame = await fromClient(hello);
  const requestFrame = await fromClient({ kind: "request", passphrase });
  const welcomeFrame = await fromServer({ ...welcome, needsPassphrase: true });
  const archiveFrame = await fromServer(archive);
  const kernelFrame = await conversation.server.sealData(encodeUtf8("linux"));
  const toServer = (name: string, bytes: Uint8Array, outcome: Expectation): VectorCase => ({ ...bytesCase(name, bytes, outcome), to: "server" });
  const toClient = (name: string, bytes: Uint8Array, outcome: Expectation): VectorCase => ({ ...bytesCase(name, bytes, outcome), to: "client" });
  const foreign = await connect(other.bootPsk);
  const openingBody = opening.subarray(FRAME_HEADER_BYTES);
  const replyBody = reply.subarray(FRAME_HEADER_BYTES);
  return {
    about: "Whole byte streams of the boot exchange as one side receives them, with fixed private keys. Outcome: of the first thing that fails.",
    sharedKey: sharedKey.toHex(),
    clientEphemeral: clientEphemeral.toHex(),
    serverEphemeral: serverEphemeral.toHex(),
    handshakeHash: conversation.client.handshakeHash.toHex(),
    tunnelKey: (await conversation.client.deriveKey("tunnel")).toHex(),
    cases: [
      { ...toServer("hello, request", join(opening, helloFrame, requestFrame), "ok"), decoded: [hello, { kind: "request", passphrase }] },
      {
        ...toClient("welcome, archive, a piece", join(reply, welcomeFrame, archiveFrame, kernelFrame), "ok"),
        decoded: [{ ...welcome, needsPassphrase: true }, archive, encodeUtf8("linux").toHex()],
      },
      toServer("wrong key", foreign.opening, "wrong-key"),
      toServer("bad tag in the opening", flip(opening, -1), "wrong-key"),
      toServer("unknown version", opening.with(FRAME_HEADER_BYTES + 7, 1), "unknown-version"),
      toServer("version 3", opening.with(FRAME_HEADER_BYTES + 7, 3), "unknown-version"),
      toServer("no magic", opening.with(FRAME_HEADER_BYTES, 0x73), "malformed"),
      toServer("opening too short", formatFrame(openingBody.subarray(0, 55)), "truncated"),
      toServer("opening too long", formatFrame(join(openingBody, new Uint8Array(1))), "oversize"),
      toServer("frame beyond the bound of an opening", join(new Uint8Array([0, 0, 0, 0x3a]), new Uint8Array(58)), "oversize"),
      toServer("empty frame", new Uint8Array(4), "malformed"),
      toServer("truncated within the opening", opening.subarray(0, 40), "truncated"),
      toServer("truncated within a sealed frame", join(opening, helloFrame.subarray(0, -1)), "truncated"),
      toServer("bad tag", join(opening, flip(helloFrame, -1)), "bad-tag"),
      toServer("changed ciphertext", join(opening, flip(helloFrame, FRAME_HEADER_BYTES)), "bad-tag"),
      toServer("replay of a frame", join(opening, helloFrame, helloFrame), "bad-tag"),
      toServer("a frame left out", join(opening, requestFrame), "bad-tag"),
      toServer("frames in another order", join(opening, requestFrame, helloFrame), "bad-tag"),
      toServer("the server's own frame sent back", join(opening, welcomeFrame), "bad-tag"),
      toServer("header of a sealed frame beyond the bound of a message", join(opening, new Uint8Array([0, 0, 0x40, 0x12])), "oversize"),
      toServer("sealed frame shorter than a tag", join(opening, formatFrame(new Uint8Array(15))), "truncated"),
      {
        ...toServer("replay of a connection: the server has another private key by now", join(opening, helloFrame), "bad-tag"),
        serverEphemeral: counting(0x60, 32).toHex(),
      },
      toClient("the server says: another key", formatFrame(join(replyBody.subarray(0, 8), new Uint8Array([1]))), "wrong-key"),
      toClient("the server says: unknown version", formatFrame(join(replyBody.subarray(0, 8), new Uint8Array([2]))), "unknown-version"),
      toClient("the server says: busy", formatFrame(join(replyBody.subarray(0, 8), new Uint8Array([3]))), "refused"),
      toClient("the server says: malformed", formatFrame(join(replyBody.subarray(0, 8), new Uint8Array([4]))), "malformed"),
      toClient("unknown status", formatFrame(join(replyBody.subarray(0, 8), new Uint8Array([5]))), "malformed"),
      toClient("unknown version of the server", reply.with(FRAME_HEADER_BYTES + 7, 1), "unknown-version"),
      toClient("wrong key of the server", foreign.reply, "wrong-key"),
      toClient("a public key of small order", formatFrame(join(replyBody.subarray(0, 9), new Uint8Array(48))), "malformed"),
      toClient("truncated within the archive", join(reply, welcomeFrame, archiveFrame.subarray(0, 100)), "truncated"),
      toClient("header of a sealed frame beyond the bound of a piece", join(reply, new Uint8Array([0, 8, 0, 0x12])), "oversize"),
      toClient("replay of a frame", join(reply, welcomeFrame, welcomeFrame), "bad-tag"),
    ],
  };
}

function messages(): VectorFile {
  const fromClient = (one: VectorCase): VectorCase => ({ ...one, from: "client" });
  const fromServer = (one: VectorCase): VectorCase => ({ ...one, from: "server" });
  const control = (json: string): Uint8Array => join(new Uint8Array([1]), encodeUtf8(json));
  return {
    about: "Plaintexts inside the channel: one type byte (1 message, 2 piece of the archive) and the body.",
    cases: [
      ...clientMessages.map((message) => fromClient(bytesCase(message.kind, formatClientMessage(message), "ok", message))),
      ...serverMessages.map((message) => fromServer(bytesCase(message.kind, formatServerMessage(message), "ok", message))),
      fromServer(bytesCase("a piece", new Uint8Array([2, 0xab]), "ok", "ab")),
      fromServer(bytesCase("an empty piece", new Uint8Array([2]), "malformed")),
      fromServer(bytesCase("unknown type", new Uint8Array([3, 0]), "malformed")),
      fromServer(bytesCase("empty", new Uint8Array(0), "truncated")),
      fromServer(bytesCase("a client's message from a server", formatClientMessage({ kind: "request" }), "malformed")),
      fromClient(bytesCase("a piece from a client", new Uint8Array([2, 0]), "malformed")),
      fromClient(bytesCase("blanks", control('{"kind": "request"}'), "malformed")),
      fromClient(bytesCase("unknown key", control('{"kind":"request","more":1}'), "malformed")),
      fromClient(bytesCase("key twice", control('{"kind":"request","kind":"request"}'), "malformed")),
      fromClient(bytesCase("escape where none is needed", control('{"kind":"requ\\u0065st"}'), "malformed")),
      fromClient(bytesCase("cut", control('{"kind":"request"'), "malformed")),
      fromClient(bytesCase("not UTF-8", join(control('{"kind":"request","passphrase":"'), new Uint8Array([0xff, 0x22, 0x7d])), "malformed")),
      fromClient(bytesCase("unknown version", control('{"kind":"hello","protocol":3}'), "unknown-version")),
      fromClient(bytesCase("hello of version 1", control('{"kind":"hello","protocol":1,"mac":"52:54:00:00:00:02","name":"desktop"}'), "unknown-version")),
      fromClient(bytesCase("hello with an unknown group", control(JSON.stringify({ ...hello, later: { publicKey: "x" } })), "unknown-group")),
      fromServer(bytesCase("session of version 1", control(JSON.stringify({ ...archive, session: { version: 1, transport: "nbd" } })), "unknown-version")),
      fromServer(bytesCase("session with an unknown group", control(JSON.stringify({ ...archive, session: { ...session, later: {} } })), "unknown-group")),
      fromServer(bytesCase(
        "session with an unknown transport",
        control(JSON.stringify({ ...archive, session: { ...session, disk: { ...session.disk, transport: "iscsi" } } })),
        "unknown-transport",
      )),
      fromClient(bytesCase("hello with a mode that there is not", control(JSON.stringify({ ...hello, mode: { kind: "share" } })), "malformed")),
      fromClient(bytesCase("hello with a key in the group chain", control(JSON.stringify({ ...hello, chain: { more: 1 } })), "malformed")),
      fromServer(bytesCase("session with a chain", control(JSON.stringify({ ...archive, session: { ...session, chain: {} } })), "malformed")),
      fromServer(bytesCase("session of the laptop's disk with a secret", control(JSON.stringify({ ...archive, session: { ...session, secret: engineSecret } })), "malformed")),
      fromServer(bytesCase("secret in another form", control(JSON.stringify({ ...archive, session: { ...engineSession, secret: { hostKey: "x" } } })), "malformed")),
      fromClient(bytesCase("hello that names the usual processor", control(JSON.stringify({ ...hello, architecture: "amd64" })), "malformed")),
      fromClient(bytesCase("hello with a secret", control(JSON.stringify({ ...hello, secret: {} })), "malformed")),
      ...[
        { directory: "../x", shimBytes: 1, grubBytes: 1 },
        { directory: "", shimBytes: 1, grubBytes: 1 },
        { directory: "x", shimBytes: 4 * 1024 * 1024 + 1, grubBytes: 1 },
        { directory: "x", shimBytes: 1, grubBytes: 0 },
      ].map((chain) => fromServer(bytesCase(`chain ${JSON.stringify(chain)}`, control(JSON.stringify({ ...archive, chain })), "malformed"))),
      fromClient(bytesCase("oversize", control(" ".repeat(16385)), "oversize")),
    ],
  };
}

/** As it is by default: NVMe/TCP inside WireGuard. */
const defaultSession: SessionParameters = {
  ...tunnelSession,
  disk: { ...nvmeSession.disk, address: tunnelSession.disk.address },
};

function sessionFile(): VectorFile {
  const text = formatSession(session);
  const nvme = formatSession(nvmeSession);
  const engine = formatSession(engineSession);
  const ofNvme = (pattern: RegExp, to: string): string => nvme.replace(pattern, to);
  const with_ = (from: string, to: string): string => text.replace(from, to);
  return {
    about: "The session file.",
    cases: [
      textCase("one link", text, "ok", session),
      textCase("through a router", formatSession(routedSession), "ok", routedSession),
      textCase("through a tunnel", formatSession(tunnelSession), "ok", tunnelSession),
      textCase("by NVMe/TCP", nvme, "ok", nvmeSession),
      textCase("by NVMe/TCP through a tunnel", formatSession(defaultSession), "ok", defaultSession),
      textCase("by NVMe/TCP, without a key of it", ofNvme(/STIEFEL_DISK_HOST=.*\n/, ""), "malformed"),
      textCase("by NVMe/TCP, a key of NBD", ofNvme(/STIEFEL_DISK_QUEUES=.*/, "STIEFEL_DISK_CONNECTIONS=4"), "malformed"),
      textCase("by NVMe/TCP, a name that is no UUID", ofNvme(/(SUBSYSTEM=.{8})-/, "$1"), "malformed"),
      textCase("by NVMe/TCP, an address with a zone", ofNvme(/(DISK_ADDRESS=).*/, "$1fe80::1%stiefel0"), "malformed"),
      textCase("of an engine", engine, "ok", engineSession),
      textCase("of an engine, with a size", `${engine}STIEFEL_DISK_SIZE_BYTES=512\n`, "malformed"),
      textCase("of an engine, its addresses of two kinds", engine.replace("SECOND_ADDRESS=192.0.2.11", "SECOND_ADDRESS=fd00::1"), "malformed"),
      textCase("half a tunnel", formatSession(tunnelSession).replace(/STIEFEL_TUNNEL_PORT.*\n/, ""), "malformed"),
      textCase("empty", "", "truncated"),
      textCase("last newline missing", text.slice(0, -1), "truncated"),
      textCase("last line missing", text.replace(/STIEFEL_DISK_CONNECTIONS.*\n/, ""), "truncated"),
      textCase("version 1", with_("VERSION=2", "VERSION=1"), "unknown-version"),
      textCase("version 3", with_("VERSION=2", "VERSION=3"), "unknown-version"),
      textCase("unknown group", with_("STIEFEL_DISK", "STIEFEL_LATER_PUBLIC_KEY=x\nSTIEFEL_DISK"), "unknown-group"),
      textCase("unknown group at the end", `${text}STIEFEL_UPLINK_KIND=nat\n`, "unknown-group"),
      textCase("as a guest", formatSession(guestSession), "ok", guestSession),
      textCase("a guest without a number", `${text}STIEFEL_MODE_KIND=try\n`, "truncated"),
      textCase("a mode that there is not", formatSession(guestSession).replace("=try", "=share"), "malformed"),
      textCase("unknown transport", with_("=nbd", "=iscsi"), "unknown-transport"),
      textCase("oversize", text + "#".repeat(4096), "oversize"),
      textCase("unknown key", `${text}STIEFEL_DISK_MORE=1\n`, "malformed"),
      textCase("key twice", `${text}STIEFEL_DISK_PORT=1\n`, "malformed"),
      textCase("keys in another order", text.split("\n").slice(0, -1).toReversed().join("\n") + "\n", "malformed"),
      textCase("command substitution", with_("stiefel0", "$(reboot)"), "malformed"),
      textCase("quotes", with_("stiefel0", '"stiefel0"'), "malformed"),
      textCase("leading zero", with_("PORT=10809", "PORT=010809"), "malformed"),
      textCase("port out of range", with_("PORT=10809", "PORT=65536"), "malformed"),
      textCase("block size that is none", with_("BLOCK_SIZE_BYTES=512", "BLOCK_SIZE_BYTES=500"), "malformed"),
    ],
  };
}

function agentSettingsFile(): VectorFile {
  const [plain] = agentSettings.map(formatAgentSettings);
  if (plain === undefined) throw new RangeError("No samples");
  return {
    about: "The agent settings file.",
    cases: [
      ...agentSettings.map((settings) => textCase(`on end: ${settings.onEnd}`, formatAgentSettings(settings), "ok", settings)),
      textCase("truncated", plain.slice(0, -1), "truncated"),
      textCase("unknown version", plain.replace('"version":1', '"version":2'), "unknown-version"),
      textCase("oversize", `${" ".repeat(16385)}\n`, "oversize"),
      textCase("unknown key", plain.replace("{", '{"more":1,'), "malformed"),
      textCase("unknown choice", plain.replace("reboot", "halt"), "malformed"),
    ],
  };
}

function autokexecSettingsFile(): VectorFile {
  const plain = formatAutokexecSettings(autokexecSettings);
  return {
    about: "The autokexec settings file.",
    cases: [
      textCase("everything", plain, "ok", autokexecSettings),
      textCase("truncated", plain.slice(0, -1), "truncated"),
      textCase("unknown version", plain.replace('"version":1', '"version":2'), "malformed"),
      textCase("oversize", `${" ".repeat(65537)}\n`, "oversize"),
      textCase("unknown key", plain.replace("{", '{"more":1,'), "malformed"),
      textCase("a path that is not absolute", plain.replace(`"${autokexecSettings.kernel}"`, '"kernel"'), "malformed"),
      textCase("a MAC address in upper case", plain.replace(/"macs":\["[^"]*"/, '"macs":["02:00:00:00:00:AA"'), "malformed"),
    ],
  };
}

function handoverFile(): VectorFile {
  const [plain, full] = handovers.map(formatHandover);
  if (plain === undefined || full === undefined) throw new RangeError("No samples");
  return {
    about: "What the laptop's own system hands over to the image.",
    cases: [
      ...handovers.map((handover) =>
        textCase(handover.pair === undefined ? "the disk" : "everything", formatHandover(handover), "ok", handover)
      ),
      textCase("truncated", plain.slice(0, -1), "truncated"),
      textCase("empty", "", "truncated"),
      textCase("unknown version", plain.replace('"version":1', '"version":2'), "malformed"),
      textCase("oversize", `${" ".repeat(16385)}\n`, "oversize"),
      textCase("unknown key", plain.replace("{", '{"more":1,'), "malformed"),
      textCase("no disk", '{"version":1,"commandLine":"ro"}\n', "malformed"),
      textCase("an empty command line", full.replace(/"commandLine":"(?:[^"\\]|\\.)*"/, '"commandLine":""'), "malformed"),
      textCase("a blank command line", full.replace(/"commandLine":"(?:[^"\\]|\\.)*"/, '"commandLine":"  "'), "malformed"),
      textCase("a pair without command line", full.replace(/"commandLine":"(?:[^"\\]|\\.)*",/, ""), "malformed"),
      textCase("a line break in the command line", full.replace("ro dyndbg", "ro\\ndyndbg"), "malformed"),
      textCase("a command line the kernel would cut", full.replace("quiet", "q".repeat(2047)), "malformed"),
      textCase("an empty kernel", full.replace("12000001", "0"), "malformed"),
      textCase("an initramfs of 4 GiB", full.replace("40000004", "4294967296"), "malformed"),
      textCase("a disk of no size", plain.replace("512110190592", "0"), "malformed"),
    ],
  };
}

function cpio(): VectorFile {
  const entries: readonly CpioEntry[] = [
    { kind: "directory", path: "etc", mode: 0o755 },
    { kind: "file", path: "etc/key", mode: 0o600, content: counting(0, 5) },
    { kind: "symlink", path: "etc/link", target: "key" },
  ];
  const bytes = buildCpio(entries);
  const sessionEntries: readonly CpioEntry[] = [
    { kind: "directory", path: "stiefelsystem", mode: 0o700 },
    { kind: "file", path: "stiefelsystem/session", mode: 0o600, content: encodeUtf8(formatSession(session)) },
  ];
  const configuration = formatDesktopEnd(defaultSession, { privateKey: counting(0x40, 32), presharedKey: counting(0x60, 32) });
  if (configuration === undefined) throw new RangeError("No tunnel");
  const programs = new Map([["wg", counting(1, 3)], ["ld.so", counting(4, 3)], ["libc.so.6", counting(7, 3)]]);
  const place = (name: string, content: Uint8Array, mode: number): CpioEntry => ({ kind: "file", path: `stiefelsystem/${name}`, mode, content });
  const tunnelEntries: readonly CpioEntry[] = [
    { kind: "directory", path: "stiefelsystem", mode: 0o700 },
    place("session", encodeUtf8(formatSession(defaultSession)), 0o600),
    place("tunnel.conf", encodeUtf8(configuration), 0o600),
    ...[...programs].map(([name, content]) => place(name, content, 0o700)),
  ];
  const secretEntries: readonly CpioEntry[] = [
    { kind: "directory", path: "stiefelsystem", mode: 0o700 },
    place("session", encodeUtf8(formatSession(engineSession)), 0o600),
    place("secret", encodeUtf8(`HOST=${engineSecret.hostKey}\nCONTROLLER=${engineSecret.controllerKey}\n`), 0o600),
  ];
  return {
    about: "Cpio archives in the newc format. In that with a tunnel, the programs are placeholders.",
    cases: [
      bytesCase("directory, file, symbolic link", bytes, "ok", entries),
      bytesCase("the session file's archive", buildSessionCpio(session, { programs: new Map() }), "ok", sessionEntries),
      bytesCase("a session's archive with a tunnel", buildSessionCpio(defaultSession, { tunnelConfiguration: configuration, programs }), "ok", tunnelEntries),
      bytesCase("a session's archive with a secret", buildSessionCpio({ ...engineSession, secret: engineSecret }, { programs: new Map() }), "ok", secretEntries),
      bytesCase("empty archive", buildCpio([]), "ok", []),
      bytesCase("truncated", bytes.subarray(0, -1), "truncated"),
      bytesCase("truncated within a header", bytes.subarray(0, 100), "truncated"),
      bytesCase("no bytes", new Uint8Array(0), "truncated"),
      bytesCase("something after the end", join(bytes, new Uint8Array(4)), "malformed"),
      bytesCase("another magic", flip(bytes, 5), "malformed"),
      bytesCase("another owner", flip(bytes, 6 + 3 * 8 - 1), "malformed"),
    ],
  };
}

async function pairing(): Promise<VectorFile> {
  const salt = counting(0x40, 16);
  const code = "ABCDEFGHJKMN";
  const psk = await stretchPairingCode(code, salt);
  const [clientEphemeral, serverEphemeral] = [counting(0x60, 32), counting(0x80, 32)];
  const desktop = await startPairing({ psk, salt, ephemeral: clientEphemeral });
  const answer = await answerPairing(desktop.message, { psk, salt, sharedKey, ephemeral: serverEphemeral });
  const otherPsk = await stretchPairingCode("ABCDEFGHJKMP", salt);
  const stranger = await startPairing({ psk: otherPsk, salt, ephemeral: clientEphemeral });
  const opening = formatPairingOpening();
  const greeting = { status: PairingStatus.ok, salt, triesLeft: 3, name: "laptop" } as const;
  const greetingBytes = formatPairingGreeting(greeting);
  const frameCase = (frame: VectorCase["frame"], ...parts: Parameters<typeof bytesCase>): VectorCase => ({
    ...bytesCase(...parts),
    ...frame === undefined ? {} : { frame },
  });
  return {
    about: "Pairing: what is typed (text), and the bodies of the frames, with fixed ephemeral keys.",
    sharedKey: sharedKey.toHex(),
    clientEphemeral: clientEphemeral.toHex(),
    serverEphemeral: serverEphemeral.toHex(),
    salt: salt.toHex(),
    code,
    cases: [
      textCase("as it is shown", "ABCD-EFGH-JKMN", "ok", { code, psk }),
      textCase("in small letters, with blanks", "abcd efgh jkmn ", "ok", { code, psk }),
      textCase("letters that look like digits", "oOiI-lL01-0000", "ok", {
        code: "001111010000",
        psk: await stretchPairingCode("001111010000", salt),
      }),
      textCase("too short", "ABCD-EFGH-JKM", "malformed"),
      textCase("with a U", "ABCD-EFGH-JKMU", "malformed"),
      frameCase(undefined, "opening", opening, "ok"),
      frameCase(undefined, "opening of another version", opening.with(7, 2), "unknown-version"),
      frameCase(undefined, "opening of another protocol", opening.with(0, 0x54), "malformed"),
      frameCase(undefined, "opening, cut off", opening.subarray(0, 7), "truncated"),
      frameCase(undefined, "opening, too long", join(opening, new Uint8Array(1)), "oversize"),
      frameCase("greeting", "greeting", greetingBytes, "ok", greeting),
      frameCase("greeting", "no code is taken", formatPairingGreeting({ status: PairingStatus.over }), "ok", {
        status: PairingStatus.over,
      }),
      frameCase("greeting", "greeting, cut off", greetingBytes.subarray(0, -1), "truncated"),
      frameCase("greeting", "greeting without a try", greetingBytes.with(25, 0), "malformed"),
      frameCase("greeting", "greeting with something behind the name", flip(greetingBytes, -1), "malformed"),
      frameCase("message", "the right code", desktop.message, "ok", { answer }),
      frameCase("message", "another code", stranger.message, "wrong-key"),
      frameCase("message", "a changed byte", flip(desktop.message, -1), "wrong-key"),
      frameCase("message", "a public key of small order", join(new Uint8Array(32), new Uint8Array(16)), "wrong-key"),
      frameCase("message", "a message, cut off", desktop.message.subarray(0, -1), "truncated"),
      frameCase("answer", "the key", answer, "ok", { sharedKey }),
      frameCase("answer", "a changed byte", flip(answer, -1), "wrong-key"),
      frameCase("answer", "wrong code", new Uint8Array([PairingStatus.wrongCode]), "wrong-key"),
      frameCase("answer", "over", new Uint8Array([PairingStatus.over]), "refused"),
      frameCase("answer", "an answer, cut off", answer.subarray(0, -1), "truncated"),
    ],
  };
}

/** All files, by name without ".json". */
export async function vectorFiles(): Promise<Readonly<Record<keyof typeof checkers, VectorFile>>> {
  return {
    keys: await keys(),
    discovery: await discovery(),
    discovery_replay: await discoveryReplay(),
    boot_exchange: await bootExchange(),
    messages: messages(),
    session: sessionFile(),
    pairing: await pairing(),
    agent_settings: agentSettingsFile(),
    autokexec_settings: autokexecSettingsFile(),
    handover: handoverFile(),
    cpio: cpio(),
  };
}

/** The text of a file. */
export function formatVectorFile(file: VectorFile): string {
  return JSON.stringify(file, undefined, 2) + "\n";
}

if (import.meta.main) {
  const files = await vectorFiles();
  for (const name of Object.keys(checkers) as (keyof typeof checkers)[]) {
    for (const [index, found] of (await checkers[name](files[name])).entries()) {
      const wanted = files[name].cases[index];
      if (found.outcome !== wanted?.outcome) {
        throw new Error(`${name}: "${wanted?.name}" came out as ${found.outcome}, wanted ${wanted?.outcome}`);
      }
    }
    await Deno.writeTextFile(new URL(`${name}.json`, import.meta.url), formatVectorFile(files[name]));
  }
}
