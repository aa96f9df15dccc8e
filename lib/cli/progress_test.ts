import assert from "node:assert/strict";
import { formatBytes } from "../format_bytes.ts";
import { describeProgress, formatDuration } from "./progress.ts";

Deno.test("bytes and durations are rounded for people", () => {
  assert.deepEqual([0, 999, 1000, 1_234_567, 99_960_000, 64e9].map(formatBytes), [
    "0 B",
    "999 B",
    "1.0 kB",
    "1.2 MB",
    "100 MB",
    "64.0 GB",
  ]);
  assert.deepEqual([0.42, 12.3, 99.7, 185].map(formatDuration), ["0.4 s", "12 s", "1 min 40 s", "3 min 05 s"]);
});

Deno.test("a step with a known total tells rate and remaining time", () => {
  const line = describeProgress({
    title: "Fetching",
    unit: "bytes",
    done: 10e6,
    total: 40e6,
    note: "",
    elapsedSeconds: 5,
  });
  assert.equal(line, "Fetching: 10.0 MB of 40.0 MB, 2.0 MB/s, 15 s left");
});

Deno.test("a step without any measure tells what happens and since when", () => {
  const line = describeProgress({
    title: "Packages",
    unit: "steps",
    done: undefined,
    total: undefined,
    note: "downloading",
    elapsedSeconds: 7,
  });
  assert.equal(line, "Packages: downloading, 7.0 s");
});
