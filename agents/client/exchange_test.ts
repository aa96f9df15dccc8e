/**
 * What the client makes of a server that holds the key and does not keep to the protocol: it never ends with something
 * to boot.
 */
import assert from "node:assert/strict";
import { ProtocolError, UserError } from "../../lib/errors.ts";
import { listenStream } from "../../lib/net/listen.ts";
import { type ByteStream, connectStream } from "../../lib/net/stream.ts";
import {
  type ArchiveMessage,
  type ClientMessage,
  formatServerMessage,
  type HelloMessage,
  parseClientPlaintext,
  type ServerMessage,
} from "../../lib/protocol/boot_exchange.ts";
import { MESSAGE_BODY_MAX_BYTES } from "../../lib/protocol/frames.ts";
import { answerClientOpening, declineBusy, type SecureChannel } from "../../lib/protocol/secure_channel.ts";
import type { SessionParameters } from "../../lib/protocol/session_groups.ts";
import { createRealSystem } from "../../lib/system/real.ts";
import { createConsole } from "../shared/console.ts";
import { FrameSource } from "../shared/frame_source.ts";
import { ExchangeFailed, type ExchangeOptions, fetchArchive, type FetchedArchive } from "./exchange.ts";

const psk = new Uint8Array(32).fill(1);
const hello: HelloMessage = {
  kind: "hello",
  protocol: 2,
  name: "desktop",
  link: { mac: "52:54:00:00:00:01" },
  disk: { transports: ["nbd"] },
};
const session: SessionParameters = {
  version: 2,
  link: { mac: hello.link.mac, name: "stiefel0", address: "fd00::2/64" },
  disk: {
    transport: "nbd",
    address: "fd00::1",
    port: 10809,
    exportName: "0".repeat(32),
    blockSizeBytes: 512,
    sizeBytes: 1024,
    connections: 4,
  },
};
const kernel = new Uint8Array(100_000).fill(2);
const initramfs = new Uint8Array(50_000).fill(3);
const archive: ArchiveMessage = {
  kind: "archive",
  kernelBytes: kernel.length,
  initramfsBytes: initramfs.length,
  commandLine: "quiet",
  entryTitle: "Debian",
  notices: [],
  session,
};
const end: ServerMessage = { kind: "end" };
const welcome: ServerMessage = { kind: "welcome", needsPassphrase: false, disk: { name: "sda", sizeBytes: 1024 } };

/** What a scripted server can do after the handshake. */
interface Line {
  say(message: ServerMessage): Promise<void>;
  data(bytes: Uint8Array): Promise<void>;
  raw(bytes: Uint8Array): Promise<void>;
  readonly channel: SecureChannel;
}

interface Attempt {
  readonly result: FetchedArchive | unknown;
  readonly left: readonly string[];
  /** What the client said after its hello and request. */
  readonly heard: readonly ClientMessage[];
}

interface AttemptOptions {
  readonly serverPsk?: Uint8Array;
  readonly load?: ExchangeOptions["load"];
}

async function attempt(
  script: (line: Line) => Promise<void>,
  { serverPsk = psk, load = () => Promise.resolve() }: AttemptOptions = {},
): Promise<Attempt> {
  // a machine with 256 MiB left
  const memory = { exitCode: 0, stdout: "MemAvailable: 262144 kB\n", stderr: "" };
  const system = { ...createRealSystem(), run: () => Promise.resolve(memory) };
  const directory = await Deno.makeTempDir({ prefix: "stiefel-fetch-" });
  const heard = Promise.withResolvers<readonly ClientMessage[]>();
  const listener = listenStream({ address: "127.0.0.1", port: 0 }, async (stream) => {
    // A client that closes early makes a script fail.
    heard.resolve(await serve(stream, script, serverPsk).catch(() => []));
  });
  let result: unknown;
  try {
    using stream = await connectStream({ host: "127.0.0.1", port: listener.port });
    const console = createConsole({
      terminal: { write: () => {}, canRedraw: false },
      monotonicMs: () => 0,
    });
    const signal = new AbortController().signal;
    result = await fetchArchive(stream, {
      system,
      console,
      signal,
      bootPsk: psk,
      privateKey: new Uint8Array(32),
      hello,
      directory,
      review: () => Promise.resolve(),
      load,
    });
  } catch (error) {
    result = error;
  } finally {
    await heard.promise; // closing would cut off what comes last
    listener.close();
    await listener.finished;
  }
  const left = [...Deno.readDirSync(directory)].map((entry) => entry.name).sort();
  await Deno.remove(directory, { recursive: true });
  return { result, left, heard: await heard.promise };
}

async function serve(
  stream: ByteStream,
  script: (line: Line) => Promise<void>,
  serverPsk: Uint8Array,
): Promise<readonly ClientMessage[]> {
  const frames = new FrameSource(stream);
  const answer = await answerClientOpening(await frames.next(1_000) ?? new Uint8Array(), { psk: serverPsk });
  await stream.write(answer.reply);
  if (answer.kind === "declined") return [];
  frames.expectSealedFrames(MESSAGE_BODY_MAX_BYTES);
  const { channel } = answer;
  await script({
    channel,
    say: async (message) => stream.write(await channel.seal(formatServerMessage(message))),
    data: async (bytes) => {
      for (let start = 0; start < bytes.length; start += 60_000) {
        await stream.write(await channel.sealData(bytes.subarray(start, start + 60_000)));
      }
    },
    raw: (bytes) => stream.write(bytes),
  });
  await stream.closeWrite();
  const heard: ClientMessage[] = [];
  for (;;) {
    const body = await frames.next(2_000).catch(() => undefined);
    if (body === undefined) return heard.slice(2);
    heard.push(parseClientPlaintext(await channel.open(body)));
  }
}

async function upToData(line: Line, announced = archive): Promise<void> {
  await line.say(welcome);
  await line.say(announced);
}

async function sendEverything(line: Line): Promise<void> {
  await upToData(line);
  await line.data(kernel);
  await line.data(initramfs);
  await line.say(end);
  await line.say({ kind: "ready" });
}

const cases: readonly {
  readonly name: string;
  readonly code: string;
  readonly script: (line: Line) => Promise<void>;
}[] = [
  { name: "closes at once", code: "closed", script: () => Promise.resolve() },
  { name: "closes after the archive message", code: "closed", script: (line) => upToData(line) },
  {
    name: "closes in the middle of the kernel",
    code: "closed",
    script: async (line) => {
      await upToData(line);
      await line.data(kernel.subarray(0, 70_000));
    },
  },
  {
    name: "closes in the middle of a frame",
    code: "truncated",
    script: async (line) => {
      await upToData(line);
      await line.raw((await line.channel.sealData(kernel.subarray(0, 1000))).subarray(0, 500));
    },
  },
  {
    name: "says end too early",
    code: "truncated",
    script: async (line) => {
      await upToData(line);
      await line.data(kernel);
      await line.data(initramfs.subarray(1));
      await line.say(end);
    },
  },
  {
    name: "sends more than announced",
    code: "oversize",
    script: async (line) => {
      await upToData(line);
      await line.data(kernel);
      await line.data(initramfs);
      await line.data(new Uint8Array(1));
    },
  },
  {
    name: "leaves a frame out",
    code: "bad-tag",
    script: async (line) => {
      await upToData(line);
      await line.channel.sealData(kernel.subarray(0, 1000));
      await line.data(kernel.subarray(1000));
    },
  },
  {
    name: "sends a changed frame",
    code: "bad-tag",
    script: async (line) => {
      await upToData(line);
      const frame = await line.channel.sealData(kernel.subarray(0, 1000));
      frame[500] = (frame[500] ?? 0) ^ 1;
      await line.raw(frame);
    },
  },
  {
    name: "sends a frame twice",
    code: "bad-tag",
    script: async (line) => {
      await upToData(line);
      const frame = await line.channel.sealData(kernel.subarray(0, 1000));
      await line.raw(frame);
      await line.raw(frame);
    },
  },
  {
    name: "announces a frame that no piece has",
    code: "oversize",
    script: async (line) => {
      await upToData(line);
      await line.raw(new Uint8Array([0, 8, 0, 18]));
    },
  },
  {
    name: "makes a session for another network card",
    code: "local-failure",
    script: (line) =>
      upToData(line, { ...archive, session: { ...session, link: { ...session.link, mac: "52:54:00:00:00:02" } } }),
  },
  {
    name: "announces more than there is memory",
    code: "local-failure",
    script: (line) => upToData(line, { ...archive, initramfsBytes: 200_000_000 }),
  },
  {
    name: "sends boot loaders that were not asked for",
    code: "local-failure",
    script: (line) => upToData(line, { ...archive, chain: { directory: "x", shimBytes: 1, grubBytes: 1 } }),
  },
  {
    name: "is ready before it was asked",
    code: "unexpected",
    script: async (line) => {
      await line.say(welcome);
      await line.say({ kind: "ready" });
    },
  },
  {
    name: "closes instead of exporting",
    code: "closed",
    script: async (line) => {
      await upToData(line);
      await line.data(kernel);
      await line.data(initramfs);
      await line.say(end);
    },
  },
];

for (const { name, code, script } of cases) {
  Deno.test(`a server that ${name} gives nothing to boot, and nothing is left in memory`, async () => {
    const { result, left } = await attempt(script);
    assert.ok(result instanceof ExchangeFailed, String(result));
    assert.equal(result.failure.code, code, result.failure.message);
    assert.deepEqual(left, []);
  });
}

Deno.test("the client tells another key from a busy server", async () => {
  const wrong = await attempt(() => Promise.resolve(), { serverPsk: new Uint8Array(32).fill(9) });
  assert.ok(wrong.result instanceof ProtocolError && wrong.result.code === "wrong-key");
  const listener = listenStream({ address: "127.0.0.1", port: 0 }, (stream) => stream.write(declineBusy().reply));
  using stream = await connectStream({ host: "127.0.0.1", port: listener.port });
  const console = createConsole({
    terminal: { write: () => {}, canRedraw: false },
    monotonicMs: () => 0,
  });
  const options = {
    system: createRealSystem(),
    console,
    signal: new AbortController().signal,
    bootPsk: psk,
    privateKey: new Uint8Array(32),
    hello,
    review: () => Promise.resolve(),
    directory: "/nowhere",
    load: () => Promise.resolve(),
  };
  await assert.rejects(
    fetchArchive(stream, options),
    (error) => error instanceof ProtocolError && error.code === "refused",
  );
  listener.close();
  await listener.finished;
});

Deno.test("a server that keeps to the protocol gives kernel, initramfs and session", async () => {
  const loaded: Uint8Array[] = [];
  const load: ExchangeOptions["load"] = async ({ staged, archive: { commandLine } }) => {
    assert.equal(commandLine, "quiet");
    for (const path of [staged.kernelPath, staged.initramfsPath]) loaded.push(await Deno.readFile(path));
  };
  const { result, left, heard } = await attempt(sendEverything, { load });
  assert.ok(!(result instanceof Error), String(result));
  assert.deepEqual(left, ["initramfs", "kernel"]);
  assert.deepEqual(heard, [{ kind: "ack", ok: true }]);
  const [loadedKernel, loadedInitramfs] = loaded;
  assert.deepEqual(loadedKernel, kernel);
  assert.deepEqual(loadedInitramfs?.subarray(0, initramfs.length), initramfs);
  // Four zero bytes are the end of an initramfs packed with lz4; then the session's archive begins.
  const after = loadedInitramfs?.subarray(initramfs.length, initramfs.length + 10);
  assert.deepEqual(after, new Uint8Array([0, 0, 0, 0, ...new TextEncoder().encode("070701")]));
});

Deno.test("a client reports a kernel that its machine does not take, and the server keeps no disk for it", async () => {
  const load = (): Promise<never> => Promise.reject(new UserError("It is not signed"));
  const { result, left, heard } = await attempt(sendEverything, { load });
  assert.ok(result instanceof ExchangeFailed);
  assert.match(result.message, /It is not signed/);
  assert.deepEqual(heard, [{ kind: "ack", ok: false, message: "It is not signed" }]);
  assert.deepEqual(left, []);
});
