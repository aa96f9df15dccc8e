import assert from "node:assert/strict";
import { formatBytes } from "../../lib/format_bytes.ts";
import { canRedraw, createConsole, formatTransfer, formatTransferred } from "./console.ts";

function setUp(
  redraws: boolean,
): { console: ReturnType<typeof createConsole>; text: () => string; pass: (ms: number) => void } {
  let written = "";
  let now = 5_000;
  const console = createConsole({
    terminal: { write: (text) => void (written += text), canRedraw: redraws },
    monotonicMs: () => now,
  });
  return { console, text: () => written, pass: (ms) => void (now += ms) };
}

Deno.test("a serial console gets plain lines, and a status line only every two seconds", () => {
  const { console, text, pass } = setUp(false);
  console.status("1 %");
  pass(500);
  console.status("2 %");
  pass(1600);
  console.status("3 %");
  console.say("Done");
  assert.equal(text(), "1 %\n3 %\nDone\n");
});

Deno.test("a terminal that can redraw keeps one status line below the others", () => {
  const { console, text, pass } = setUp(true);
  console.status("1 %");
  pass(300);
  console.status("2 %");
  console.sayRarely("Hello");
  console.say("Done");
  assert.equal(text(), "\r\x1b[K1 %\r\x1b[K2 %\r\x1b[KHello\n2 %\r\x1b[KDone\n");
});

Deno.test("the same line is not said again within a minute, and what is remembered is bounded", () => {
  const { console, text, pass } = setUp(false);
  console.sayRarely("same");
  console.sayRarely("same");
  pass(61_000);
  console.sayRarely("same");
  assert.equal(text(), "same\nsame\n");
  for (let number = 0; number < 1000; number++) console.sayRarely(`line ${number}`);
  console.sayRarely("same");
  assert.ok(text().endsWith("line 999\nsame\n"));
});

Deno.test("A6: the console shows lines of one kind once a minute, whatever they say", () => {
  const { console, text, pass } = setUp(false);
  for (let number = 0; number < 200; number++) {
    console.sayRarely(`Somebody asks with another key (fe80::${number})`, "key");
  }
  console.sayRarely("Something else", "else");
  pass(61_000);
  console.sayRarely("Somebody asks with another key (fe80::300)", "key");
  assert.equal(
    text(),
    "Somebody asks with another key (fe80::0)\nSomething else\nSomebody asks with another key (fe80::300)\n",
  );
});

Deno.test("a mark tells the step and the seconds since the agent started", () => {
  const { console, text } = setUp(false);
  console.mark("found");
  assert.equal(text(), "stiefelsystem: step=found after=5.00\n");
});

Deno.test("P12: a screen shows no marks: they are for programs, which read a serial line", () => {
  const { console, text } = setUp(true);
  console.mark("found");
  assert.equal(text(), "");
});

Deno.test("only terminals known to redraw are redrawn", () => {
  for (const term of ["linux", "xterm-256color", "screen"]) assert.ok(canRedraw(true, term));
  for (const term of ["dumb", "vt100", "vt220", "", undefined]) assert.ok(!canRedraw(true, term));
  assert.ok(!canRedraw(false, "linux"));
});

Deno.test("sizes and rates are decimal and short", () => {
  const cases = [[0, "0 B"], [999, "999 B"], [1000, "1.0 kB"], [999_600, "1.0 MB"], [12_345_678, "12.3 MB"], [
    512e9,
    "512 GB",
  ]] as const;
  for (const [bytes, text] of cases) assert.equal(formatBytes(bytes), text);
  assert.equal(
    formatTransfer({ doneBytes: 20e6, totalBytes: 50e6, elapsedMs: 2000 }),
    "20.0 MB of 50.0 MB, 10.0 MB/s, 3 s left",
  );
  assert.equal(formatTransfer({ doneBytes: 65536, totalBytes: 50e6, elapsedMs: 20 }), "65.5 kB of 50.0 MB");
  assert.equal(formatTransferred(50e6, 2000), "50.0 MB in 2.0 s, 25.0 MB/s");
});
