import assert from "node:assert/strict";
import { StoppedByUser, UserError } from "../errors.ts";
import { createMemorySystem } from "../../tests/support/memory_system.ts";
import type { ExitStatus, SpawnOptions, System } from "../system/system.ts";
import { desktopSpec } from "./machine_pair.ts";
import { detectQemuHost, parseProcessSeconds, startVm, type StartVmOptions, type Vm } from "./run_vm.ts";
import type { QemuHost } from "./vm_spec.ts";

const host: QemuHost = { accelerator: "tcg", version: { major: 7, minor: 2 } };
const spec = desktopSpec({ image: { kernelPath: "k", initrdPath: "i" }, clientMemoryMiB: 512, console: "pipe" });

/** A QEMU that says what the test lets it say. */
function createFakeQemu(): {
  readonly system: System;
  say(line: string, from?: "stdout" | "stderr"): void;
  end(status: ExitStatus): void;
  readonly signals: readonly string[];
  advance(ms: number): void;
} {
  const memory = createMemorySystem({
    commands: [(argv) => argv[0] === "mkfifo" || argv[0] === "tee" ? "" : undefined],
  });
  const ended = Promise.withResolvers<ExitStatus>();
  const signals: string[] = [];
  let spawned: SpawnOptions = {};
  const kill = (signal: string): void => {
    signals.push(signal);
    ended.resolve({ exitCode: undefined, signal });
  };
  return {
    system: {
      ...memory,
      spawn: (_argv, options = {}) => {
        spawned = options;
        return {
          pid: 7,
          exited: ended.promise,
          kill,
          [Symbol.asyncDispose]: async () => {
            kill("SIGTERM");
            await ended.promise;
          },
        };
      },
      // What QEMU answers is not part of these tests.
      openRead: () => Promise.reject(new Error("no FIFO")),
    },
    say: (line, from = "stdout") => spawned.onLine?.(line, from),
    end: (status) => ended.resolve(status),
    signals,
    advance: (ms) => memory.advance(ms),
  };
}

function start(qemu: { readonly system: System }, options: Partial<StartVmOptions> = {}): Promise<Vm> {
  return startVm(qemu.system, spec, host, { runDirectory: "/run", limitMs: 1000, ...options });
}

Deno.test("a line is waited for, also when it has come already, and carries the time since the start", async () => {
  const qemu = createFakeQemu();
  await using vm = await start(qemu);
  const waiting = vm.waitForLine(/ready/, { timeoutMs: 500 });
  qemu.advance(100);
  qemu.say("\x1b[1mready\x1b[0m\r");
  assert.deepEqual(await waiting, { atMs: 100, text: "ready" });
  assert.equal((await vm.waitForLine(/^ready$/, { timeoutMs: 1 })).atMs, 100);
});

Deno.test("a line that does not come in time is an error that shows what came, and where the rest is", async () => {
  const qemu = createFakeQemu();
  await using vm = await start(qemu);
  qemu.say("Kernel panic");
  const waiting = assert.rejects(vm.waitForLine(/ready/, { timeoutMs: 500 }), (error: unknown) => {
    assert.ok(error instanceof UserError);
    assert.match(error.message, /within 1 s[^]*Kernel panic/);
    assert.deepEqual(error.hints, ["The whole console is in /run/desktop.log"]);
    return true;
  });
  qemu.advance(501);
  await waiting;
});

Deno.test("a line after which nothing good can come ends the wait, also when it has come already", async () => {
  const qemu = createFakeQemu();
  await using vm = await start(qemu);
  const wait = (): Promise<void> =>
    assert.rejects(vm.waitForLine(/ready/, { timeoutMs: 500, unless: /No init/ }), /cannot go on[^]*No init found/);
  const waiting = wait();
  qemu.say("No init found");
  await waiting;
  await wait();
});

Deno.test("a machine that ends ends every wait, and an error of QEMU itself is shown", async () => {
  const qemu = createFakeQemu();
  await using vm = await start(qemu);
  const waiting = assert.rejects(
    vm.waitForLine(/ready/, { timeoutMs: 500 }),
    /it ended \(failed\)[^]*qemu: bad option/,
  );
  qemu.say("bad option", "stderr");
  qemu.end({ exitCode: 1, signal: undefined });
  await waiting;
  assert.equal((await vm.ended).kind, "failed");
});

Deno.test("a machine that runs longer than its limit is ended by its own process", async () => {
  const qemu = createFakeQemu();
  await using vm = await start(qemu);
  qemu.advance(1001);
  assert.equal((await vm.ended).kind, "ended");
  assert.deepEqual(qemu.signals, ["SIGTERM"]);
});

Deno.test("Ctrl-C ends the machine, and the result says so", async () => {
  const qemu = createFakeQemu();
  const stop = new AbortController();
  await using vm = await start(qemu, { signal: stop.signal });
  const waiting = assert.rejects(vm.waitForLine(/ready/, { timeoutMs: 500 }), StoppedByUser);
  stop.abort();
  await waiting;
  assert.equal((await vm.ended).kind, "ended");
});

Deno.test("leaving the scope ends the machine; the result of one that has switched itself off says so", async () => {
  const left = createFakeQemu();
  {
    await using _vm = await start(left);
  }
  assert.deepEqual(left.signals, ["SIGTERM"]);

  const off = createFakeQemu();
  await using vm = await start(off);
  off.end({ exitCode: 0, signal: undefined });
  assert.equal((await vm.ended).kind, "shutdown");
});

Deno.test("the console is in a log, with times", async () => {
  const qemu = createFakeQemu();
  const memory = qemu.system;
  await using vm = await start(qemu);
  qemu.say("one");
  qemu.advance(50);
  qemu.say("two");
  qemu.end({ exitCode: 0, signal: undefined });
  await vm.ended;
  assert.equal(await memory.readText(vm.logPath), "[    0.000] one\n[    0.050] two\n");
});

Deno.test("KVM is used only where a machine runs under it, and an old QEMU is refused", async () => {
  const machine = (version: string, trial: number): System =>
    createMemorySystem({
      commands: [(argv) => argv.includes("--version") ? `QEMU emulator version ${version}\n` : trial],
    });
  assert.deepEqual(await detectQemuHost(machine("10.0.3", 0)), {
    accelerator: "kvm",
    version: { major: 10, minor: 0 },
  });
  // "failed to set MSR 0x10a": an abort of QEMU in a nested machine
  assert.deepEqual(await detectQemuHost(machine("7.2.1", 134)), host);
  await assert.rejects(detectQemuHost(machine("6.2.0", 0)), /QEMU 7.2 or later/);
});

Deno.test("processor time is read behind a name that may hold anything", () => {
  const fields = "S 1 1 1 0 -1 4194560 900 0 0 0 1234 66 0 0 20 0 3 0 1000 0 0";
  assert.equal(parseProcessSeconds(`42 (qemu) 9 (x) ${fields}`), 13);
  assert.equal(parseProcessSeconds(""), undefined);
});
