import assert from "node:assert/strict";
import { createMemorySystem } from "../../tests/support/memory_system.ts";
import { countRates, listMeasureFiles, parseMeasures } from "./measures.ts";
import { Meter } from "./meter.ts";

// From a Debian 13 machine with an NVMe disk and a card of 2.5 Gbit/s.
const stat =
  "  182734     3210 14238872    65103   281004   190233 20341120   402231        0   150312   480032        0        0        0        0    21033    12697\n";
const dev = `Inter-|   Receive                                                |  Transmit
 face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo colls carrier compressed
    lo: 2776770   11307    0    0    0     0          0         0  2776770   11307    0    0    0     0       0          0
enp2s0: 1215645    2751    3    0    0     0          0         0  1782404    4324    1    0    0   427       0          0
`;

Deno.test("the kernel's counters are told apart by their form, whichever file is missing", () => {
  const disk = { readBytes: 14238872 * 512, writtenBytes: 20341120 * 512 };
  const link = { receiveErrors: 3, transmitErrors: 1 };
  const cases: readonly [string, ReturnType<typeof parseMeasures>][] = [
    [stat + dev + "2500\n", { disk, link: { ...link, speedMbps: 2500 } }],
    // no cable; a card that does not say
    [stat + dev + "-1\n", { disk, link }],
    [stat + dev, { disk, link }],
    [dev + "2500\n", { link: { ...link, speedMbps: 2500 } }],
    [stat, { disk }],
    ["", {}],
    ["garbage\nenp2s0: 1 2 3\n\0", {}],
  ];
  for (const [text, measures] of cases) assert.deepEqual(parseMeasures(text, "enp2s0"), measures, text);
  assert.deepEqual(parseMeasures(dev, "enp2"), {});
  // before 4.18 there were 11 numbers
  assert.deepEqual(parseMeasures("1 2 3 4 5 6 7 8 9 10 11\n", undefined), {
    disk: { readBytes: 3 * 512, writtenBytes: 7 * 512 },
  });
});

Deno.test("only names of the kernel become paths", () => {
  assert.deepEqual(listMeasureFiles("nvme0n1", "enp2s0"), [
    "/sys/class/block/nvme0n1/stat",
    "/proc/net/dev",
    "/sys/class/net/enp2s0/speed",
  ]);
  assert.deepEqual(listMeasureFiles("../x", "a/b"), []);
  assert.deepEqual(listMeasureFiles("a b", undefined), []);
});

Deno.test("a rate needs two looks at one disk, neither too near nor too far apart", () => {
  const at = (takenMs: number, readBytes: number, writtenBytes = 0) => ({ takenMs, disk: { readBytes, writtenBytes } });
  const cases = [
    [at(0, 0), at(2_000, 4_000_000, 1_000), { readBytesPerSecond: 2_000_000, writtenBytesPerSecond: 500 }],
    [at(0, 5), at(1_000, 5), { readBytesPerSecond: 0, writtenBytesPerSecond: 0 }],
    [undefined, at(1_000, 5), undefined],
    [{ takenMs: 0 }, at(1_000, 5), undefined],
    [at(0, 5), { takenMs: 1_000 }, undefined],
    [at(0, 5), at(100, 50), undefined],
    [at(0, 5), at(61_000, 50), undefined],
    [at(0, 50), at(1_000, 5), undefined],
  ] as const;
  for (const [before, now, rates] of cases) assert.deepEqual(countRates(before, now), rates);
});

Deno.test("however often it is asked, the meter looks once a second, and fails for nothing", async () => {
  let looks = 0;
  let nowMs = 0;
  const memory = createMemorySystem({
    commands: [([program]) => program === "cat" ? (looks++, stat + dev) : undefined],
  });
  const system = { ...memory, monotonicMs: () => nowMs };
  const meter = new Meter(system);
  const measured = { diskName: "nvme0n1", linkName: "enp2s0" };
  const [one, other] = await Promise.all([meter.read(measured), meter.read(measured)]);
  assert.equal(one, other);
  await meter.read(measured);
  assert.equal(looks, 1);
  nowMs = 1_000;
  assert.deepEqual((await meter.read(measured)).rates, { readBytesPerSecond: 0, writtenBytesPerSecond: 0 });
  assert.equal(looks, 2);
  const broken = new Meter({ ...system, run: () => Promise.reject(new Error("no cat")) });
  assert.deepEqual(await broken.read(measured), { measures: { takenMs: 1_000 } });
  assert.deepEqual((await new Meter(system).read({})).measures, { takenMs: 1_000 });
});
