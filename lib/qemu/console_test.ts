import assert from "node:assert/strict";
import { cleanConsoleText, formatConsoleLine, isKernelFault, parseDemoReport } from "./console.ts";

Deno.test("colours, cursor movements and carriage returns are taken off, the text stays", () => {
  const cases = [
    ["\x1b[0;32m  OK  \x1b[0m] Reached target\r", "  OK  ] Reached target"],
    ["\x1bc\x1b[?7l\x1b[2J\x1b[0mSeaBIOS", "SeaBIOS"],
    ["\x1b]0;title\x07rest", "rest"],
    ["\x1b(Bplain\ttext", "plain\ttext"],
    ["", ""],
  ] as const;
  for (const [raw, text] of cases) assert.equal(cleanConsoleText(raw), text);
});

Deno.test("the demo disk's line is found wherever it stands", () => {
  const report = { root: "/dev/nbd0p2", fstype: "ext4", kernel: "6.12.0-amd64" };
  const line = "stiefel-demo: root=/dev/nbd0p2 fstype=ext4 kernel=6.12.0-amd64 uptime=31.20";
  assert.deepEqual(parseDemoReport(line), report);
  assert.deepEqual(parseDemoReport(`demo login: ${line}`), report);
  assert.equal(parseDemoReport("stiefel-demo: marker written to /x"), undefined);
  assert.equal(parseDemoReport("root=/dev/nbd0p2 fstype=ext4 kernel=6"), undefined);
});

Deno.test("a line of the log tells seconds to the millisecond", () => {
  assert.equal(formatConsoleLine({ atMs: 1234.5, text: "x" }), "[    1.234] x");
});

Deno.test("a kernel that has failed is noticed, and what only names such words is not", () => {
  for (
    const text of [
      "[   14.012826] Oops: invalid opcode: 0000 [#1] PREEMPT SMP NOPTI",
      "[    3.123456] invalid opcode: 0000 [#1] PREEMPT SMP",
      "[   51.996593] Internal error: Oops: 0000000096000006 [#1] SMP",
      "[  103.000001] kernel BUG at mm/slub.c:4321!",
      "general protection fault, probably for non-canonical address 0xdead: 0000 [#1]",
    ]
  ) assert.ok(isKernelFault(text), text);
  for (
    const text of ["stiefelsystem: Oops: a word", "[    1.0] Modules linked in: oops", "WARNING: CPU: 0 PID: 1 at x"]
  ) {
    assert.ok(!isKernelFault(text), text);
  }
});
