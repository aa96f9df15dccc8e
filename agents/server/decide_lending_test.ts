import assert from "node:assert/strict";
import { decideAdmission, decideAdoption, keepsNotes, type Lending } from "./decide_lending.ts";

const desktop = { mac: "aa:00:00:00:00:01", name: "desktop", address: "fe80::1" };
const other = { mac: "AA:00:00:00:00:02", name: "other", address: "fe80::2" };
const lease = { holder: desktop, sinceMs: 0 };
const since = '"desktop" (aa:00:00:00:00:01) has had the disk since 1970-01-01T00:00Z';

const admissions: Readonly<Record<string, readonly [lending: Lending | undefined, client: typeof desktop, RegExp]>> = {
  "the disk is free": [undefined, desktop, /^grant desktop undefined$/],
  "another desktop has it": [{ lease }, other, /^refuse .*"desktop" .*since 1970-01-01T00:00Z \/ desktop$/],
  "the same machine asks again": [
    { lease },
    { ...desktop, mac: "AA:00:00:00:00:01" },
    /^grant desktop .* starts again: /,
  ],
  "its export is broken: another one is refused, and how that ends is told": [
    { lease, lostBecause: "nbdkit ended" },
    other,
    /^refuse .*; its connection broke, .*switch it off.* \/ desktop$/,
  ],
  "its export is broken: the same machine gets it again": [
    { lease, lostBecause: "x" },
    desktop,
    /^grant desktop .* again/,
  ],
};
for (const [what, [lending, client, expected]] of Object.entries(admissions)) {
  Deno.test(`a desktop asks for the disk: ${what}`, () => {
    const decision = decideAdmission(lending === undefined ? [] : [lending], {
      client,
      isGuest: false,
      nowMs: 60_000,
    });
    const text = decision.kind === "grant"
      ? `grant ${decision.lease.holder.name} ${decision.say}`
      : `refuse ${decision.message} / ${decision.holder}`;
    assert.match(text, expected);
    if (decision.kind === "refuse") {
      assert.equal(decision.say, `"other" (AA:00:00:00:00:02) was refused: ${decision.message}`);
      assert.ok(decision.message.startsWith(since));
    }
  });
}

Deno.test("a desktop that is refused learns who has the disk and why it cannot join", () => {
  const guest = { lease: { ...lease, isGuest: true } } as const;
  const say = (held: Lending, isGuest: boolean): string | undefined => {
    const decision = decideAdmission([held], { client: other, isGuest, nowMs: 60_000 });
    return decision.kind === "refuse" ? decision.message : undefined;
  };
  assert.equal(say({ lease }, true), `${since}; what it writes would change the disk under a guest`);
  assert.match(say(guest, false) ?? "", /^"desktop" .* has been trying .*; the disk stays as it is until they have/);
  assert.equal(say(guest, true), undefined);
});

Deno.test("a guest whose export has ended holds nothing", () => {
  const guest = { ...lease, isGuest: true } as const;
  const adoption = { kind: "over", end: { reason: "lost", message: "nbdkit ended" } } as const;
  assert.equal(decideAdoption(guest, adoption).kind, "clear");
});

const adoptions = {
  "runs": [{ kind: "running" }, { kind: "watch" }],
  "has ended with a goodbye": [{ kind: "over", end: { reason: "disconnected" } }, { kind: "clear", isDone: true }],
  "has failed before a desktop came": [
    { kind: "over", end: { reason: "failed", message: "x" } },
    { kind: "clear", isDone: false },
  ],
  "was stopped": [{ kind: "over", end: { reason: "stopped" } }, { kind: "clear", isDone: false }],
  "has ended under its desktop": [
    { kind: "over", end: { reason: "lost", message: "nbdkit ended" } },
    { kind: "stay-lent", reason: "nbdkit ended" },
  ],
} as const;
for (const [what, [adoption, expected]] of Object.entries(adoptions)) {
  Deno.test(`an export of the agent before ${what}`, () => {
    const { say, ...decision } = decideAdoption(lease, adoption);
    assert.deepEqual(decision, expected);
    assert.match(say, /^"desktop" /);
  });
}

Deno.test("what is known of an export stays when its desktop may believe that it has the disk", () => {
  const table = [[undefined, false, false], [undefined, true, true], ["lost", false, true], [
    "lost",
    true,
    true,
  ]] as const;
  for (const [lostBecause, mayBeHeld, expected] of table) {
    assert.equal(keepsNotes({ lostBecause, mayBeHeld }), expected);
  }
});
