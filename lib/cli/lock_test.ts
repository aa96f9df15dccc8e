import assert from "node:assert/strict";
import { UserError } from "../errors.ts";
import { createMemorySystem } from "../../tests/support/memory_system.ts";
import { createRealSystem } from "../system/real.ts";
import type { System } from "../system/system.ts";
import { lockCache, lockDirectory } from "./lock.ts";
import type { Ui } from "../ui.ts";

/** As memory has it, and as the real machine does. */
async function onBoth(check: (system: System, directory: string) => Promise<void>): Promise<void> {
  await check(createMemorySystem(), "/run/x");
  const directory = await Deno.makeTempDir();
  try {
    await check(createRealSystem(), `${directory}/x`);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

Deno.test("one command at a time locks a directory, and a second one names the first", async () => {
  await onBoth(async (system, directory) => {
    {
      using _lock = await lockDirectory(system, { directory, holder: "demo" });
      await assert.rejects(
        lockDirectory(system, { directory, holder: "bench" }),
        (error) => error instanceof UserError && /^".*\/x" is in use by demo \(process \d+\)$/.test(error.message),
      );
      using _other = await lockDirectory(system, { directory, name: "lock-client", holder: "bench" });
    }
    using _again = await lockDirectory(system, { directory, holder: "bench" });
  });
});

Deno.test("the lock ends with the program that has it, even when that is killed", async () => {
  const directory = await Deno.makeTempDir();
  const real = createRealSystem();
  try {
    const held = Promise.withResolvers<void>();
    const script = `const f = await Deno.open("${directory}/lock", {create: true, write: true}); ` +
      "await f.lock(true); console.log('held'); setTimeout(() => {}, 60000);";
    await using holder = real.spawn([Deno.execPath(), "eval", script], { onLine: () => held.resolve() });
    await held.promise;
    await assert.rejects(lockDirectory(real, { directory, holder: "demo" }), /in use by another command/);
    holder.kill("SIGKILL");
    await holder.exited;
    using _lock = await lockDirectory(real, { directory, holder: "demo" });
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});

Deno.test("a second build waits for the first and says so", async () => {
  const system = createMemorySystem();
  const said: string[] = [];
  const progress = { update: () => {}, note: () => {}, finish: () => void said.push("go on"), fail: () => {} };
  const ui = { progress: (title: string) => (said.push(title), progress) } as unknown as Ui;
  const first = await lockCache(system, ui, "/cache");
  const second = lockCache(system, ui, "/cache");
  await new Promise((resolve) => setTimeout(resolve)); // everything that does not wait for the clock has happened
  first[Symbol.dispose]();
  system.advance(500);
  using _lock = await second;
  assert.deepEqual(said, ["Waiting for a build (process 1)", "go on"]);
});
