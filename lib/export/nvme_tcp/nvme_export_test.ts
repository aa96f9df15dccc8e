import assert from "node:assert/strict";
import { createMemorySystem, type MemorySystem } from "../../../tests/support/memory_system.ts";
import type { RunningProcess, SpawnOptions, System } from "../../system/system.ts";
import { LEND_NVME_PATH } from "./needs.ts";
import { adoptNvmeExport, formatLendSettings, type NvmeExportSettings, startNvmeExport } from "./nvme_export.ts";
import { nvmeName } from "./nvmet_log.ts";

const settings: NvmeExportSettings = {
  disk: "/dev/nvme0n1",
  listenAddress: "fd12:3456:789a::1",
  port: 4420,
  subsystem: "11111111-1111-4111-8111-111111111111",
  host: "22222222-2222-4222-8222-222222222222",
};

interface Machine {
  readonly system: System;
  readonly memory: MemorySystem;
  /** What the kernel writes into its log. */
  say(...texts: readonly string[]): void;
  /** The kernel has overwritten what was not read yet: cat fails, and is started again. */
  overrun(): Promise<void>;
  isLent: boolean;
  /** Ending fails so many times. */
  failures: number;
  /** Ending leaves an empty directory. */
  leavesDirectory: boolean;
}

/** A machine whose lend-nvme says `problem`, or works. */
function createMachine(problem?: string): Machine {
  let number = 0;
  const log: string[] = [];
  let reading: { readonly onLine: SpawnOptions["onLine"]; readonly end: () => void } | undefined;
  const memory = createMemorySystem({
    commands: [([program, verb]) => {
      if (program !== LEND_NVME_PATH) return 0;
      if (verb === "check") return machine.isLent ? 0 : 1;
      if (verb === "start" && problem !== undefined) return { exitCode: 1, stdout: "", stderr: `${problem}\n` };
      if (verb === "stop" && machine.failures-- > 0) return 1;
      machine.isLent = verb === "start";
      return verb === "stop" && machine.leavesDirectory ? 1 : 0;
    }],
  });
  const spawn = (argv: readonly string[], options?: SpawnOptions): RunningProcess => {
    assert.deepEqual(argv, ["cat", "/dev/kmsg"]);
    const ended = Promise.withResolvers<{ exitCode: number; signal: undefined }>();
    const end = (): void => ended.resolve({ exitCode: 0, signal: undefined });
    reading = { onLine: options?.onLine, end };
    for (const line of log) options?.onLine?.(line, "stdout");
    return { pid: 1, exited: ended.promise, kill: end, [Symbol.asyncDispose]: () => Promise.resolve(end()) };
  };
  const machine: Machine = {
    memory,
    system: { ...memory, spawn },
    isLent: false,
    failures: 0,
    leavesDirectory: false,
    say: (...texts) => {
      for (const text of texts) {
        const line = `6,${number++},47908321,-;${text}`;
        log.push(line);
        reading?.onLine?.(line, "stdout");
      }
    },
    overrun: async () => {
      reading?.end();
      await settle();
      memory.advance(1_000);
      await settle();
    },
  };
  return machine;
}

const settle = (): Promise<void> => new Promise((resolve) => setTimeout(resolve));

const connect = `nvmet: creating nvm controller 1 for subsystem ${nvmeName(settings.subsystem)} for NQN x.`;
const expired = "nvmet: ctrl 1 keep-alive timer (15 seconds) expired!";
const goodbye = `nvmet: creating nvm controller 2 for subsystem ${nvmeName(settings.subsystem)}:goodbye for NQN x.`;

Deno.test("lend-nvme gets one address, one disk, and who may connect", () => {
  assert.equal(
    formatLendSettings(settings),
    "DEVICE=/dev/nvme0n1\nSUBSYSTEM=11111111-1111-4111-8111-111111111111\n" +
      "HOST=22222222-2222-4222-8222-222222222222\nADDRESS=fd12:3456:789a::1\nPORT=4420\n",
  );
  for (const change of [{ listenAddress: "fe80::1%eth0" }, { subsystem: "" }, { host: "1\nDEVICE=/dev/sda" }]) {
    assert.throws(() => formatLendSettings({ ...settings, ...change }), TypeError);
  }
});

Deno.test("the export ends with the desktop's goodbye: connections are ended, and the disk is synced", async () => {
  const machine = createMachine();
  const seen: boolean[] = [];
  const running = await startNvmeExport(machine.system, settings, { onConnected: (is) => seen.push(is) });
  await settle();
  machine.say(connect, expired, connect, goodbye);
  assert.deepEqual(await running.exited, { reason: "disconnected" });
  assert.deepEqual(seen, [true, false, true]);
  assert.equal(machine.isLent, false);
  assert.deepEqual(machine.memory.ran.slice(-2), [
    [LEND_NVME_PATH, "stop", settings.subsystem],
    ["sync", "/dev/nvme0n1"],
  ]);
});

Deno.test("a desktop that is not heard of keeps its disk; one that never comes loses it after its time", async () => {
  const machine = createMachine();
  const running = await startNvmeExport(machine.system, settings, {});
  await settle();
  machine.say(connect, expired);
  machine.memory.advance(24 * 3600_000);
  await settle();
  assert.equal(machine.isLent, true);
  await running.stop();
  assert.deepEqual(await running.exited, { reason: "stopped" });

  const unused = createMachine();
  const waiting = await startNvmeExport(unused.system, settings, {});
  unused.memory.advance(15 * 60_000);
  assert.deepEqual(await waiting.exited, {
    reason: "failed",
    message: "no client connected within 900 seconds",
  });
});

Deno.test("an export is over when the kernel has ended it: that is tried again, and can be asked for again", async () => {
  const machine = createMachine();
  const running = await startNvmeExport(machine.system, settings, {});
  const tick = async (): Promise<void> => {
    for (let tries = 0; tries < 12; tries++) {
      await settle();
      machine.memory.advance(1_000);
    }
  };
  machine.failures = 12;
  const stopped = assert.rejects(running.stop());
  await Promise.all([stopped, assert.rejects(running.exited), tick()]);
  assert.ok(machine.isLent && !machine.memory.ran.some(([program]) => program === "sync"));
  await Promise.all([running.stop(), tick()]);
  assert.equal(machine.isLent, false);
  assert.deepEqual(machine.memory.ran.at(-1), ["sync", "/dev/nvme0n1"]);
});

Deno.test("an export is over when no way leads to the disk, whatever directory is left of it", async () => {
  const machine = createMachine();
  machine.leavesDirectory = true;
  const running = await startNvmeExport(machine.system, settings, {});
  await running.stop();
  assert.deepEqual(machine.memory.ran.slice(-3).map(([, verb]) => verb), ["stop", "check", "/dev/nvme0n1"]);
});

Deno.test("the error says what the kernel refuses, and nothing stays lent", async () => {
  const machine = createMachine('The kernel refuses "1" for subsystems/x/namespaces/1/enable');
  await assert.rejects(startNvmeExport(machine.system, settings, {}), {
    message: 'Cannot export "/dev/nvme0n1" on [fd12:3456:789a::1]:4420: ' +
      'The kernel refuses "1" for subsystems/x/namespaces/1/enable',
  });
  assert.deepEqual(machine.memory.ran.at(-1), [LEND_NVME_PATH, "stop", settings.subsystem]);
});

Deno.test("A3: an export of an agent before is taken over with all that the kernel's log tells of it", async () => {
  const watched = { disk: "/dev/nvme0n1", subsystem: settings.subsystem, wasUsed: false };
  const machine = createMachine();
  machine.isLent = true;
  machine.say(connect);
  const seen: boolean[] = [];
  const adoption = await adoptNvmeExport(machine.system, watched, { onConnected: (is) => seen.push(is) });
  assert.ok(adoption.kind === "running");
  await settle();
  assert.deepEqual(seen, [true]);
  machine.say(goodbye);
  assert.deepEqual(await adoption.running.exited, { reason: "disconnected" });

  for (const [wasUsed, reason] of [[true, "lost"], [false, "failed"]] as const) {
    const over = await adoptNvmeExport(createMachine().system, { ...watched, wasUsed }, {});
    assert.deepEqual(over, { kind: "over", end: { reason, message: "the kernel does not lend the disk any more" } });
  }
});

Deno.test("a log that was overwritten is read again, each line once", async () => {
  const machine = createMachine();
  const seen: boolean[] = [];
  const errors: string[] = [];
  const running = await startNvmeExport(machine.system, settings, {
    onConnected: (is) => seen.push(is),
    onDiskError: (message) => errors.push(message),
  });
  await settle();
  machine.say(connect, "I/O error, dev nvme0n1, sector 8 op 0x1:(WRITE) flags 0x800 phys_seg 1 prio class 0");
  await machine.overrun();
  machine.say(expired);
  assert.deepEqual(seen, [true, false]);
  assert.deepEqual(errors, ["I/O error"]);
  await running.stop();
});
