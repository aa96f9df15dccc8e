import assert from "node:assert/strict";
import { setImmediate } from "node:timers/promises";
import { createMemorySystem, type MemorySystem } from "../../../tests/support/memory_system.ts";
import { adoptNbdExport } from "./adopt_export.ts";
import type { RunningExport } from "../transport.ts";

const name = "0123456789abcdef0123456789abcdef";
const state = { disk: "/dev/sda", exportName: name, wasUsed: false };

const logPath = "/run/stiefelsystem/nbdkit.log";
const connect = [
  "nbdkit: file[1]: debug: handshake complete, processing requests with 1 threads",
  "nbdkit: debug: starting worker thread file.0",
];
const goodbye = "nbdkit: file.0: debug: client sent NBD_CMD_DISC, closing connection";
const gone = "nbdkit: file.0: debug: exiting worker thread file.0";

interface Machine {
  readonly system: MemorySystem;
  isRunning: boolean;
  /** Programs that look for it have so many times no memory to run in. */
  failures: number;
  /** What nbdkit writes into its log. */
  say(...lines: readonly string[]): Promise<void>;
  /** Lets the next look at the client happen. */
  look(): Promise<void>;
}

/** A machine on which two exports run; 43 is the one of `state`. */
function createMachine(): Machine {
  let log = "";
  const machine: Machine = {
    isRunning: true,
    failures: 0,
    system: createMemorySystem({
      commands: [(argv) => {
        const [program, path] = argv;
        if (machine.failures > 0) {
          machine.failures--;
          return 127;
        }
        if (program === "pidof") return machine.isRunning ? "42 43\n" : 1;
        if (path === "/proc/42/cmdline") return "nbdkit\0exportname=another\0";
        if (path === "/proc/43/cmdline") return machine.isRunning ? `nbdkit\0--foreground\0exportname=${name}\0` : 1;
        if (program === "kill") machine.isRunning = false;
        return "";
      }],
    }),
    say: async (...lines) => {
      log += lines.map((line) => `${line}\n`).join("");
      await machine.system.writeFile(logPath, log);
    },
    look: async () => {
      machine.system.advance(2_000);
      await setImmediate();
    },
  };
  return machine;
}

async function adopt(machine: Machine, wasUsed: boolean, said: boolean[] = []): Promise<RunningExport> {
  const options = { logPath, onConnected: (is: boolean) => void said.push(is) };
  const adopted = await adoptNbdExport(machine.system, { ...state, wasUsed }, options);
  assert.ok(adopted.kind === "running");
  await setImmediate();
  return adopted.running;
}

Deno.test("A3: an export that runs no more is free, done, or lost: its log tells", async () => {
  const failed = { reason: "failed", message: "nbdkit ended" };
  const lost = { ...failed, reason: "lost" };
  const cases = [
    { lines: [], wasUsed: false, end: failed },
    { lines: connect, wasUsed: false, end: lost },
    { lines: [...connect, gone], wasUsed: true, end: lost },
    { lines: [...connect, goodbye, gone], wasUsed: true, end: { reason: "disconnected" } },
    // a note without its log
    { lines: undefined, wasUsed: true, end: lost },
  ];
  for (const { lines, wasUsed, end } of cases) {
    const machine = createMachine();
    if (lines !== undefined) await machine.say(...lines);
    machine.isRunning = false;
    assert.deepEqual(await adoptNbdExport(machine.system, { ...state, wasUsed }, { logPath }), { kind: "over", end });
  }
  const other = await adoptNbdExport(createMachine().system, { ...state, exportName: "f".repeat(32) }, { logPath });
  assert.equal(other.kind, "over");
});

Deno.test("an adopted export ends when its client says goodbye, and is synced", async () => {
  const machine = createMachine();
  await machine.say(...connect);
  const said: boolean[] = [];
  const adopted = await adopt(machine, false, said);
  await machine.say(...connect, goodbye, gone);
  await machine.look();
  assert.ok(machine.isRunning, "one connection is left");
  await machine.say(goodbye, gone);
  await machine.look();
  assert.deepEqual(await adopted.exited, { reason: "disconnected" });
  assert.deepEqual(machine.system.ran.slice(-1), [["sync", "/dev/sda"]]);
  assert.ok(machine.system.ran.some((argv) => argv.join(" ") === "kill -TERM 43"));
});

Deno.test("A7: a session that begins and ends between two looks is seen", async () => {
  const machine = createMachine();
  const adopted = await adopt(machine, false);
  await machine.say(...connect, ...connect, goodbye, gone, goodbye, gone);
  await machine.look();
  assert.deepEqual(await adopted.exited, { reason: "disconnected" });
});

Deno.test("A3: a desktop whose connections are gone without a goodbye keeps its disk; one that never came gets its time", async () => {
  const cut = createMachine();
  await cut.say(...connect);
  const said: boolean[] = [];
  const first = await adopt(cut, true, said);
  await cut.say(gone);
  for (let looks = 0; looks < 1_000; looks++) await cut.look();
  assert.ok(cut.isRunning);
  assert.deepEqual(said, [false]);
  await first.stop();

  const starting = createMachine();
  const second = await adopt(starting, false);
  for (let looks = 0; looks < 449; looks++) await starting.look();
  assert.ok(starting.isRunning);
  await starting.look();
  assert.equal((await second.exited).reason, "failed");
});

Deno.test("looking at nbdkit and ending it may fail for a while: the session goes on, and ends with its goodbye", async () => {
  const machine = createMachine();
  await machine.say(...connect);
  const adopted = await adopt(machine, true);
  machine.failures = 3;
  for (let looks = 0; looks < 5; looks++) await machine.look();
  assert.ok(machine.isRunning);
  assert.equal(machine.failures, 0);
  machine.failures = 3;
  await machine.say(...connect, goodbye, gone, goodbye, gone);
  for (let looks = 0; looks < 5; looks++) await machine.look();
  assert.deepEqual(await adopted.exited, { reason: "disconnected" });
  assert.ok(!machine.isRunning);
});

Deno.test("an adopted export can be stopped; its own end loses the desktop", async () => {
  const machine = createMachine();
  const adopted = await adopt(machine, true);
  await adopted.stop();
  assert.deepEqual(await adopted.exited, { reason: "stopped" });
  assert.ok(!machine.isRunning);

  const other = createMachine();
  const dying = await adopt(other, true);
  other.isRunning = false;
  await other.look();
  assert.deepEqual(await dying.exited, { reason: "lost", message: "nbdkit ended" });
});
