import assert from "node:assert/strict";
import type { System } from "../../lib/system/system.ts";
import { Meter } from "./meter.ts";

interface Rig {
  readonly meter: Meter;
  /** Files that were read, one entry a look. */
  readonly looks: (readonly string[])[];
  pass(ms: number): void;
  /** Answers the looks that wait. */
  answer(): void;
}

/** Disk sda has read 1 sector, sdb has read 1000. */
function createRig(): Rig {
  let nowMs = 0;
  const looks: (readonly string[])[] = [];
  const waiting: (() => void)[] = [];
  const run = (argv: readonly string[]): Promise<{ stdout: string; stderr: string; exitCode: number }> => {
    looks.push(argv.slice(1));
    const stdout = `1 0 ${argv.includes("/sys/class/block/sda/stat") ? 1 : 1000} 0 0 0 0 0 0 0 0\n`;
    return new Promise((resolve) => waiting.push(() => resolve({ stdout, stderr: "", exitCode: 0 })));
  };
  const system = { run, monotonicMs: () => nowMs } as unknown as System;
  return {
    meter: new Meter(system),
    looks,
    pass: (ms) => void (nowMs += ms),
    answer: () => waiting.splice(0).forEach((resolve) => resolve()),
  };
}

Deno.test("many who ask at once, and soon after, cost one look", async () => {
  const { meter, looks, answer, pass } = createRig();
  const asked = Array.from({ length: 20 }, () => meter.read({ diskName: "sda" }));
  answer();
  for (const { measures } of await Promise.all(asked)) assert.equal(measures.disk?.readBytes, 512);
  pass(500);
  await meter.read({ diskName: "sda" });
  assert.equal(looks.length, 1);
});

Deno.test("who asks for another disk meanwhile gets that one's, and no rate is made of two disks", async () => {
  const { meter, answer, pass } = createRig();
  const [one, other] = [meter.read({ diskName: "sda" }), meter.read({ diskName: "sdb" })];
  answer();
  assert.equal((await one).measures.disk?.readBytes, 512);
  assert.equal((await other).measures.disk?.readBytes, 512_000);
  pass(2_000);
  const next = meter.read({ diskName: "sdb" });
  answer();
  assert.deepEqual((await next).rates, { readBytesPerSecond: 0, writtenBytesPerSecond: 0 });
  const changed = meter.read({ diskName: "sda" });
  answer();
  assert.equal((await changed).rates, undefined);
});
