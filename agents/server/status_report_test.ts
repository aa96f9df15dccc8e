import assert from "node:assert/strict";
import fc from "fast-check";
import { toJsonSchema } from "@valibot/to-json-schema";
import { formatStatus, parseStatus, StatusSchema } from "../../lib/formats/status.ts";
import { formatDuration, listStatusRows } from "../../lib/describe_status.ts";
import { guestFacts, lentFacts, troubledFacts, waitingFacts } from "../../tests/support/status_samples.ts";
import { answerStatus, answerStore, findStatusPath } from "./answer_status.ts";
import { judgeAudience, reportInFull, reportInShort } from "./status_report.ts";

const update = Deno.env.get("UPDATE_GOLDEN") !== undefined;

async function checkGolden(path: string, text: string): Promise<void> {
  const url = new URL(`../../${path}`, import.meta.url);
  if (update) await Deno.writeTextFile(url, text);
  else assert.equal(await Deno.readTextFile(url), text, `${path} is not current: deno task golden`);
}

Deno.test("only the desktop that has the disk, and the laptop itself, learn more than serving or busy", () => {
  const desktop = "fd01:203:405:607::2";
  const cases = [
    ["fd01:203:405:607::1", desktop, desktop, "desktop"],
    ["fe80::1", "fe80::2", desktop, "stranger"],
    ["fd01:203:405:607::1", "fd01:203:405:607::3", desktop, "stranger"],
    ["fd01:203:405:607::1", desktop, undefined, "stranger"],
    ["192.0.2.1", "192.0.2.2", "192.0.2.2", "desktop"],
    ["192.0.2.1", "192.0.2.3", "192.0.2.2", "stranger"],
    ["127.0.0.1", "127.0.0.1", undefined, "here"],
    ["::1", "::1", desktop, "here"],
    // both ends have to be: a forged one comes over a link
    ["fe80::1", "::1", desktop, "stranger"],
    ["192.0.2.1", "127.0.0.1", desktop, "stranger"],
    ["127.0.0.1", "192.0.2.1", desktop, "stranger"],
  ] as const;
  for (const [localAddress, remoteAddress, lent, audience] of cases) {
    assert.equal(judgeAudience({ localAddress, remoteAddress }, lent), audience, `${remoteAddress} ${lent}`);
  }
});

Deno.test("a stranger reads no more than the name and serving or busy, in whatever form", async () => {
  const status = reportInShort(lentFacts);
  assert.deepEqual(status, { version: 1, name: "thinkpad", state: "busy" });
  assert.equal(reportInShort(waitingFacts).state, "serving");
  for (const path of ["/", "/status.txt", "/status.json", "/metrics"] as const) {
    const page = await answerStatus(status, path, { accept: "" });
    assert.ok(page.status === 200);
    assert.doesNotMatch(page.body, /desk\b|02:00|nvme|Samsung|enp2s0|0\.1\.0|fd01|mains/, path);
  }
});

Deno.test("whatever laptop, desktop and disk are called, the report is a status that can be read again", () => {
  const hidden = fc.constantFrom("\u200b", "\u202e", "\ud800", "\0", "\n", "ü", "😀", "a".repeat(300));
  const odd = fc.oneof(fc.string({ unit: "binary", maxLength: 400 }), fc.string({ unit: hidden }));
  fc.assert(
    fc.property(odd, odd, odd, fc.integer(), (name, model, reason, percent) => {
      const { lending } = lentFacts;
      assert.ok(lending);
      const holder = { ...lending.lease.holder, name };
      const status = reportInFull({
        ...lentFacts,
        name,
        life: {
          phase: { kind: "lost", client: holder, sinceMs: 0, reason },
          disk: { path: "/dev/sda", model, sizeBytes: 1 },
        },
        lending: { ...lending, lease: { ...lending.lease, holder } },
        power: { kind: "battery", percent },
        listening: [name],
      });
      assert.deepEqual(parseStatus(formatStatus(status)), status);
    }),
  );
  for (const text of ["", "{}", "[]", '{"version":2,"name":"x","state":"busy"}', "x".repeat(70_000)]) {
    assert.equal(parseStatus(text), undefined);
  }
  // a newer server says more
  const newer = { version: 1, name: "x", state: "busy", more: 1 } as const;
  assert.deepEqual(parseStatus(JSON.stringify(newer)), { version: 1, name: "x", state: "busy" });
});

Deno.test("doc/status.schema.json is current", async () => {
  const schema = toJsonSchema(StatusSchema, { errorMode: "ignore" });
  const text = JSON.stringify(
    { ...schema, title: "status.json of a laptop that serves", description: "See doc/status.md" },
    null,
    2,
  );
  await checkGolden("doc/status.schema.json", `${text}\n`);
});

Deno.test("what people and monitoring read of a laptop that waits, serves, and is in trouble", async () => {
  const texts: string[] = [];
  for (const facts of [waitingFacts, lentFacts, troubledFacts]) {
    for (const path of ["/status.txt", "/metrics", "/status.json"] as const) {
      const page = await answerStatus(reportInFull(facts), path, { accept: "" });
      assert.ok(page.status === 200);
      texts.push(`==> ${path} <==\n${page.body}`);
    }
  }
  await checkGolden("tests/golden/status.txt", texts.join("\n"));
});

Deno.test("the page is small, loads nothing, and shows names as text", async () => {
  for (const facts of [waitingFacts, lentFacts, guestFacts, troubledFacts]) {
    const page = await answerStatus(reportInFull(facts), "/", { accept: "text/html,*/*" });
    assert.ok(page.status === 200);
    assert.match(page.contentType, /^text\/html; charset=utf-8$/);
    assert.ok(page.body.length < 20_000, `${page.body.length} bytes`);
    assert.doesNotMatch(page.body, /https?:|<script>alert|src=|url\(|@import|\p{Cc}(?<!\n)/u);
    const policy = page.headers?.["Content-Security-Policy"] ?? "";
    assert.match(policy, /^default-src 'none';/);
    assert.doesNotMatch(policy, /unsafe/);
    for (const { label, text } of listStatusRows(reportInFull(facts))) {
      assert.ok(page.body.includes(`<dt>${label}</dt>`), label);
      if (!/[&<>"']/.test(text)) assert.ok(page.body.includes(text), text);
    }
  }
});

Deno.test("guests are listed with the room that is left for their changes", async () => {
  const status = reportInFull(guestFacts);
  assert.deepEqual(status.details?.guests?.map(({ name, store }) => [name, store?.percent, store?.isFull]), [
    ["desk", 72, false],
    ["den", 100, true],
  ]);
  assert.deepEqual(parseStatus(formatStatus(status)), status);
  assert.deepEqual(listStatusRows(status).filter(({ label }) => label === "Guest"), [
    { label: "Guest", text: '"desk", 72 % of 2.0 GB for changes used', isAlarm: true },
    { label: "Guest", text: '"den" (not connected), NO ROOM for more changes: switch it off', isAlarm: true },
  ]);
  const page = await answerStatus(status, "/metrics", { accept: "" });
  assert.ok(page.status === 200);
  const samples = page.body.split("\n").filter((line) => line.includes("guest_store_used"));
  assert.deepEqual(samples.slice(2), [
    'stiefelsystem_guest_store_used_bytes{guest="desk",mac="02:00:00:00:00:02"} 1450000000',
    'stiefelsystem_guest_store_used_bytes{guest="den",mac="02:00:00:00:00:03"} 900000000',
  ]);
});

Deno.test("a guest's own line says how full its store is", () => {
  const cases = [[1_450_000_000, false, "72"], [0, false, "0"], [2_000_000_000, true, "full"]] as const;
  for (const [usedBytes, isFull, level] of cases) {
    const page = answerStore({ usedBytes, sizeBytes: 2_000_000_000, isFull });
    assert.deepEqual(page, { status: 200, contentType: "text/plain", body: `store ${level}\n` });
  }
});

Deno.test("every metric has HELP and TYPE before it, a name with its unit, and one value", async () => {
  const page = await answerStatus(reportInFull(lentFacts), "/metrics", { accept: "" });
  assert.ok(page.status === 200);
  const lines = page.body.trimEnd().split("\n");
  assert.equal(lines.length % 3, 0);
  for (let index = 0; index < lines.length; index += 3) {
    const [help = "", type = "", sample = ""] = lines.slice(index, index + 3);
    const name = /^# HELP (stiefelsystem_[a-z_]+) [A-Z].*\.$/.exec(help)?.[1];
    assert.ok(name, help);
    const kind = name.endsWith("_total") ? "counter" : "gauge";
    assert.equal(type, `# TYPE ${name} ${kind}`);
    assert.match(sample, new RegExp(`^${name}(?:\\{(?:[a-z_]+="(?:[^"\\\\\\n]|\\\\[\\\\"n])*",?)+\\})? [\\d.e+]+$`));
  }
  const odd = { version: 1, name: 'a"b\\c', state: "busy" } as const;
  const escaped = await answerStatus(odd, "/metrics", { accept: "" });
  assert.ok(escaped.status === 200 && escaped.body.includes('{name="a\\"b\\\\c"} 1\n'));
});

Deno.test("paths and forms: browsers get HTML, programs what they ask for", async () => {
  const cases = [
    ["/", "/"],
    ["/?x=1", "/"],
    ["/metrics?", "/metrics"],
    ["/status.json", "/status.json"],
    ["/favicon.ico", "/favicon.ico"],
    ["/status", undefined],
    ["//", undefined],
    ["/../", undefined],
    ["/STATUS.JSON", undefined],
    ["/constructor", undefined],
  ] as const;
  for (const [target, path] of cases) assert.equal(findStatusPath(target), path, target);
  const status = reportInShort(waitingFacts);
  const types = [["text/html", "text/html"], ["*/*", "text/html"], ["", "text/html"], [
    "application/json",
    "application/json",
  ]];
  for (const [accept = "", type = ""] of [...types, ["text/plain;q=1", "text/plain"]]) {
    const page = await answerStatus(status, "/", { accept });
    assert.ok(page.status === 200 && page.contentType.startsWith(type), accept);
  }
  assert.deepEqual(await answerStatus(status, "/favicon.ico", { accept: "" }), { status: 204 });
});

Deno.test("durations are said in the two largest units", () => {
  const cases = [[0, "0 s"], [59.9, "59 s"], [60, "1 min"], [3_599, "59 min"], [3_600, "1 h 0 min"], [
    90_061,
    "1 d 1 h",
  ]];
  for (const [seconds, text] of cases) assert.equal(formatDuration(Number(seconds)), text);
});
