import assert from "node:assert/strict";
import { createMemorySystem } from "../../../tests/support/memory_system.ts";
import type { RunningProcess, SpawnOptions, System } from "../../system/system.ts";
import { startNbdExport } from "./nbd_export.ts";
import { type NbdExportSettings, nbdkitArguments } from "./nbdkit_arguments.ts";

const settings: NbdExportSettings = {
  disk: "/dev/nvme0n1",
  listenAddress: "fd12:3456:789a::1",
  port: 10809,
  allowAddress: "fd12:3456:789a::2",
  exportName: "0123456789abcdef0123456789abcdef",
  blockSizeBytes: 4096,
};

Deno.test("nbdkit listens on one address, for one client, under one name, with the disk's block size", () => {
  assert.equal(
    nbdkitArguments(settings).join("\n"),
    [
      "--verbose",
      "-D",
      "nbdkit.backend.datapath=0",
      "-D",
      "nbdkit.backend.controlpath=0",
      "--newstyle",
      "--tls=off",
      "--threads=16",
      "--ipaddr=fd12:3456:789a::1",
      "--port=10809",
      "--filter=ip",
      "--filter=exportname",
      "--filter=blocksize-policy",
      "file",
      "file=/dev/nvme0n1",
      "allow=fd12:3456:789a::2",
      "deny=all",
      "exportname=0123456789abcdef0123456789abcdef",
      "exportname-strict=true",
      "exportname-list=empty",
      "exportdesc=none",
      "blocksize-minimum=4096",
      "blocksize-preferred=4096",
      "blocksize-maximum=33554432",
      "blocksize-error-policy=error",
    ].join("\n"),
  );
});

Deno.test("the zone of a link-local client is no part of the filter", () => {
  assert.ok(nbdkitArguments({ ...settings, allowAddress: "fe80::2%eth0" }).includes("allow=fe80::2"));
});

const wrong: readonly Partial<NbdExportSettings>[] = [
  { allowAddress: "all" },
  { allowAddress: "" },
  { allowAddress: "fd00::2,all" },
  { allowAddress: "fd00::/8" },
  { listenAddress: "localhost" },
  { exportName: "" },
  { exportName: "a b" },
  { blockSizeBytes: 4095 },
  { blockSizeBytes: 256 },
];
for (const change of wrong) {
  Deno.test(`nothing is exported with ${JSON.stringify(change)}`, () => {
    assert.throws(() => nbdkitArguments({ ...settings, ...change }), TypeError);
  });
}

/** A machine whose nbdkit says what the test wants. */
function withNbdkit(): {
  readonly system: System;
  say(...lines: readonly string[]): void;
  end(exitCode: number): void;
} {
  const memory = createMemorySystem({ commands: [() => 0] });
  const ended = Promise.withResolvers<{ exitCode: number | undefined; signal: string | undefined }>();
  let onLine: SpawnOptions["onLine"];
  const early: string[] = [];
  const process: RunningProcess = {
    pid: 1,
    exited: ended.promise,
    kill: () => {},
    [Symbol.asyncDispose]: () => Promise.resolve(ended.resolve({ exitCode: 0, signal: undefined })),
  };
  return {
    system: {
      ...memory,
      spawn: (_argv, options) => {
        onLine = options?.onLine;
        for (const line of early) onLine?.(line, "stderr");
        return process;
      },
    },
    say: (...lines) => {
      if (onLine === undefined) early.push(...lines);
      for (const line of lines) onLine?.(line, "stderr");
    },
    end: (exitCode) => ended.resolve({ exitCode, signal: undefined }),
  };
}

const logPath = "/run/stiefelsystem/nbdkit.log";
const listening = "nbdkit: debug: bound to IP address fd12:3456:789a::1:10809 (1 socket(s))";
const connected = [
  "nbdkit: file[1]: debug: handshake complete, processing requests with 1 threads",
  "nbdkit: debug: starting worker thread file.0",
];
const goodbye = "nbdkit: file.0: debug: client sent NBD_CMD_DISC, closing connection";
const gone = "nbdkit: file.0: debug: exiting worker thread file.0";

Deno.test("the export stands once nbdkit listens, and ends when the client says goodbye", async () => {
  const nbdkit = withNbdkit();
  const starting = startNbdExport(nbdkit.system, settings, { logPath });
  nbdkit.say(listening);
  const started = await starting;
  nbdkit.say(...connected, goodbye, gone);
  assert.deepEqual(await started.exited, { reason: "disconnected" });
});

Deno.test("the export reports a dropped connection, and goes on", async () => {
  const nbdkit = withNbdkit();
  const seen: boolean[] = [];
  const starting = startNbdExport(nbdkit.system, settings, {
    logPath,
    onConnected: (isConnected) => seen.push(isConnected),
  });
  nbdkit.say(listening);
  const started = await starting;
  nbdkit.say(...connected, gone, ...connected);
  assert.deepEqual(seen, [true, false, true]);
  await started.stop();
  assert.deepEqual(await started.exited, { reason: "stopped" });
});

Deno.test("the error says why nbdkit does not start", async () => {
  const nbdkit = withNbdkit();
  const starting = startNbdExport(nbdkit.system, settings, { logPath });
  nbdkit.say("nbdkit: error: open: /dev/nvme0n1: No such file or directory");
  nbdkit.end(1);
  await assert.rejects(starting, {
    message: 'Cannot export "/dev/nvme0n1" on [fd12:3456:789a::1]:10809: nbdkit ended: ' +
      "open: /dev/nvme0n1: No such file or directory",
  });
});

Deno.test("A3: the export tells nbdkit's own end while a desktop has the disk from one before it came", async () => {
  const nbdkit = withNbdkit();
  const starting = startNbdExport(nbdkit.system, settings, { logPath });
  nbdkit.say(listening);
  const started = await starting;
  nbdkit.say(...connected);
  nbdkit.end(1);
  assert.deepEqual(await started.exited, { reason: "lost", message: "nbdkit ended" });

  const unused = withNbdkit();
  const startingUnused = startNbdExport(unused.system, settings, { logPath });
  unused.say(listening);
  const startedUnused = await startingUnused;
  unused.end(1);
  assert.deepEqual(await startedUnused.exited, { reason: "failed", message: "nbdkit ended" });
});

Deno.test("A3: the export reports an error of the disk at once", async () => {
  const nbdkit = withNbdkit();
  const errors: string[] = [];
  const starting = startNbdExport(nbdkit.system, settings, { logPath, onDiskError: (message) => errors.push(message) });
  nbdkit.say(listening);
  const started = await starting;
  nbdkit.say(
    ...connected,
    "nbdkit: file.0: error: pwrite: Input/output error",
    "nbdkit: file.3: error: read request: Connection reset by peer",
  );
  assert.deepEqual(errors, ["pwrite: Input/output error"]);
  await started.stop();
});
