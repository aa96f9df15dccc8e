import assert from "node:assert/strict";
import { createMemorySystem } from "../../tests/support/memory_system.ts";
import { waitUntilIdle } from "./idle.ts";

async function settle(): Promise<void> {
  for (let turns = 0; turns < 20; turns++) await Promise.resolve();
}

Deno.test("a server is idle only when nobody has had the disk for the whole time", async () => {
  const system = createMemorySystem();
  let freeSinceMs: number | undefined = system.monotonicMs();
  let isIdle: boolean | undefined;
  const signal = new AbortController().signal;
  void waitUntilIdle(system, { timeoutMs: 1000, freeSinceMs: () => freeSinceMs, signal }).then((idle) => isIdle = idle);
  const pass = async (ms: number): Promise<void> => {
    await settle();
    system.advance(ms);
    await settle();
  };
  await pass(900);
  freeSinceMs = undefined; // a desktop has it
  await pass(5_000);
  freeSinceMs = system.monotonicMs();
  await pass(999);
  assert.equal(isIdle, undefined);
  await pass(1);
  assert.equal(isIdle, true);
});

Deno.test("a server that ends is not idle", async () => {
  const stop = new AbortController();
  const waiting = waitUntilIdle(createMemorySystem(), { timeoutMs: 1000, freeSinceMs: () => 0, signal: stop.signal });
  stop.abort();
  assert.equal(await waiting, false);
});
