import assert from "node:assert/strict";
import { createMemorySystem, type MemorySystem } from "../system/memory.ts";
import { adoptNbdExport, countConnections } from "./adopt_export.ts";
import type { NbdExport } from "./nbd_export.ts";

const name = "0123456789abcdef0123456789abcdef";
const state = { disk: "/dev/sda", port: 10809, exportName: name, wasUsed: false };

// Linux 6.12, shortened on the right
const header = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode";
const listening =
  "   0: 00000000000000000000000001000000:2A39 00000000000000000000000000000000:0000 0A 00000000:00000000 00:00000000";
const established =
  "   1: 0000A8FD00000000000000000100000:2A39 0000A8FD00000000000000000200000:D3F2 01 00000000:00000000 00:00000000";
const outgoing = "   2: 0100007F:D3F2 0100007F:2A39 01 00000000:00000000 00:00000000";

Deno.test("only established connections to our port count", () => {
  const text = [header, listening, established, outgoing, "", header, established].join("\n");
  assert.equal(countConnections(text, 10809), 2);
  assert.equal(countConnections(text, 10810), 0);
});

interface Machine {
  readonly system: MemorySystem;
  isRunning: boolean;
  connections: number;
  /** Lets the next look at the client happen. */
  look(): Promise<void>;
}

/** A machine on which two exports run; 43 is the one of `state`. */
function createMachine(): Machine {
  const machine: Machine = {
    isRunning: true,
    connections: 0,
    system: createMemorySystem({
      commands: [(argv) => {
        const [program, path] = argv;
        if (program === "pidof") return machine.isRunning ? "42 43\n" : 1;
        if (path === "/proc/42/cmdline") return "nbdkit\0exportname=another\0";
        if (path === "/proc/43/cmdline") return machine.isRunning ? `nbdkit\0--foreground\0exportname=${name}\0` : 1;
        if (path === "/proc/net/tcp") return [header, ...Array(machine.connections).fill(established)].join("\n");
        if (program === "kill") machine.isRunning = false;
        return "";
      }],
    }),
    look: async () => {
      machine.system.advance(2_000);
      await settle();
    },
  };
  return machine;
}

const settle = (): Promise<void> => new Promise((resolve) => setTimeout(resolve));

async function adopt(machine: Machine, wasUsed: boolean, said: boolean[] = []): Promise<NbdExport> {
  const adopted = await adoptNbdExport(machine.system, { ...state, wasUsed }, { onConnected: (is) => said.push(is) });
  assert.ok(adopted);
  await settle();
  return adopted;
}

Deno.test("an export that runs no more is not adopted, nor is another one", async () => {
  const machine = createMachine();
  assert.equal(await adoptNbdExport(machine.system, { ...state, exportName: "f".repeat(32) }), undefined);
  machine.isRunning = false;
  assert.equal(await adoptNbdExport(machine.system, state), undefined);
});

Deno.test("an adopted export ends when its client has gone for a while, and is synced", async () => {
  const machine = createMachine();
  machine.connections = 4;
  const said: boolean[] = [];
  const adopted = await adopt(machine, false, said);
  machine.connections = 0;
  for (let looks = 0; looks < 4; looks++) await machine.look();
  assert.ok(machine.isRunning, "ended too early");
  await machine.look();
  assert.deepEqual(await adopted.exited, { reason: "disconnected" });
  assert.deepEqual(said, [true, false]);
  assert.deepEqual(machine.system.ran.slice(-1), [["sync", "/dev/sda"]]);
  assert.ok(machine.system.ran.some((argv) => argv.join(" ") === "kill -TERM 43"));
});

Deno.test("a desktop that was there before and is not now has gone; one that never came gets its time", async () => {
  const gone = createMachine();
  const first = await adopt(gone, true);
  for (let looks = 0; looks < 5; looks++) await gone.look();
  assert.deepEqual(await first.exited, { reason: "disconnected" });

  const starting = createMachine();
  const second = await adopt(starting, false);
  for (let looks = 0; looks < 449; looks++) await starting.look();
  assert.ok(starting.isRunning);
  await starting.look();
  assert.equal((await second.exited).reason, "failed");
});

Deno.test("an adopted export can be stopped, and its own end is a failure", async () => {
  const machine = createMachine();
  const adopted = await adopt(machine, true);
  await adopted.stop();
  assert.deepEqual(await adopted.exited, { reason: "stopped" });
  assert.ok(!machine.isRunning);

  const other = createMachine();
  const dying = await adopt(other, true);
  other.isRunning = false;
  await other.look();
  assert.deepEqual(await dying.exited, { reason: "failed", message: "nbdkit has ended" });
});
