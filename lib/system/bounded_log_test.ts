import assert from "node:assert/strict";
import { createBoundedLog } from "./bounded_log.ts";

Deno.test("a log goes on where another program has left it, and never takes more than two files", async () => {
  const directory = await Deno.makeTempDir();
  try {
    const path = `${directory}/new/agent.log`;
    createBoundedLog(path, 100)("first");
    const log = createBoundedLog(path, 100);
    log("second");
    assert.equal(await Deno.readTextFile(path), "first\nsecond\n");
    for (let number = 100; number < 1_000; number++) log(`line ${number}`);
    const [old, now] = await Promise.all([Deno.readTextFile(`${path}.old`), Deno.readTextFile(path)]);
    assert.ok(old.length <= 100 && now.length <= 100);
    assert.match(old + now, /^(?:line \d{3}\n)+line 999\n$/);
    assert.equal(((await Deno.stat(path)).mode ?? 0) & 0o777, 0o600);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});

Deno.test("where nothing can be written the log is silent", () => {
  createBoundedLog("/proc/nowhere/agent.log")("lost");
});
