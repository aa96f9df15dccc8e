import assert from "node:assert/strict";
import { createMemorySystem } from "../system/memory.ts";
import { chooseDiscarded, openStageCache } from "./stage_cache.ts";
import type { StageRecord } from "./stage_record.ts";

const key = "0123456789abcdef0123456789abcdef";
const record: StageRecord = { fingerprint: "f".repeat(64), summary: "made" };

Deno.test("a result is found again, by its key", async () => {
  const system = createMemorySystem();
  const cache = openStageCache(system, "/cache");
  assert.equal(await cache.find("trim", key), undefined);
  const added = await cache.add("trim", key, async (directory) => {
    await system.writeFile(`${directory}/part.cpio`, "content");
    return record;
  });
  assert.deepEqual(await cache.find("trim", key), added);
  assert.equal(await system.readText(`${added.directory}/part.cpio`), "content");
  assert.equal(await cache.find("trim", key.replace("0", "1")), undefined);
});

Deno.test("a stage that fails leaves nothing behind", async () => {
  const system = createMemorySystem();
  const cache = openStageCache(system, "/cache");
  const failing = cache.add("trim", key, async (directory) => {
    await system.writeFile(`${directory}/half`, "x");
    throw new Error("No space left on device");
  });
  await assert.rejects(failing, /No space/);
  assert.deepEqual(await system.readDirectory("/cache"), []);
});

Deno.test("a result whose record is damaged counts as not there", async () => {
  for (const text of ["", "{", "{}", '{"fingerprint":"zz","summary":""}']) {
    const system = createMemorySystem({ files: { [`/cache/trim-${key}/stage.json`]: text } });
    assert.equal(await openStageCache(system, "/cache").find("trim", key), undefined);
  }
});

Deno.test("the cache is its owner's alone", async () => {
  const system = createMemorySystem();
  await openStageCache(system, "/cache").add("secrets", key, () => Promise.resolve(record));
  assert.equal((await system.stat("/cache"))?.mode, 0o700);
});

Deno.test("abandoned directories and all but the newest results of a stage go", () => {
  const hour = 3_600_000;
  const result = (name: string, digit: number, age: number): { name: string; modifiedMs: number } => ({
    name: `${name}-${String(digit).repeat(32)}`,
    modifiedMs: 100 * hour - age * hour,
  });
  const entries = [
    { name: "unfinished-base-1", modifiedMs: 90 * hour },
    { name: "unfinished-base-2", modifiedMs: 99 * hour },
    { name: "something of the user's", modifiedMs: 0 },
    ...[1, 2, 3, 4, 5, 6].map((digit) => result("agents", digit, digit)),
    result("base", 9, 50),
  ];
  assert.deepEqual(chooseDiscarded(entries, 100 * hour), [
    "unfinished-base-1",
    `agents-${"5".repeat(32)}`,
    `agents-${"6".repeat(32)}`,
  ]);
});
