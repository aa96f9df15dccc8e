import assert from "node:assert/strict";
import { type BenchMark, describeTransport, readBlockFigures } from "./block_figures.ts";

/** A terse line of fio 3.39: only the fields read here have values. */
function terse(direction: "read" | "write", { kib, kibPerSecond, iops }: Record<string, number>): string {
  const fields = Array.from({ length: 130 }, () => "0");
  fields[0] = "3";
  fields[1] = "fio-3.39";
  const first = direction === "read" ? 5 : 46;
  [kib, kibPerSecond, iops].forEach((value, index) => fields[first + index] = String(value));
  return fields.join(";");
}

/** What a round prints; each measurement takes both machines 3 and 2 seconds of processor time. */
function printRound(factor: number, isEncrypted: boolean): readonly BenchMark[] {
  const disk = (direction: "read" | "write", kibPerSecond: number, iops: number): string =>
    terse(direction, { kib: 1e6 / 1.024, kibPerSecond: kibPerSecond * factor, iops: iops * factor });
  const all: readonly (readonly [string, string])[] = [
    ["tcpRead", `50000000 ${1 / factor}`],
    ["tcpWrite", `40000000 ${1 / factor}`],
    ...isEncrypted
      ? [["tunnelRead", `20000000 ${1 / factor}`], ["tunnelWrite", `10000000 ${1 / factor}`]] as const
      : [],
    ["read", disk("read", 10_000, 10)],
    ["write", disk("write", 5_000, 5)],
    ["read4k", disk("read", 4_000, 1_000)],
    ["write4k", disk("write", 2_000, 500)],
    ["originalRead4k", disk("read", 2_000, 500)],
    ["originalWrite4k", disk("write", 2_000, 500)],
  ];
  return all.flatMap(([name, text], index) => [
    { text: `[   70.1] stiefel-bench: begin ${name}`, desktopS: 10 * index, laptopS: 5 * index },
    { text: `stiefel-bench: ${name} ${text}`, desktopS: 10 * index + 3 / factor, laptopS: 5 * index + 2 / factor },
  ]);
}

const nvme = { name: "nvme-tcp", encrypted: true };

Deno.test("rates and processor time are read off the console, the best of all rounds", () => {
  const figures = readBlockFigures([...printRound(1, true), ...printRound(2, true), ...printRound(1, true)], nvme);
  assert.deepEqual(figures, {
    ...nvme,
    ...{ readMBps: 20.48, writeMBps: 10.24, read4kIops: 2000, write4kIops: 1000 },
    tcp: { readMBps: 100, writeMBps: 80 },
    tunnel: { readMBps: 40, writeMBps: 20 },
    original: { read4kIops: 1000, write4kIops: 1000 },
    cpuSPerGB: {
      ...{ tcpRead: { desktop: 30, laptop: 20 }, tcpWrite: { desktop: 37.5, laptop: 25 } },
      ...{ tunnelRead: { desktop: 75, laptop: 50 }, tunnelWrite: { desktop: 150, laptop: 100 } },
      ...Object.fromEntries(
        ["read", "write", "read4k", "write4k", "originalRead4k", "originalWrite4k"]
          .map((name) => [name, { desktop: 1.5, laptop: 1 }]),
      ),
    },
  });
});

Deno.test("what was not measured is absent; a disk that lacks a figure has none at all", () => {
  const marks = printRound(1, false);
  const bare = marks.filter(({ text }) => !/tcp|original/.test(text)).map(({ text }) => ({ text }));
  assert.deepEqual(readBlockFigures(bare, nvme), {
    ...nvme,
    ...{ readMBps: 10.24, writeMBps: 5.12, read4kIops: 1000, write4kIops: 500, cpuSPerGB: {} },
  });
  for (const name of ["read", "write", "read4k", "write4k"]) {
    const broken = marks.map((mark) =>
      mark.text.startsWith(`stiefel-bench: ${name} `) ? { text: `stiefel-bench: ${name} fio: failed` } : mark
    );
    assert.equal(readBlockFigures(broken, nvme), undefined, name);
  }
});

Deno.test("rows tell shares of what was measured beside the disk", () => {
  const figures = readBlockFigures(printRound(1, true), nvme);
  assert.ok(figures);
  const rows = describeTransport(figures).map((row) => row.join(" | "));
  assert.ok(
    rows.includes(
      "nvme-tcp, encrypted: read | 10.2 MB/s (0.51 of TCP through WireGuard, by processor time 50.00), processor 3 + 2 s/GB",
    ),
  );
  assert.ok(
    rows.includes(
      "nvme-tcp, encrypted: read 4k | 1000 a second (2.00 of the original's way, by processor time 1.00), processor 3 + 2 s/GB",
    ),
  );
  assert.ok(rows.includes("nvme-tcp, encrypted: TCP from laptop | 50.0 MB/s, processor 60 + 40 s/GB"));
  const plain = readBlockFigures(printRound(1, false), { ...nvme, encrypted: false });
  assert.ok(plain);
  const said = describeTransport(plain).map((row) => row.join(" | "));
  assert.ok(
    said.includes("nvme-tcp: write | 5.1 MB/s (0.13 of TCP, by processor time 25.00), processor 3 + 2 s/GB"),
    said.join("\n"),
  );
});
