import assert from "node:assert/strict";
import { createMemorySystem, type MemorySystem } from "../../tests/support/memory_system.ts";
import { UserError } from "../errors.ts";
import { judgeRelease } from "./check_mirror.ts";
import { findSnapshot } from "./snapshot.ts";
import { formatSnapshot, isSnapshotMirror, snapshotOptions } from "./snapshot_name.ts";

Deno.test("a state is named by the date of its Release file", () => {
  assert.equal(formatSnapshot("Sat, 05 Sep 2026 08:14:00 UTC"), "20260905T081400Z");
  assert.equal(formatSnapshot("Sat, 05 Sep 2026 08:14:00 UTC\n"), "20260905T081400Z");
  assert.equal(formatSnapshot(""), undefined);
  assert.ok(isSnapshotMirror("http://snapshot.debian.org/archive/debian/20260905T081400Z/"));
  for (const mirror of ["http://deb.debian.org/debian", "http://a/20260905T081400Z/debian"]) {
    assert.ok(!isSnapshotMirror(mirror));
    assert.deepEqual(snapshotOptions(mirror), []);
  }
});

Deno.test("lists that have expired are taken of a state, and of no other mirror", () => {
  const text = "Date: Sat, 05 Sep 2026 08:14:00 UTC\nValid-Until: Sat, 12 Sep 2026 08:14:00 UTC\n";
  const list = { suite: "sid", mirror: "http://m/debian", components: ["main"] };
  const question = { ...list, architecture: "amd64", nowMs: Date.UTC(2026, 10, 1) } as const;
  assert.match(judgeRelease(text, question)?.found ?? "", /expired/);
  assert.equal(judgeRelease(text, { ...question, mayBeExpired: true }), undefined);
});

/** Answers for any time with the last state taken before it, as snapshot.debian.org does. */
function createService(
  states: Readonly<Record<string, string>>,
  hasApt = true,
): { system: MemorySystem; asked: string[] } {
  const asked: string[] = [];
  const system: MemorySystem = createMemorySystem({
    files: { "/cache/x": "", ...hasApt ? { "/usr/lib/apt/apt-helper": "" } : {} },
    commands: [async (argv) => {
      const [address = "", file = ""] = argv.includes("wget")
        ? [argv.at(-1), argv.at(-2)?.replace("--output-document=", "")]
        : argv.slice(-2);
      const time = /^http:\/\/s\/debian\/(\w+)\/dists\/trixie\/InRelease$/.exec(address)?.[1] ?? "";
      asked.push(time);
      const last = Object.keys(states).sort().filter((taken) => taken <= time).at(-1);
      if (last === undefined) return 100;
      await system.writeFile(file, `Origin: Debian\nDate: ${states[last]}\n`);
      return "";
    }],
  });
  return { system, asked };
}

const september = "Sat, 05 Sep 2026 08:14:00 UTC";
const question = { mirror: "http://s/debian/20260905T081400Z", suite: "trixie" };

Deno.test("the state of a Release file is where the service took it, hours later", async () => {
  for (const hasApt of [true, false]) {
    const { system, asked } = createService({
      "20260905T023000Z": "Fri, 04 Sep 2026 20:00:00 UTC",
      "20260905T143000Z": september,
      "20260906T143000Z": "Sun, 06 Sep 2026 08:14:00 UTC",
    }, hasApt);
    const mirror = await findSnapshot(system, question, "/cache");
    assert.equal(mirror, "http://s/debian/20260905T171400Z");
    assert.ok(asked.length < 8);
    assert.deepEqual(await system.readDirectory("/cache"), ["x"], "nothing is left of what was fetched");
  }
});

Deno.test("a state that was never taken is an error that names those around it", async () => {
  for (
    const [states, hint] of [
      [
        { "20260905T023000Z": "Fri, 04 Sep 2026 20:00:00 UTC", "20260905T143000Z": "Sat, 05 Sep 2026 14:00:00 UTC" },
        /^Around that time it has 20260904T200000Z, 20260905T140000Z$/,
      ],
      [{}, /gave no list/],
    ] as const
  ) {
    const { system } = createService(states);
    await assert.rejects(findSnapshot(system, question, "/cache"), (error) => {
      assert.ok(error instanceof UserError);
      assert.match(
        error.message,
        /^The state 20260905T081400Z of Debian's "trixie" was not found at http:\/\/s\/debian$/,
      );
      assert.match(error.hints[0] ?? "", hint);
      return true;
    });
  }
});
