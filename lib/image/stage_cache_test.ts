import assert from "node:assert/strict";
import { createMemorySystem } from "../../tests/support/memory_system.ts";
import { chooseDiscarded, openStageCache } from "./stage_cache.ts";
import type { StageRecord } from "./stage_record.ts";

const key = "0123456789abcdef0123456789abcdef";
/** /proc/self/mountinfo of a machine where nothing is mounted. */
const noMounts = ([program]: readonly string[]): string | undefined => program === "cat" ? "" : undefined;
const record: StageRecord = { fingerprint: "f".repeat(64), summary: "made" };

Deno.test("a result is found again, by its key", async () => {
  const system = createMemorySystem({ commands: [noMounts] });
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
  const system = createMemorySystem({ commands: [noMounts] });
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

Deno.test("all but the newest results of a stage go", () => {
  const hour = 3_600_000;
  const result = (name: string, digit: number, age: number): { name: string; modifiedMs: number } => ({
    name: `${name}-${String(digit).repeat(32)}`,
    modifiedMs: 100 * hour - age * hour,
  });
  const entries = [
    { name: "unfinished-base-1", modifiedMs: 90 * hour },
    { name: "something of the user's", modifiedMs: 0 },
    ...[1, 2, 3, 4, 5, 6].map((digit) => result("agents", digit, digit)),
    result("base", 9, 50),
  ];
  assert.deepEqual(chooseDiscarded(entries), [
    `agents-${"5".repeat(32)}`,
    `agents-${"6".repeat(32)}`,
  ]);
});

Deno.test("P17: a result whose part was cut short by a loss of power counts as not there", async () => {
  const text = JSON.stringify({ ...record, part: "part.cpio", sizeBytes: 7 });
  const name = `/cache/trim-${key}`;
  const whole = createMemorySystem({ files: { [`${name}/stage.json`]: text, [`${name}/part.cpio`]: "content" } });
  assert.ok(await openStageCache(whole, "/cache").find("trim", key));
  for (const part of [{}, { [`${name}/part.cpio`]: "cont" }]) {
    const cut = createMemorySystem({ files: { [`${name}/stage.json`]: text, ...part } });
    assert.equal(await openStageCache(cut, "/cache").find("trim", key), undefined);
  }
});

Deno.test("P17: what goes is renamed first, so that a removal that is cut off leaves no half result", async () => {
  const system = createMemorySystem({ commands: [noMounts] });
  const cache = openStageCache(system, "/cache");
  await cache.add("base", key, () => Promise.resolve(record));
  const broken = { ...system, remove: () => Promise.reject(new Error("killed")) };
  const again = openStageCache(broken, "/cache").add("base", key, () => Promise.resolve(record));
  await assert.rejects(again, /killed/);
  assert.equal(await cache.find("base", key), undefined);
});
