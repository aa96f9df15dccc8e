/**
 * Random and mutated input to every decoder and both state machines, the same in every run (seeded). What must hold:
 * only ProtocolError is ever thrown, no message repeats key bytes or a passphrase, nothing but a whole, true exchange
 * leads to `boot` or `start-export`.
 */
import assert from "node:assert/strict";
import {
  agentSettings,
  archive,
  bodiesOf,
  bodyOf,
  clientMessages,
  connectChannel,
  discoveryMessages,
  hello,
  otherSharedKey,
  passphrase,
  readFrames,
  routedSession,
  serverMessages,
  session,
  sharedKey,
  welcome,
} from "../../tests/support/protocol_samples.ts";
import { createSeededRandom, type SeededRandom } from "../../tests/support/seeded_random.ts";
import { ProtocolError } from "../errors.ts";
import { formatAgentSettings, parseAgentSettings } from "../formats/agent_settings.ts";
import { parseAutokexecSettings } from "../formats/autokexec_settings.ts";
import {
  type ArchivePart,
  type ClientMessage,
  formatClientMessage,
  formatServerMessage,
  parseClientPlaintext,
  parseServerPlaintext,
  type ServerMessage,
} from "./boot_exchange.ts";
import { type ClientAction, type ClientEvent, startClientSession, stepClientSession } from "./client_session.ts";
import { buildCpio, parseCpio } from "../formats/cpio.ts";
import { formatDiscovery, importDiscoveryKey, parseDiscovery } from "./discovery.ts";
import { DiscoveryResponder } from "./discovery_responder.ts";
import { DiscoverySearch } from "./discovery_search.ts";
import { FrameReader, parseClientOpening, parseServerOpening } from "./frames.ts";
import { forDesktop, parseKernelCommandLine, parseStiefelParameters } from "../formats/kernel_command_line.ts";
import { deriveKeys } from "./keys.ts";
import { createInitiator, createResponder } from "./noise.ts";
import { answerClientOpening, startClientHandshake } from "./secure_channel.ts";
import { type ServerAction, type ServerEvent, startServerSession, stepServerSession } from "./server_session.ts";
import { formatSession, parseSession } from "./session.ts";
import { encodeUtf8 } from "../formats/text.ts";

const keys = await deriveKeys(sharedKey);
const discoveryKey = await importDiscoveryKey(keys.discoveryKey);
const otherDiscoveryKey = await importDiscoveryKey((await deriveKeys(otherSharedKey)).discoveryKey);

/**
 * What no error may show, in any writing. Four bytes of a key are enough to be a leak, and too many to come by chance.
 */
const secrets = [sharedKey, keys.discoveryKey, keys.bootPsk].flatMap((key) =>
  [0, 8, 16, 28].flatMap((start) => {
    const part = key.subarray(start, start + 4);
    return [
      part.toHex(),
      part.toHex().toUpperCase(),
      [...part].join(","),
      [...part].join(", "),
      String.fromCharCode(...part),
    ];
  })
);

function assertKeepsSecrets(error: Error): void {
  const shown = `${error.message}\n${error.cause instanceof Error ? error.cause.message : String(error.cause)}`;
  for (const secret of [...secrets, passphrase]) {
    assert(!shown.includes(secret), `A secret is in the message: ${error.message}`);
  }
}

/** Reads; whatever is thrown must be a ProtocolError that keeps secrets. Returns whether it was accepted. */
async function isAccepted(read: () => unknown): Promise<boolean> {
  try {
    await read();
    return true;
  } catch (error) {
    if (!(error instanceof ProtocolError)) throw error;
    assertKeepsSecrets(error);
    return false;
  }
}

/** A valid message with a few things done to it; never the same as before. */
function mutate(valid: Uint8Array, random: SeededRandom): Uint8Array {
  for (;;) {
    const bytes = mutateOnce(valid, random);
    // Two changes may undo each other.
    if (bytes.length !== valid.length || bytes.some((byte, index) => byte !== valid[index])) return bytes;
  }
}

function mutateOnce(valid: Uint8Array, random: SeededRandom): Uint8Array {
  let bytes = new Uint8Array(valid);
  for (let count = 1 + random.below(3); count > 0; count--) {
    const index = random.below(Math.max(1, bytes.length));
    const kind = random.below(8);
    if (kind <= 2 && bytes.length > 0) bytes = bytes.with(index, (bytes[index] ?? 0) ^ (1 << random.below(8)));
    else if (kind === 3 && bytes.length > 0) {
      bytes = bytes.with(index, random.pick([0, 1, 0x22, 0x2c, 0x30, 0x39, 0x3d, 0x0a, 0x7f, 0x80, 0xff]));
    } else if (kind === 4) bytes = bytes.slice(0, index);
    else if (kind === 5) bytes = new Uint8Array([...bytes, ...random.bytes(1 + random.below(20))]);
    else if (kind === 6) {
      bytes = new Uint8Array([
        ...bytes.subarray(0, index),
        ...random.bytes(1 + random.below(4)),
        ...bytes.subarray(index),
      ]);
    } else bytes = new Uint8Array([...bytes.subarray(0, index), ...bytes.subarray(index + 1 + random.below(8))]);
  }
  return bytes;
}

interface Target {
  readonly name: string;
  readonly read: (bytes: Uint8Array) => unknown;
  readonly valid: readonly Uint8Array[];
  /** What is valid elsewhere is refused here, because it belongs to another connection or lacks something. */
  readonly isRefused?: boolean;
}

/** Bytes to a decoder of text, as a file that is not UTF-8 would be read. */
const asText = (read: (text: string) => unknown) => (bytes: Uint8Array): unknown =>
  read(new TextDecoder().decode(bytes));

const recordedInitiator = await createInitiator({ psk: keys.bootPsk, prologue: new Uint8Array(8) });
const handshakeMessage = await recordedInitiator.writeMessage();
const { opening, reply, client: recordedClient } = await connectChannel({ psk: keys.bootPsk });
const sealedHello = bodyOf(await recordedClient.seal(formatClientMessage(hello)));
const commandLines = [
  'BOOT_IMAGE=/vmlinuz root=UUID=1 ro a="b c" resume=x',
  "stiefel.role=client stiefel.server=fe80::1%eth0 stiefel.debug",
].map(encodeUtf8);

const targets: readonly Target[] = [
  {
    name: "discovery datagrams",
    read: (bytes) => parseDiscovery(bytes, discoveryKey),
    valid: await Promise.all(discoveryMessages.map((message) => formatDiscovery(message, discoveryKey))),
  },
  { name: "client openings", read: parseClientOpening, valid: [bodyOf(opening)] },
  {
    name: "server openings",
    read: parseServerOpening,
    valid: [bodyOf(reply), bodyOf(reply).subarray(0, 9).with(8, 1)],
  },
  {
    name: "handshake messages",
    read: async (bytes) => {
      const responder = await createResponder({ psk: keys.bootPsk, prologue: new Uint8Array(8) });
      await responder.readMessage(bytes);
    },
    valid: [handshakeMessage],
  },
  {
    name: "the client's end of a handshake",
    read: async (bytes) => await (await startClientHandshake({ psk: keys.bootPsk })).finish(bytes),
    valid: [bodyOf(reply)],
    isRefused: true,
  },
  {
    name: "sealed frames",
    read: async (bytes) => await (await connectChannel({ psk: keys.bootPsk })).server.open(bytes),
    valid: [sealedHello],
    isRefused: true,
  },
  {
    name: "streams of frames",
    read: (bytes) => {
      const reader = new FrameReader(1000);
      for (const body of readFrames(reader, bytes)) assert(body.length >= 1 && body.length <= 1000);
      reader.finish();
    },
    valid: [opening, reply, new Uint8Array([...opening, ...reply])],
  },
  { name: "messages from a client", read: parseClientPlaintext, valid: clientMessages.map(formatClientMessage) },
  { name: "messages from a server", read: parseServerPlaintext, valid: serverMessages.map(formatServerMessage) },
  {
    name: "session files",
    read: asText(parseSession),
    valid: [session, routedSession].map(formatSession).map(encodeUtf8),
  },
  {
    name: "agent settings",
    read: asText(parseAgentSettings),
    valid: agentSettings.map(formatAgentSettings).map(encodeUtf8),
  },
  {
    name: "autokexec settings",
    read: asText(parseAutokexecSettings),
    valid: [encodeUtf8(
      '{"version":1,"listens":true,"macs":[],"kernel":"/k","initrd":"/i","commandLine":"ro","countdownSeconds":10}\n',
    )],
  },
  {
    name: "cpio archives",
    read: parseCpio,
    valid: [
      buildCpio([{ kind: "directory", path: "a", mode: 0o700 }, {
        kind: "file",
        path: "a/b",
        mode: 0o600,
        content: new Uint8Array(9),
      }]),
    ],
  },
  { name: "kernel parameters of ours", read: asText(parseStiefelParameters), valid: commandLines.slice(1) },
  {
    name: "kernel command lines",
    read: asText((text) => {
      parseKernelCommandLine(text);
      const forOther = parseKernelCommandLine(forDesktop(text));
      const end = forOther.findIndex(({ name }) => name === "--");
      const forKernel = end < 0 ? forOther : forOther.slice(0, end);
      assert(!forKernel.some(({ name }) => ["resume", "initrd", "BOOT_IMAGE"].includes(name)));
    }),
    valid: commandLines,
  },
];

const randomPerTarget = 500;
const mutatedPerTarget = 1500;
const inputsAtOnce = 20;

for (const [index, { name, read, valid, isRefused = false }] of targets.entries()) {
  Deno.test(`${randomPerTarget} random and ${mutatedPerTarget} mutated inputs: ${name}`, async () => {
    for (const bytes of valid) assert.equal(await isAccepted(() => read(bytes)), !isRefused, name);
    const random = createSeededRandom(1000 + index);
    const inputs = [
      ...Array.from({ length: randomPerTarget }, () => random.bytes(random.below(random.pick([4, 60, 150, 600])))),
      ...Array.from({ length: mutatedPerTarget }, () => mutate(random.pick(valid), random)),
    ];
    // Several at a time: Web Crypto works in threads of its own.
    for (let start = 0; start < inputs.length; start += inputsAtOnce) {
      await Promise.all(inputs.slice(start, start + inputsAtOnce).map((bytes) => isAccepted(() => read(bytes))));
    }
  });
}

Deno.test("2000 mutated datagrams: neither side of discovery throws, claims or leaks", async () => {
  const random = createSeededRandom(2000);
  const responder = new DiscoveryResponder({
    discoveryKey,
    random: random.bytes,
    currentOffer: () => ({ state: "installed-os", tcpPort: 4644, name: "laptop" }),
  });
  const search = new DiscoverySearch({ discoveryKey, random: random.bytes });
  const claims = await Promise.all(
    discoveryMessages.map((message) => formatDiscovery(message, random.pick([discoveryKey, otherDiscoveryKey]))),
  );
  for (let round = 0; round < 2000; round++) {
    const question = await search.formatQuestion();
    const outcome = await responder.receive(mutate(random.pick([question, ...claims]), random), {
      source: "x",
      nowMs: round * 1000,
    });
    assert.notEqual(outcome.kind, "claimed");
    if (outcome.kind === "ignored" && outcome.reason instanceof ProtocolError) assertKeepsSecrets(outcome.reason);
    const answer = await responder.receive(question, { source: "y", nowMs: round * 1000 });
    assert(answer.kind === "offered");
    const finding = await search.receive(mutate(answer.reply, random));
    assert.notEqual(finding.kind, "offer");
  }
});

const kernel = new Uint8Array([1, 2, 3, 4, 5]);
const initramfs = new Uint8Array([6, 7, 8, 9, 10, 11, 12]);

/** A client driven by frames, as an agent does it. Returns whether it came to boot. */
async function driveClient(
  channel: { readonly open: (body: Uint8Array) => Promise<Uint8Array> },
  bodies: readonly Uint8Array[],
): Promise<boolean> {
  const stored: Record<ArchivePart, number[]> = { kernel: [], initramfs: [], shim: [], grub: [] };
  let { state, actions } = startClientSession(hello);
  const queue: ClientEvent[] = [];
  const carryOut = (action: ClientAction): void => {
    if (action.kind === "review") queue.push({ kind: "reviewed" });
    if (action.kind === "ask-passphrase") queue.push({ kind: "passphrase", passphrase });
    if (action.kind === "store") stored[action.part].push(...action.bytes);
    if (action.kind === "send") formatClientMessage(action.message);
    if (action.kind === "fail") assertKeepsSecrets(new Error(action.failure.message));
    if (action.kind === "finish") queue.push({ kind: "finished" });
    if (action.kind !== "boot") return;
    assert.deepEqual(stored, { kernel: [...kernel], initramfs: [...initramfs], shim: [], grub: [] });
  };
  const rest = bodies.map((body) => () => receive(body));
  const receive = async (body: Uint8Array): Promise<ClientEvent> => {
    try {
      return { kind: "received", plaintext: parseServerPlaintext(await channel.open(body)) };
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
      return { kind: "protocol-error", error };
    }
  };
  for (;;) {
    actions.forEach(carryOut);
    if (state.name === "booting") return true;
    if (state.name === "failed") return false;
    const event = queue.shift() ?? await rest.shift()?.() ?? { kind: "closed" };
    ({ state, actions } = stepClientSession(state, event));
  }
}

Deno.test("1500 tampered streams: a client never boots what was changed, cut, repeated or reordered", async () => {
  const random = createSeededRandom(3000);
  const messages: readonly ServerMessage[] = [{ ...welcome, needsPassphrase: true }, archive, { kind: "end" }, {
    kind: "ready",
  }];
  for (let round = 0; round < 1500; round++) {
    const { client, server } = await connectChannel({ psk: keys.bootPsk });
    const sealed = async (message: ServerMessage): Promise<Uint8Array> =>
      bodyOf(await server.seal(formatServerMessage(message)));
    const [first, second, third, fourth] = messages;
    assert(first && second && third && fourth);
    const bodies = [
      await sealed(first),
      await sealed(second),
      bodyOf(await server.sealData(kernel)),
      bodyOf(await server.sealData(initramfs)),
      await sealed(third),
      await sealed(fourth),
    ];
    if (round === 0) {
      assert(await driveClient(client, bodies), "The untouched stream boots");
      continue;
    }
    const index = random.below(bodies.length);
    const body = bodies[index] ?? new Uint8Array(0);
    const kind = random.below(5);
    if (kind === 0) bodies[index] = mutate(body, random);
    else if (kind === 1) bodies.splice(index, 1);
    // Not the last one: its repetition comes after the whole exchange, when the peer listens no more.
    else if (kind === 2) {
      bodies.splice(Math.min(index, bodies.length - 2), 0, bodies[Math.min(index, bodies.length - 2)] ?? body);
    } else if (kind === 3) bodies.splice(index);
    else bodies.splice(index, 0, random.bytes(1 + random.below(100)));
    assert(!await driveClient(client, bodies), `Round ${round}`);
  }
});

/** Whether these events, without those of the past, are exactly an exchange that may be booted. */
function mayBoot(events: readonly ClientEvent[]): boolean {
  const rest = events.filter((event) => event.kind !== "passphrase").map((event) => {
    if (event.kind !== "received") return event.kind;
    return event.plaintext.kind === "data" ? event.plaintext.bytes.length : event.plaintext.message.kind;
  }).filter((name) => name !== "passphrase-wrong");
  const sizes = rest.filter((name) => typeof name === "number");
  const names = rest.filter((name) => typeof name !== "number");
  const sum = sizes.reduce((total, size) => total + size, 0);
  return names.join() === "welcome,reviewed,archive,end,finished,ready" &&
    sum === archive.kernelBytes + archive.initramfsBytes;
}

Deno.test("3000 random walks: a client boots only after a whole exchange", () => {
  const random = createSeededRandom(4000);
  const received = (message: ServerMessage): ClientEvent => ({
    kind: "received",
    plaintext: { kind: "control", message },
  });
  const piece = (size: number): ClientEvent => ({
    kind: "received",
    plaintext: { kind: "data", bytes: new Uint8Array(size) },
  });
  // Likely ones first, so that walks get somewhere.
  const ordered: readonly ClientEvent[] = [
    received(welcome),
    { kind: "reviewed" },
    received(archive),
    piece(5),
    piece(7),
    received({ kind: "end" }),
    { kind: "finished" },
    received({ kind: "ready" }),
  ];
  const others: readonly ClientEvent[] = [
    ...serverMessages.map(received),
    piece(1),
    piece(6),
    { kind: "passphrase", passphrase },
    { kind: "reviewed" },
    { kind: "finished" },
    { kind: "closed" },
    { kind: "timeout" },
    { kind: "local-failure", message: "x" },
    { kind: "protocol-error", error: new ProtocolError("bad-tag", "x") },
  ];
  let boots = 0;
  for (let round = 0; round < 3000; round++) {
    let { state, actions } = startClientSession(hello);
    const history: ClientEvent[] = [];
    for (let step = 0; step < 10; step++) {
      const event = random.below(12) > 0 ? ordered[step] ?? random.pick(others) : random.pick([...ordered, ...others]);
      history.push(event);
      ({ state, actions } = stepClientSession(state, event));
      for (const action of actions) {
        if (action.kind === "send") formatClientMessage(action.message);
        if (action.kind !== "boot") continue;
        boots += 1;
        assert(mayBoot(history), JSON.stringify(history.map(({ kind }) => kind)));
      }
    }
    assert(["booting", "failed"].includes(state.name), state.name);
  }
  assert(boots > 500, `Only ${boots} walks reached the end`);
});

Deno.test("3000 random walks: a server exports only after a whole exchange, and is ready only when the client is", () => {
  const random = createSeededRandom(5000);
  const received = (message: ClientMessage): ServerEvent => ({ kind: "received", message });
  const { kind: _, ...entry } = archive;
  const ordered: readonly ServerEvent[] = [
    received(hello),
    { kind: "admitted", needsPassphrase: false, disk: welcome.disk },
    received({ kind: "request" }),
    { kind: "entry-opened", archive: entry },
    { kind: "streamed" },
    { kind: "export-started" },
    received({ kind: "ack", ok: true }),
  ];
  const others: readonly ServerEvent[] = [
    ...clientMessages.map(received),
    { kind: "admitted", needsPassphrase: true, disk: { name: "\x1b", sizeBytes: -1 } },
    { kind: "entry-opened", archive: { ...entry, kernelBytes: 0 } },
    { kind: "streamed" },
    { kind: "refused", code: "busy", message: "x\x1b".repeat(1000), holder: "y".repeat(1000) },
    { kind: "passphrase-rejected" },
    { kind: "closed" },
    { kind: "timeout" },
    { kind: "local-failure", message: "x" },
    { kind: "protocol-error", error: new ProtocolError("bad-tag", "x") },
  ];
  let exports = 0;
  let ready = 0;
  for (let round = 0; round < 3000; round++) {
    let { state, actions } = startServerSession();
    const done: string[] = [];
    const happened: string[] = [];
    const carryOut = (action: ServerAction): void => {
      if (action.kind === "send") formatServerMessage(action.message);
      else done.push(action.kind);
      if (action.kind === "send" && action.message.kind === "ready") {
        ready += 1;
        assert.deepEqual(happened.slice(-2), ["export-started", "ack"]);
      }
      if (action.kind !== "start-export") return;
      exports += 1;
      assert.deepEqual(done.filter((kind) => kind !== "open-boot-entry"), ["admit", "stream-archive", "start-export"]);
    };
    for (let step = 0; step < 12; step++) {
      const event = random.below(12) > 0 ? ordered[step] ?? random.pick(others) : random.pick([...ordered, ...others]);
      happened.push(event.kind === "received" ? event.message.kind : event.kind);
      ({ state, actions } = stepServerSession(state, event));
      actions.forEach(carryOut);
    }
    assert(["serving", "failed"].includes(state.name), state.name);
  }
  assert(exports >= ready && ready > 500, `Only ${ready} walks reached the end`);
});

Deno.test("1000 tampered openings: a server answers each with one short frame and gives no channel", async () => {
  const random = createSeededRandom(6000);
  for (let round = 0; round < 1000; round++) {
    const body = mutate(bodyOf(opening), random);
    const answer = await answerClientOpening(body, { psk: keys.bootPsk });
    assert.equal(answer.kind, "declined");
    assert.equal(bodiesOf(answer.reply)[0]?.length, 9);
    if (answer.kind === "declined") assertKeepsSecrets(answer.error);
  }
});
