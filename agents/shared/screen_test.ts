import assert from "node:assert/strict";
import fc from "fast-check";
import { guestFacts, lentFacts, troubledFacts, waitingFacts } from "../../tests/support/status_samples.ts";
import { formatWaitingPage } from "../client/waiting_page.ts";
import { adviseOn } from "../client/advice.ts";
import { formatServerPage } from "../server/server_page.ts";
import { reportInFull } from "../server/status_report.ts";
import { type Console, createConsole } from "./console.ts";
import { drawChanges, layOutPage, type PageRow } from "./screen.ts";

const end = { onEnd: "reboot", clientTimeoutSeconds: 900 } as const;
const waitingAt = ["http://[fe80::5054:ff:fe00:1%25LINK]:4645/ (LINK: the card's name there)"];
const lentAt = ['http://[fd01:203:405:607::1]:4645/ (on "desk")'];
const key = { fingerprint: "1a2b-3c4d-5e6f-7081" };
const links = [
  { name: "enp2s0", isUp: true, hasCarrier: true, speedMbps: 2500 },
  { name: "enp1s0", isUp: true, hasCarrier: false },
];
const lately = [
  '08:00Z "desk" is connected to the disk',
  '08:41Z "desk" lost its connection, waiting for it to come back',
];

const pages: Readonly<Record<string, readonly PageRow[]>> = {
  "a laptop that waits": formatServerPage({ status: reportInFull(waitingFacts), end, addresses: waitingAt }),
  "a laptop that serves": formatServerPage({ status: reportInFull(lentFacts), end, addresses: lentAt }),
  "a laptop with guests": formatServerPage({ status: reportInFull(guestFacts), end, addresses: lentAt }),
  "a laptop in trouble": formatServerPage({ status: reportInFull(troubledFacts), end, addresses: lentAt }),
  "a desktop that waits": formatWaitingPage({
    keys: [key],
    waitedMs: 47_000,
    links,
    advice: adviseOn(links, undefined, { turn: 2 }),
  }),
  "a desktop with the keys of several laptops": formatWaitingPage({
    keys: [key, ...["bell", "old-dell.lan", "vaio", "x1"].map((name) => ({ ...key, name }))],
    waitedMs: 47_000,
    links,
  }),
  "a desktop without a card": formatWaitingPage({ keys: [key], waitedMs: 0, links: [] }),
};

function print(rows: readonly PageRow[], columns: number): string {
  const lines = layOutPage(rows, lately, { columns, rows: 25 });
  assert.equal(lines.length, 24);
  return lines.map(({ text, weight }) => `${weight === "alarm" ? "!" : weight === "heading" ? "=" : " "}|${text}\n`)
    .join("");
}

Deno.test("the pages on a console of 80 columns and 25 rows, and on one of 40 columns", async () => {
  const text = Object.entries(pages).flatMap(([name, rows]) =>
    [80, 40].map((columns) => `==> ${name}, ${columns} columns <==\n${print(rows, columns)}`)
  ).join("\n");
  const url = new URL("../../tests/golden/pages.txt", import.meta.url);
  if (Deno.env.get("UPDATE_GOLDEN") !== undefined) await Deno.writeTextFile(url, text);
  else assert.equal(await Deno.readTextFile(url), text, "tests/golden/pages.txt is not current: deno task golden");
});

Deno.test("whatever the text, a line takes no more columns than there are, and holds nothing that moves the cursor", () => {
  const odd = fc.string({ unit: "binary", maxLength: 300 });
  const row = fc.record({ label: fc.oneof(odd, fc.constant("Disk")), text: odd });
  const size = fc.record({ columns: fc.integer({ min: 1, max: 200 }), rows: fc.integer({ min: 1, max: 60 }) });
  fc.assert(
    fc.property(fc.array(row, { maxLength: 8 }), fc.array(odd, { maxLength: 8 }), size, (rows, said, screen) => {
      const lines = layOutPage(rows, said, screen);
      assert.equal(lines.length, Math.max(1, screen.rows - 1));
      for (const { text } of lines) {
        assert.ok(text.length <= screen.columns, `${text.length} > ${screen.columns}`);
        // deno-lint-ignore no-control-regex
        assert.doesNotMatch(text, /[\x00-\x1f\x7f-\x9f]/);
      }
    }),
  );
});

Deno.test("only what has changed is written, and the cursor stays in the last row", () => {
  const before = [{ text: "a" }, { text: "b" }, { text: "c" }];
  const after = [{ text: "a" }, { text: "B", weight: "alarm" as const }, { text: "c" }];
  assert.equal(drawChanges(before, before), "");
  assert.equal(drawChanges(before, after), "\x1b[2;1H\x1b[7mB\x1b[0m\x1b[K\x1b[4;1H");
  assert.equal(
    drawChanges(undefined, before),
    "\x1b[1;1Ha\x1b[K\x1b[2;1Hb\x1b[K\x1b[3;1Hc\x1b[K\x1b[4;1H\x1b[J",
  );
});

interface Stage {
  readonly console: Console;
  /** What was written since the last time. */
  readonly take: () => string;
  readonly logged: readonly string[];
  readonly pass: (ms: number) => void;
}

function setUp(canRedraw = true): Stage {
  let written = "";
  let now = 0;
  const logged: string[] = [];
  const console = createConsole({
    terminal: {
      write: (text) => void (written += text),
      canRedraw,
      size: () => ({ columns: 40, rows: 8 }),
      log: (line) => void logged.push(line),
    },
    monotonicMs: () => now,
    wallClockMs: () => now,
  });
  const take = (): string => {
    const text = written;
    written = "";
    return text;
  };
  return { console, take, logged, pass: (ms: number) => void (now += ms) };
}

Deno.test("over hours a page that stays as it is costs a drawing a minute, and keeps no more than a screen of lines", () => {
  const { console, take, pass } = setUp();
  console.page([{ label: "Disk", text: "sda" }]);
  const whole = take().length;
  for (let second = 0; second < 3 * 3600; second += 2) {
    pass(2_000);
    console.page([{ label: "Disk", text: "sda" }]);
  }
  assert.ok(take().length <= whole * 3 * 60);
  for (let number = 0; number < 10_000; number++) console.say(`line ${number}`);
  take();
  console.page(undefined);
  const lines = take().split("\n");
  assert.equal(lines.length, 61);
  assert.equal(lines[0], "\x1b[H\x1b[J03:00Z line 9940");
});

Deno.test("lines and progress stand below the page, marks and lines go to the log, and a question ends the page", async () => {
  const { console, take, logged } = setUp();
  console.mark("agent");
  console.say("before");
  assert.equal(take(), "before\n");
  console.page([{ text: "Title", weight: "heading" }]);
  assert.ok(take().startsWith("\x1b[1;1H\x1b[1mTitle\x1b[0m\x1b[K\x1b[2;1H\x1b[K\x1b[3;1H00:00Z before\x1b[K"));
  console.say("now");
  assert.equal(take(), "\x1b[4;1H00:00Z now\x1b[K\x1b[8;1H");
  console.status("10 %");
  assert.equal(take(), "\x1b[5;1H10 %\x1b[K\x1b[8;1H");
  console.ring("\x07");
  assert.equal(take(), "\x07");
  assert.deepEqual(logged, ["stiefelsystem: step=agent after=0.00", "before", "now"]);
  await assert.rejects(console.askLine("Name?", new AbortController().signal, () => {}));
  assert.equal(take(), "");
});

Deno.test("a serial line has no page: its lines and marks are as they were", () => {
  const { console, take, logged } = setUp(false);
  console.page([{ text: "Title" }]);
  console.say("line");
  console.mark("serving");
  console.page(undefined);
  assert.equal(take(), "line\nstiefelsystem: step=serving after=0.00\n");
  assert.deepEqual(logged, ["line", "stiefelsystem: step=serving after=0.00"]);
});
