/** Both drivers, each with its session machine, over a loopback connection; the export is faked. */
import assert from "node:assert/strict";
import { BootError } from "../../lib/boot_error.ts";
import { DiskError } from "../../lib/disk/disk_error.ts";
import type { BootImage } from "../../lib/boot/opened_image.ts";
import { describeLocked, type DiskReport } from "../../lib/disk/inspect_disk.ts";
import { listenStream } from "../../lib/net/listen.ts";
import { connectStream } from "../../lib/net/stream.ts";
import { allDesktopPrograms } from "../../lib/export/desktop_programs.ts";
import { makeTunnelKeys } from "../../lib/export/tunnel/wireguard_config.ts";
import type { ByteStream } from "../../lib/net/stream.ts";
import { type HelloMessage, parseServerPlaintext } from "../../lib/protocol/boot_exchange.ts";
import { MESSAGE_BODY_MAX_BYTES } from "../../lib/protocol/frames.ts";
import { startClientHandshake } from "../../lib/protocol/secure_channel.ts";
import { FrameSource } from "../shared/frame_source.ts";
import { createRealSystem } from "../../lib/system/real.ts";
import type { System } from "../../lib/system/system.ts";
import { ExchangeFailed, type ExchangeOptions, fetchArchive, type FetchedArchive } from "../client/exchange.ts";
import { demandKernel, KernelRefused } from "../client/kernel_refusal.ts";
import { type Console, createConsole } from "../shared/console.ts";
import type { LendingEngine } from "./lending_engine.ts";
import { engineSecret, engineSession } from "../../tests/support/protocol_samples.ts";
import type { Engine } from "../../lib/formats/engine.ts";
import { engineTransport } from "../../lib/formats/engine.ts";
import { type Admission, Desk } from "./desk.ts";
import { serveExchange } from "./exchange.ts";
import type { DiskSource } from "./source.ts";

const psk = new Uint8Array(32).fill(7);
const hello: HelloMessage = {
  kind: "hello",
  protocol: 2,
  name: "desktop",
  link: { mac: "52:54:00:00:00:01", address: "127.0.0.1/8" },
  disk: { transports: ["nbd"] },
};
const clientKeys = await makeTunnelKeys(new Uint8Array(32).fill(9));
const disk: DiskReport = {
  path: "/dev/sda",
  name: "sda",
  sizeBytes: 1_000_448,
  logicalBlockSize: 512,
  model: "Disk",
  problems: [],
  notices: [],
};
const kernel = new Uint8Array(200_000).map((_, index) => index);
const initramfs = new Uint8Array(300_001).map((_, index) => index * 7);

type Bytes = Uint8Array<ArrayBuffer>;

function createImage(change: Partial<BootImage> = {}): BootImage & AsyncDisposable {
  return {
    entry: {
      title: "Debian",
      kernel: "/k",
      initrds: ["/i"],
      commandLine: "quiet",
      loader: "grub",
      source: "grub.cfg",
      canTunnel: true,
      notices: ["Old entry"],
    },
    kernelBytes: kernel.length,
    initramfsBytes: initramfs.length,
    openKernel: () => Promise.resolve(ReadableStream.from<Bytes>([kernel.slice(0, 3), kernel.slice(3)])),
    openInitramfs: () => Promise.resolve(ReadableStream.from<Bytes>([initramfs])),
    [Symbol.asyncDispose]: () => Promise.resolve(),
    ...change,
  };
}

interface Scene {
  /** The client asks for the laptop's own boot loaders. */
  readonly asksForChain?: boolean;
  /** The client is a guest, on a laptop with so much memory. */
  readonly guestOf?: { readonly availableKib: number };
  readonly source?: Partial<DiskSource>;
  readonly passphrases?: readonly string[];
  readonly review?: ExchangeOptions["review"];
  readonly load?: ExchangeOptions["load"];
  readonly onFailure?: (error: ExchangeFailed) => void;
  /** The client's console is a screen, not a serial line. */
  readonly isScreen?: boolean;
  readonly security?: "none" | "wireguard";
  readonly engine?: LendingEngine;
  /** What the client says first, when it is not of our date: as JSON. */
  readonly hello?: string;
  /** The client's machine, if it is not an ordinary one. */
  readonly change?: (system: System) => System;
  /** What the desk has seen before the client comes. */
  readonly before?: (desk: Desk, serverLines: readonly string[]) => Promise<void>;
}

interface Outcome {
  readonly fetched?: FetchedArchive;
  readonly failure?: ExchangeFailed["failure"];
  readonly serverLines: readonly string[];
  readonly clientLines: readonly string[];
  readonly isFree: boolean;
  /** How often an export was started, and how many were still there in the end. */
  readonly exports: { started: number; running: number };
  /** Commands of the server. */
  readonly runs: readonly { readonly line: string; readonly stdin: unknown }[];
  /** What the client has put behind the initramfs. */
  readonly initramfsEnd?: string;
  /** Names left in the client's directory. */
  readonly left: readonly string[];
}

/** Plays one exchange. */
async function play(scene: Scene): Promise<Outcome> {
  const real = createRealSystem();
  const directory = await Deno.makeTempDir({ prefix: "stiefel-exchange-" });
  const serverLines: string[] = [];
  const clientLines: string[] = [];
  const exports = { started: 0, running: 0 };
  const runs: { line: string; stdin: unknown }[] = [];
  const system = withFakeExport(real, exports, runs, scene.guestOf?.availableKib);
  const source: DiskSource = {
    inspect: () => Promise.resolve(disk),
    openBoot: () => Promise.resolve(createImage()),
    readChain: () => Promise.resolve({ kind: "none", why: "it has none" }),
    ...scene.source,
  };
  const passphrases = [...scene.passphrases ?? []];
  const console = consoleInto(serverLines, real);
  const desk = new Desk({ system, console, directory, onFree: () => {}, onStay: () => {}, onLost: () => {} });
  await scene.before?.(desk, serverLines);
  const served = Promise.withResolvers<void>();
  const listener = listenStream({ address: "127.0.0.1", port: 0 }, (stream) =>
    serveExchange(stream, {
      system,
      console,
      bootPsk: psk,
      source,
      desk,
      security: scene.security ?? "none",
      arrival: { kind: "address", localAddress: "127.0.0.1", remoteAddress: "127.0.0.1" },
      transport: "auto",
      ...scene.engine === undefined ? {} : { engine: scene.engine },
      tell: () => Promise.resolve(),
    }).finally(served.resolve));
  const result: { initramfsEnd?: string; fetched?: FetchedArchive; failure?: ExchangeFailed["failure"] } = {};
  try {
    using stream = await connectStream({ host: "127.0.0.1", port: listener.port });
    if (scene.hello !== undefined) throw new ExchangeFailed(await talk(stream, scene.hello));
    result.fetched = await fetchArchive(stream, {
      system: scene.change?.(real) ?? withDesktopPrograms(real),
      console: {
        ...consoleInto(clientLines, real),
        isScreen: scene.isScreen ?? false,
        askSecret: (prompt) => {
          clientLines.push(prompt);
          return Promise.resolve(passphrases.shift() ?? "");
        },
      },
      signal: new AbortController().signal,
      bootPsk: psk,
      hello: {
        ...hello,
        ...scene.security === "wireguard" ? { tunnel: { publicKey: clientKeys.publicKey } } : {},
        ...scene.asksForChain ? { chain: {} } : {},
        ...scene.guestOf === undefined ? {} : { mode: { kind: "try" } },
        ...scene.engine === undefined ? {} : { disk: { transports: [engineTransport] } },
      },
      privateKey: clientKeys.privateKey,
      directory,
      review: scene.review ?? (() => Promise.resolve()),
      load: scene.load ?? (() => Promise.resolve()),
    });
    assert.deepEqual(await Deno.readFile(result.fetched.staged.kernelPath), kernel);
    const written = await Deno.readFile(result.fetched.staged.initramfsPath);
    assert.deepEqual(written.subarray(0, initramfs.length), initramfs);
    result.initramfsEnd = new TextDecoder("latin1").decode(written.subarray(initramfs.length));
  } catch (error) {
    if (!(error instanceof ExchangeFailed)) throw error;
    scene.onFailure?.(error);
    result.failure = error.failure;
  } finally {
    // It reads to the end what the client has said last.
    await served.promise;
    listener.close();
    await listener.finished;
  }
  const isFree = desk.isFree;
  const found = { ...exports };
  await desk.close();
  const left = [...Deno.readDirSync(directory)].map((entry) => entry.name).sort();
  await Deno.remove(directory, { recursive: true });
  return { ...result, serverLines, clientLines, isFree, exports: found, left, runs };
}

/** Says one hello of any form. @returns what the server refuses it with */
async function talk(stream: ByteStream, hello: string): Promise<ExchangeFailed["failure"]> {
  const frames = new FrameSource(stream);
  const handshake = await startClientHandshake({ psk });
  await stream.write(handshake.opening);
  const channel = await handshake.finish(await frames.next(5000) ?? new Uint8Array());
  frames.expectSealedFrames(MESSAGE_BODY_MAX_BYTES);
  await stream.write(await channel.seal(new Uint8Array([1, ...new TextEncoder().encode(hello)])));
  const answer = await frames.next(5000);
  if (answer === undefined) return { code: "closed", message: "" };
  const { kind, message } = { message: undefined, ...parseServerPlaintext(await channel.open(answer)) };
  assert(kind === "control" && message?.kind === "refuse", `${message?.kind}`);
  return message;
}

function consoleInto(lines: string[], system: System): Console {
  return createConsole({
    terminal: { write: (text) => void lines.push(text.trimEnd()), canRedraw: false },
    monotonicMs: () => system.monotonicMs(),
  });
}

/** nbdkit that listens at once and goes on until it is ended. */
function withFakeExport(
  system: System,
  exports: Outcome["exports"],
  runs: { line: string; stdin: unknown }[],
  availableKib = 0,
): System {
  return {
    ...system,
    run: (argv, options) => {
      runs.push({ line: argv.join(" "), stdin: options?.stdin });
      if (argv.join(" ") === "cat /proc/meminfo") {
        return Promise.resolve({ exitCode: 0, stdout: `MemAvailable:  ${availableKib} kB\n`, stderr: "" });
      }
      return Promise.resolve({ exitCode: 0, stdout: "", stderr: "" });
    },
    spawn: (argv, options) => {
      runs.push({ line: argv.join(" "), stdin: undefined });
      if (argv.includes("wait")) return system.spawn(["sleep", "infinity"]);
      const exited = Promise.withResolvers<{ exitCode: number | undefined; signal: string | undefined }>();
      queueMicrotask(() =>
        options?.onLine?.("nbdkit: debug: bound to IP address 127.0.0.1:10809 (1 socket)", "stderr")
      );
      exports.started++;
      exports.running++;
      exited.promise.then(() => exports.running--);
      const kill = (): void => exited.resolve({ exitCode: 0, signal: undefined });
      return {
        pid: 1,
        exited: exited.promise,
        kill,
        [Symbol.asyncDispose]: async () => {
          kill();
          await exited.promise;
        },
      };
    },
  };
}

/** What the image has, and not each machine. */
function withDesktopPrograms(system: System): System {
  const contents = new Map(
    Object.entries(allDesktopPrograms).map(([name, path]) => [path, new TextEncoder().encode(`bytes of ${name}.`)]),
  );
  return {
    ...system,
    readFile: async (path) => contents.get(path) ?? await system.readFile(path),
    stat: async (path) =>
      contents.has(path)
        ? { kind: "file", sizeBytes: 1, mode: 0o755, uid: 0, gid: 0, modifiedMs: 0 }
        : await system.stat(path),
  };
}

Deno.test("the laptop's own boot loaders come with the archive when they are asked for, and only then", async () => {
  const chain = { directory: "debian", shim: new Uint8Array(700_000).fill(5), grub: new Uint8Array(12).fill(6) };
  const asked: unknown[] = [];
  const readChain: DiskSource["readChain"] = (signature) => {
    asked.push(signature);
    return Promise.resolve({ kind: "chain", chain });
  };
  const parts: Uint8Array[] = [];
  const load: ExchangeOptions["load"] = async ({ staged }) => {
    for (const path of [staged.shimPath, staged.grubPath]) parts.push(await Deno.readFile(path));
  };
  const { fetched, left } = await play({ asksForChain: true, source: { readChain }, load });
  assert.deepEqual(fetched?.archive.chain, { directory: "debian", shimBytes: 700_000, grubBytes: 12 });
  assert.deepEqual(parts, [chain.shim, chain.grub]);
  assert.deepEqual(left, ["grub", "initramfs", "kernel", "shim"]);
  assert.equal(asked.length, 1);
  assert.equal((await play({ source: { readChain } })).fetched?.archive.chain, undefined);
  assert.equal(asked.length, 1);
});

Deno.test("a laptop without boot loaders that fit says why, and keeps its disk", async () => {
  const { failure, isFree, exports, serverLines } = await play({ asksForChain: true });
  assert.equal(failure?.code, "no-boot-entry");
  assert.match(failure?.message ?? "", /^The laptop has no signed boot loaders for its kernel: it has none$/);
  assert.match(serverLines.join("\n"), /no signed boot loaders/);
  assert.deepEqual([isFree, exports.started], [true, 0]);
});

Deno.test("kernel, initramfs and session arrive, and the disk is lent", async () => {
  const { fetched, isFree, left, clientLines, serverLines, exports } = await play({});
  assert.equal(fetched?.archive.entryTitle, "Debian");
  assert.equal(fetched?.archive.commandLine, "quiet init_on_free=1 noresume");
  assert.equal(fetched?.archive.session.disk.address, "127.0.0.1");
  assert.deepEqual(left, ["initramfs", "kernel"]);
  assert.equal(isFree, false);
  assert.deepEqual(exports, { started: 1, running: 1 });
  assert.ok(clientLines.includes("Note: Old entry"), clientLines.join("\n"));
  assert.ok(serverLines.includes('"desktop" has all it needs and starts'), serverLines.join("\n"));
});

Deno.test("a machine that asks again before its earlier session has ended is served the last time only", async () => {
  const client = { name: hello.name, mac: hello.link.mac, address: "127.0.0.1" };
  const earlier = Promise.withResolvers<void>();
  const last = Promise.withResolvers<Admission>();
  let inspections = 0;
  const { failure, serverLines } = await play({
    before: async (desk, serverLines) => {
      await desk.admit(client, { isGuest: false, exchangeOver: earlier.promise });
      void (async () => {
        while (serverLines.length === 0) await new Promise((resolve) => setTimeout(resolve, 5));
        const admission = desk.admit(client, { isGuest: false, exchangeOver: Promise.resolve() });
        earlier.resolve();
        last.resolve(await admission);
      })();
    },
    source: {
      inspect: () => {
        inspections++;
        return Promise.resolve(disk);
      },
    },
  });
  assert.equal(failure?.message, "The same machine has started a new exchange");
  assert.equal((await last.promise).kind, "granted");
  assert.equal(inspections, 0, serverLines.join("\n"));
});

Deno.test("a guest gets a snapshot of the disk, as large as the memory allows, and it goes with the session", async () => {
  const { fetched, serverLines, runs } = await play({ guestOf: { availableKib: 1024 * 1024 } });
  assert.deepEqual(fetched?.archive.session.mode, { kind: "try", guest: 1 });
  assert.equal(fetched?.archive.session.disk.port, 10810);
  const lines = runs.map(({ line }) => line);
  const make = lines.findIndex((line) => line.includes("lend-snapshot make"));
  assert.match(lines[make] ?? "", / make stiefel-try-[0-9a-f]{16} \/dev\/sda 512 469762048$/);
  const name = / make (\S+) /.exec(lines[make] ?? "")?.[1] ?? "";
  const lent = lines.findIndex((line) => line.includes(`file=/dev/mapper/${name} `));
  assert.ok(make < lent, "the snapshot is lent, and not the disk");
  assert.ok(!lines.some((line) => line.includes("file=/dev/sda")), lines.join("\n"));
  assert.match(lines.findLast((line) => line.includes("lend-snapshot")) ?? "", new RegExp(` remove ${name}$`));
  assert.ok(serverLines.some((line) => /Try mode: up to 470 MB of changes/.test(line)), serverLines.join("\n"));
});

Deno.test("a guest is refused where there is no memory for its changes", async () => {
  const { failure, isFree, exports } = await play({ guestOf: { availableKib: 200 * 1024 } });
  assert.match(failure?.message ?? "", /^The laptop has too little free memory for what this desktop would change/);
  assert.deepEqual([isFree, exports.started], [true, 0]);
});

Deno.test("what has been unlocked and looked through is no longer said not to be seen", async () => {
  const inspect = (): Promise<DiskReport> =>
    Promise.resolve({ ...disk, notices: ["/dev/sda2", "/dev/sda3"].map(describeLocked) });
  const openBoot = (passphrase?: string): Promise<BootImage & AsyncDisposable> =>
    passphrase === undefined
      ? Promise.reject(new BootError("passphrase-needed", "A passphrase is needed"))
      : Promise.resolve(createImage({ unlocked: ["/dev/sda2"] }));
  const { clientLines } = await play({ source: { inspect, openBoot }, passphrases: ["right"] });
  const notes = clientLines.filter((line) => line.startsWith("Note: "));
  assert.deepEqual(notes.slice(1), [`Note: ${describeLocked("/dev/sda3")}`, "Note: Old entry"]);
});

Deno.test("P13: the question for a passphrase names the keys of a screen, and none on a serial line", async () => {
  const openBoot = (passphrase?: string): Promise<BootImage & AsyncDisposable> =>
    passphrase === undefined
      ? Promise.reject(new BootError("passphrase-needed", "A passphrase is needed"))
      : Promise.resolve(createImage());
  const withKeymap = (text?: string) => (system: System): System => ({
    ...system,
    readText: (path) =>
      path !== "/etc/stiefelsystem/keymap.name"
        ? system.readText(path)
        : text === undefined
        ? Promise.reject(new Error("not there"))
        : Promise.resolve(text),
  });
  const cases = [
    [true, "de(nodeadkeys)\n", "Passphrase of the encrypted disk (3 tries, keys: de(nodeadkeys)): "],
    [true, undefined, "Passphrase of the encrypted disk (3 tries, keys: us): "],
    [false, "de\n", "Passphrase of the encrypted disk (3 tries): "],
  ] as const;
  for (const [isScreen, text, prompt] of cases) {
    const { clientLines, fetched } = await play({
      source: { openBoot },
      passphrases: ["right"],
      isScreen,
      change: withKeymap(text),
    });
    assert.ok(fetched);
    assert.deepEqual(clientLines.filter((line) => line.startsWith("Passphrase")), [prompt]);
  }
});

Deno.test("the export of a client that cannot store the end of it is over, and the disk is free", async () => {
  const change = (system: System): System => ({
    ...system,
    openWrite: async (path, options) => {
      const file = await system.openWrite(path, options);
      let written = 0;
      const write = (bytes: Uint8Array): Promise<void> => {
        written += bytes.length;
        // all that was sent, not what comes after it
        if (written > initramfs.length) return Promise.reject(new Error("No space left on device"));
        return file.write(bytes);
      };
      return { write, [Symbol.dispose]: () => file[Symbol.dispose]() };
    },
  });
  const { failure, isFree, left, serverLines, exports } = await play({ change });
  assert.equal(failure?.message, "No space left on device");
  assert.match(
    serverLines.join("\n"),
    /The exchange with "desktop" failed: The client gave up: No space left on device/,
  );
  assert.equal(isFree, true);
  assert.deepEqual(exports, { started: 1, running: 0 });
  assert.deepEqual(left, []);
});

Deno.test("a passphrase is asked for until it is right, at most three times, and never shown", async () => {
  const openBoot = (passphrase?: string): Promise<BootImage & AsyncDisposable> => {
    if (passphrase === "right") return Promise.resolve(createImage());
    const code = passphrase === undefined ? "passphrase-needed" : "passphrase-wrong";
    return Promise.reject(new BootError(code, "Encrypted"));
  };
  const good = await play({ source: { openBoot }, passphrases: ["secret-one", "right"] });
  assert.ok(good.fetched);
  assert.ok(good.clientLines.includes("That passphrase does not open the disk"));
  const bad = await play({ source: { openBoot }, passphrases: ["secret-one", "secret-two", "secret-three", "right"] });
  assert.equal(bad.failure?.code, "passphrase-wrong");
  assert.equal(bad.isFree, true);
  for (const { clientLines, serverLines } of [good, bad]) {
    assert.doesNotMatch([...clientLines, ...serverLines].join("\n"), /secret|right/);
  }
});

Deno.test("a desktop with another processor is refused before it is let in, and both screens tell why", async () => {
  const { failure, serverLines, isFree, exports } = await play({
    hello: JSON.stringify({ ...hello, architecture: "arm64" }),
  });
  assert.equal(failure?.code, "no-boot-entry");
  assert.match(failure.message, /^The laptop's system is for amd64, and the desktop's processor is arm64/);
  assert.ok(serverLines.some((line) => /processor is arm64/.test(line)), serverLines.join("\n"));
  assert.equal(isFree, true);
  assert.deepEqual(exports, { started: 0, running: 0 });
});

const sayings = [
  [
    "a transport that the stick lacks",
    { ...hello, disk: { transports: ["nvme-tcp"] } },
    /^The disk cannot be lent \(.*no nbd: the stick does not know it\): run setup-server on the laptop, and write the stick/,
    /^The exchange with "desktop" failed: The disk cannot be lent \(/,
  ],
  [
    "a group that the laptop does not know",
    { ...hello, later: { publicKey: "x" } },
    /^The hello has a group "later", which this program does not know: build one image/,
    /^A desktop cannot be served \(127\.0\.0\.1\): The hello has a group "later"/,
  ],
  [
    "another version",
    { kind: "hello", protocol: 3, name: "desktop" },
    /^The hello has version 3, this program knows version 2: build one image/,
    /^A desktop cannot be served \(127\.0\.0\.1\): The hello has version 3/,
  ],
] as const;
for (const [what, said, onDesktop, onLaptop] of sayings) {
  Deno.test(`stick and laptop of different dates, ${what}: both screens name it`, async () => {
    const { failure, serverLines, isFree, exports } = await play({ hello: JSON.stringify(said) });
    assert.equal(failure?.code, "other-version");
    assert.match(failure.message, onDesktop);
    assert.ok(serverLines.some((line) => onLaptop.test(line)), serverLines.join("\n"));
    assert.equal(isFree, true);
    assert.deepEqual(exports, { started: 0, running: 0 });
  });
}

Deno.test("with security: wireguard the export is for a tunnel, whose keys both sides have and no screen shows", async () => {
  const { fetched, initramfsEnd, serverLines, clientLines, runs } = await play({ security: "wireguard" });
  const { tunnel, disk: lent } = fetched?.archive.session ?? {};
  assert.ok(tunnel && lent && initramfsEnd);
  assert.equal(tunnel.endpoint, "127.0.0.1");
  assert.match(lent.address, /^fd[0-9a-f]{2}:.*::1$/);
  const [setconf] = runs.filter(({ line }) => line.includes(" wg setconf "));
  const configuration = String(setconf?.stdin);
  assert.match(configuration, /^ListenPort = 51820$/m);
  // The desktop's half lies beside the session file, with the same key of this connection.
  for (const name of Object.keys(allDesktopPrograms)) assert.ok(initramfsEnd.includes(`bytes of ${name}.`), name);
  const shared = /^PresharedKey = (\S{44})$/m;
  assert.equal(shared.exec(initramfsEnd)?.[1], shared.exec(configuration)?.[1]);
  const halves = [initramfsEnd, configuration];
  const keys = halves.flatMap((text) => [...text.matchAll(/Key = (\S{44})/g)].map(([, key]) => key ?? ""));
  assert.equal(keys.length, 6);
  assert.equal(new Set(keys).size, 5);
  const shown = [...serverLines, ...clientLines, ...runs.map(({ line }) => line)].join("\n");
  assert.ok(keys.every((key) => !shown.includes(key)), shown);
  assert.ok(serverLines.some((line) => /through WireGuard/.test(line)), serverLines.join("\n"));
  assert.ok(!clientLines.some((line) => /unencrypted/.test(line)));
  const [nbdkit] = runs.filter(({ line }) => line.includes("run-nbdkit"));
  assert.match(nbdkit?.line ?? "", new RegExp(`^ip netns exec stiefel-[0-9a-f]{8} .*--ipaddr=${lent.address} `));
  assert.deepEqual(runs.slice(-1).map(({ line }) => line.replace(/-[0-9a-f]{8}/, "")), ["ip netns delete stiefel"]);
});

Deno.test("an engine of the settings lends the disk: the desktop learns where, and its secret, and no screen shows that", async () => {
  const { transport: _, secondAddress = "", ...target } = engineSession.disk;
  const { address, queues: __, ...rest } = target;
  const engine: Engine = { ...rest, addresses: [address, secondAddress], desktop: "192.0.2.50/24" };
  const entry = { ...createImage().entry, transports: [engineTransport] };
  const source = { openBoot: () => Promise.resolve(createImage({ entry })) };
  const lending = { engine, secret: engineSecret };
  const { fetched, initramfsEnd = "", serverLines, clientLines, runs } = await play({
    ...{ engine: lending, source, security: "wireguard" },
  });
  const { session } = fetched?.archive ?? {};
  assert.deepEqual(session?.disk, { ...engineSession.disk, transport: engineTransport });
  assert.equal(session?.link.address, "192.0.2.50/24");
  assert.deepEqual([session?.tunnel, session?.secret], [undefined, engineSecret]);
  assert.ok(initramfsEnd.includes(`HOST=${engineSecret.hostKey}\nCONTROLLER=${engineSecret.controllerKey}\n`));
  const shown = [...serverLines, ...clientLines, ...runs.map(({ line }) => line)].join("\n");
  assert.doesNotMatch(shown, /DHHC/);
  for (const lines of [serverLines, clientLines]) {
    assert.match(
      lines.join("\n"),
      /The disk is that of 192\.0\.2\.10, 192\.0\.2\.11, which knows .* secret; .*unencrypted/,
    );
  }
  // Nothing of it runs on the laptop.
  assert.ok(!runs.some(({ line }) => /nbdkit|lend-nvme|wg|netns|address add/.test(line)), shown);

  const refused = await play({ engine: lending, source, asksForChain: true });
  assert.match(refused.serverLines.join("\n"), /would leave the engine's secret on the stick/);
  assert.ok(refused.isFree);
  const guest = await play({ engine: lending, source, guestOf: { availableKib: 1024 * 1024 } });
  assert.match(guest.serverLines.join("\n"), /lends the disk \(block\.engine\), and has no try mode/);
  assert.ok(guest.isFree);
  // A laptop that was set up before there were engines.
  const old = await play({ engine: lending });
  assert.match(old.serverLines.join("\n"), /no nvme-engine: the laptop's initramfs .* without it.*run setup-server/);
});

Deno.test("without encryption both screens say what that means", async () => {
  const { serverLines, clientLines, runs } = await play({});
  assert.ok(clientLines.some((line) => /^Note: .*cross the cable unencrypted/.test(line)), clientLines.join("\n"));
  assert.ok(serverLines.some((line) => /cross the cable unencrypted/.test(line)), serverLines.join("\n"));
  assert.ok(!runs.some(({ line }) => /wg|netns/.test(line)));
});

Deno.test("where the laptop's initramfs has no WireGuard, the disk is lent in the open, and both screens say why", async () => {
  const { canTunnel: _, ...entry } = createImage().entry;
  const source = { openBoot: () => Promise.resolve(createImage({ entry })) };
  const { fetched, serverLines, clientLines, runs } = await play({ security: "wireguard", source });
  assert.equal(fetched?.archive.session.tunnel, undefined);
  const words =
    /unencrypted: what desktops boot of the laptop was built without WireGuard \(its kernel needs the module .* setup-/;
  assert.ok(clientLines.some((line) => line.startsWith("Note: ") && words.test(line)), clientLines.join("\n"));
  assert.ok(serverLines.some((line) => words.test(line)), serverLines.join("\n"));
  assert.ok(!runs.some(({ line }) => /wg|netns/.test(line)));
});

Deno.test("a stick without tunnel is not served in the open when the laptop wants one", async () => {
  const { failure, exports } = await play({ security: "wireguard", hello: JSON.stringify(hello) });
  assert.equal(failure?.code, "other-version");
  assert.match(failure.message, /^The stick does not know the group "tunnel" that the laptop uses/);
  assert.deepEqual(exports, { started: 0, running: 0 });
});

Deno.test("a hello that is only malformed gets no answer, and the laptop's screen stays quiet", async () => {
  const { failure, serverLines } = await play({ hello: JSON.stringify({ ...hello, more: 1 }) });
  assert.equal(failure?.code, "closed");
  assert.deepEqual(serverLines, []);
});

const refusals: readonly {
  readonly name: string;
  readonly source: Partial<DiskSource>;
  readonly code: string;
  readonly message: RegExp;
}[] = [
  {
    name: "a disk in use",
    source: {
      inspect: () =>
        Promise.resolve({ ...disk, problems: [{ code: "mounted", message: '"/dev/sda1" is mounted at "/"' }] }),
    },
    code: "disk-in-use",
    message: /is mounted/,
  },
  {
    name: "a hibernated system",
    source: {
      inspect: () => Promise.resolve({ ...disk, problems: [{ code: "hibernated", message: "A hibernated system" }] }),
    },
    code: "hibernated",
    message: /hibernated/,
  },
  {
    name: "no disk",
    source: { inspect: () => Promise.reject(new DiskError("no-device", "No disk to serve")) },
    code: "no-disk",
    message: /No disk/,
  },
  {
    name: "nothing to boot",
    source: { openBoot: () => Promise.reject(new BootError("no-boot-entry", "No boot entry found")) },
    code: "no-boot-entry",
    message: /No boot entry/,
  },
  {
    name: "an entry without initramfs",
    source: { openBoot: () => Promise.resolve(createImage({ initramfsBytes: 0 })) },
    code: "no-boot-entry",
    message: /no initramfs/,
  },
  {
    name: "a file that shrank while it was sent",
    source: { openBoot: () => Promise.resolve(createImage({ initramfsBytes: initramfs.length + 1 })) },
    code: "internal",
    message: /changed while it was sent/,
  },
  {
    name: "a file that cannot be read",
    source: {
      openBoot: () =>
        Promise.resolve(createImage({ openInitramfs: () => Promise.reject(new Error("Input/output error")) })),
    },
    code: "internal",
    message: /Input\/output error/,
  },
];

for (const { name, source, code, message } of refusals) {
  Deno.test(`${name} is refused with the reason on both sides, and the disk stays free`, async () => {
    const { failure, isFree, left, serverLines, exports } = await play({ source });
    assert.equal(exports.started, 0);
    assert.equal(failure?.code, code);
    assert.match(failure?.message ?? "", message);
    assert.match(serverLines.join("\n"), message);
    assert.equal(isFree, true);
    assert.deepEqual(left, []);
  });
}

/** A desktop that is locked down, and trusts Debian only. */
const lockedDown = {
  lockdown: "integrity",
  trustedKeys: [{ name: "Debian Secure Boot CA", id: "6ccece7e4c6c0d1f6149f3dd27dfcc5cbb419ea1" }],
};

Deno.test("a kernel that the desktop cannot start is refused before the download, and the laptop learns why", async () => {
  const said: string[] = [];
  const { failure, isFree, left, serverLines, clientLines, exports } = await play({
    review: (message) => {
      said.push(message.kind);
      demandKernel(lockedDown, message.kernelSignature);
      return Promise.resolve();
    },
  });
  assert.deepEqual(said, ["welcome"]);
  assert.match(failure?.message ?? "", /which is not signed: .* Nothing was fetched\. Switch Secure Boot off/);
  assert.match(serverLines.join("\n"), /The exchange with "desktop" failed: The client gave up: .*which is not signed/);
  assert.doesNotMatch(serverLines.join("\n"), /Sending|Sent/);
  assert.doesNotMatch(clientLines.join("\n"), /Fetching/);
  assert.deepEqual([isFree, left, exports.started], [true, [], 0]);
});

Deno.test("a kernel behind a passphrase is known after it, and refused before its pieces", async () => {
  const openBoot = (passphrase?: string): Promise<BootImage & AsyncDisposable> =>
    passphrase === undefined
      ? Promise.reject(new BootError("passphrase-needed", "A passphrase is needed"))
      : Promise.resolve(createImage({ kernelSignature: { kind: "signed", names: ["Other CA"], keyIds: ["00"] } }));
  const said: unknown[] = [];
  const { failure, isFree, serverLines, clientLines, left } = await play({
    source: { openBoot },
    passphrases: ["right"],
    review: (message) => {
      said.push([message.kind, message.kernelSignature?.kind]);
      demandKernel(lockedDown, message.kernelSignature);
      return Promise.resolve();
    },
  });
  assert.deepEqual(said, [["welcome", undefined], ["archive", "signed"]]);
  assert.match(failure?.message ?? "", /which is signed by "Other CA"/);
  // It may be in the middle of sending, and then hears no more than the end of the connection.
  assert.match(serverLines.join("\n"), /The exchange with "desktop" failed: The client /);
  assert.doesNotMatch(clientLines.join("\n"), /Fetching/);
  assert.deepEqual([isFree, left], [true, []]);
});

Deno.test("the error of an exchange that the desktop ended has its reason as the cause", async () => {
  const refused = new KernelRefused("No", { trust: { kind: "unsigned" }, hints: [] });
  let cause: unknown;
  await play({ review: () => Promise.reject(refused), onFailure: (error) => cause = error.cause });
  assert.equal(cause, refused);
});

Deno.test("a kernel that cannot be read, or is too large to look at, is sent without a word about its signature", async () => {
  const huge = await play({
    source: { openBoot: () => Promise.resolve(createImage({ kernelBytes: 300 * 1024 * 1024 })) },
    review: (message) => Promise.reject(new Error(`${message.kind} ${message.kernelSignature}`)),
  });
  assert.equal(huge.failure?.message, "welcome undefined");
  const broken = await play({
    source: { openBoot: () => Promise.resolve(createImage({ openKernel: () => Promise.reject(new Error("EIO")) })) },
    review: (message) =>
      message.kernelSignature === undefined ? Promise.resolve() : Promise.reject(new Error("A signature")),
  });
  assert.equal(broken.failure?.message, "EIO");
});
