import assert from "node:assert/strict";
import { createMemorySystem, type MemorySystem } from "../../../tests/support/memory_system.ts";
import { UserError } from "../../errors.ts";
import type { System } from "../../system/system.ts";
import { LEND_SNAPSHOT_PATH } from "./needs.ts";
import type { StoreLevel } from "./plan_store.ts";
import { makeSnapshot, snapshotPath, watchStore } from "./snapshot.ts";

const settings = { name: "stiefel-try-1", disk: "/dev/sda", blockSizeBytes: 512, storeBytes: 4096 * 1024 };

const settle = async (): Promise<void> => {
  for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setTimeout(resolve));
};

Deno.test("a snapshot is made of a disk with its block size, and has a name of its own", async () => {
  const system = createMemorySystem({ commands: [() => 0] });
  await makeSnapshot(system, settings);
  assert.deepEqual(system.ran, [[LEND_SNAPSHOT_PATH, "make", "stiefel-try-1", "/dev/sda", "512", "4194304"]]);
  assert.equal(snapshotPath(settings.name), "/dev/mapper/stiefel-try-1");
});

Deno.test("what stands against a snapshot is said, and what was begun is removed", async () => {
  const stderr = 'losetup: x\nThe kernel makes no snapshot of "/dev/sda"\n';
  const system = createMemorySystem({
    commands: [([, verb]) => verb === "make" ? { exitCode: 1, stdout: "", stderr } : 0],
  });
  await assert.rejects(
    makeSnapshot(system, settings),
    (error) =>
      error instanceof UserError && /^Try mode is not possible: The kernel makes no snapshot/.test(error.message),
  );
  assert.deepEqual(system.ran.at(-1), [LEND_SNAPSHOT_PATH, "remove", "stiefel-try-1"]);
});

interface Watching {
  readonly memory: MemorySystem;
  readonly levels: StoreLevel[];
  status: string;
  readonly over: AbortController;
  readonly done: Promise<void>;
  /** The kernel tells of an event. */
  tell(): void;
}

function startWatching(): Watching {
  const event = Promise.withResolvers<{ exitCode: number; signal: undefined }>();
  const memory = createMemorySystem({ commands: [() => `${watching.status}\n`] });
  const system: System = {
    ...memory,
    spawn: () => ({
      pid: 1,
      exited: event.promise,
      kill: () => {},
      [Symbol.asyncDispose]: () => Promise.resolve(),
    }),
  };
  const levels: StoreLevel[] = [];
  const over = new AbortController();
  const watching: Watching = {
    memory,
    levels,
    status: "0 8 snapshot 16/8192 0",
    over,
    tell: () => event.resolve({ exitCode: 0, signal: undefined }),
    get done() {
      return done;
    },
  };
  const done = watchStore(system, settings, { signal: over.signal, onLevel: (level) => levels.push(level) });
  return watching;
}

Deno.test("the level is read every 5 s, and nothing is told after the end", async () => {
  const watching = startWatching();
  await settle();
  watching.status = "0 8 snapshot 32/8192 0";
  watching.memory.advance(4_900);
  await settle();
  assert.deepEqual(watching.levels.map(({ usedBytes }) => usedBytes), [8192]);
  watching.memory.advance(200);
  await settle();
  assert.deepEqual(watching.levels.map(({ usedBytes }) => usedBytes), [8192, 16384]);
  watching.over.abort();
  await watching.done;
  assert.equal(watching.levels.length, 2);
});

Deno.test("that a store is full is told at once, because the kernel tells it, and ends the watch", async () => {
  const watching = startWatching();
  await settle();
  watching.status = "0 8 snapshot Invalid";
  watching.tell();
  await watching.done;
  assert.deepEqual(watching.levels.at(-1), { usedBytes: 4_194_304, sizeBytes: 4_194_304, isFull: true });
});

Deno.test("another event of the kernel does not make the watch spin", async () => {
  const watching = startWatching();
  await settle();
  watching.tell();
  await settle();
  assert.equal(watching.levels.length, 2);
  watching.over.abort();
  await watching.done;
});
