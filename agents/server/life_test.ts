import assert from "node:assert/strict";
import type { DiskReport } from "../../lib/disk/inspect_disk.ts";
import {
  type Circumstances,
  countLeftMs,
  type Deed,
  type Fact,
  type Life,
  type LifeRules,
  PATIENCE_MS,
  startLife,
  stepLife,
} from "./life.ts";

const rules: LifeRules = { name: "laptop", onEnd: "reboot", clientTimeoutSeconds: 0 };
const client = { name: "desk", mac: "aa:bb:cc:00:00:01", address: "fe80::1" };
const lease = { holder: client, sinceMs: 5 };
const disk: DiskReport = {
  path: "/dev/sda",
  name: "sda",
  sizeBytes: 8192,
  logicalBlockSize: 512,
  problems: [],
  notices: ["a notice"],
};
const mounted: DiskReport = { ...disk, problems: [{ code: "mounted", message: '"/dev/sda1" is mounted at "/"' }] };
const born = startLife(1_000);
const lent: Life = { ...born, phase: { kind: "lent", client, sinceMs: 5 } };

/** A deed in one word, or in what it says. */
function word(deed: Deed): string {
  if (deed.kind === "say") return deed.lines.join("\n");
  if (deed.kind === "end-machine") return deed.command;
  return deed.kind === "mark" ? `mark ${deed.step}` : deed.kind;
}

interface Case {
  readonly name: string;
  readonly life?: Life;
  readonly fact: Fact;
  readonly rules?: Partial<LifeRules>;
  readonly now?: Partial<Circumstances>;
  readonly phase: string;
  /** In this order, and no other. */
  readonly deeds: readonly (string | RegExp)[];
}

const cases: readonly Case[] = [
  // ---- what an agent before this one has left
  {
    name: "a first agent clears away and looks at its disk",
    fact: { kind: "adopted", isDone: false },
    phase: "starting",
    deeds: ["release-leftovers", "look-at-disk"],
  },
  {
    name: "a disk that was lent stays lent, and is not looked at",
    fact: { kind: "adopted", lease, isDone: false },
    now: { isFree: false },
    phase: "lent",
    deeds: ["drop-knowledge"],
  },
  {
    name: "a disk whose export broke while no agent ran stays lent",
    fact: { kind: "adopted", lease, lostBecause: "killed", isDone: false },
    now: { isFree: false },
    phase: "lost",
    deeds: [/CUT OFF.*\n.*killed/, "drop-knowledge"],
  },
  {
    name: "a desktop that said goodbye while no agent ran ends the service",
    fact: { kind: "adopted", isDone: true },
    phase: "starting",
    deeds: ["release-leftovers", "drop-knowledge", "The desktop is done with the disk", "close"],
  },
  {
    name: "a desktop that said goodbye while no agent ran, on a server that stays",
    fact: { kind: "adopted", isDone: true },
    rules: { onEnd: "wait" },
    phase: "starting",
    deeds: ["release-leftovers", "drop-knowledge", "The desktop is done with the disk", "look-at-disk"],
  },
  // ---- the disk
  {
    name: "a disk that may be served is prepared",
    fact: { kind: "disk-looked-at", disk },
    phase: "waiting",
    deeds: [
      /^Disk: \/dev\/sda.*\na notice$/,
      "mark serving",
      /^This computer is the stiefelsystem server "laptop".*\nWhen a desktop is done, this computer starts its own/,
      /^Waiting for a desktop/,
      "prepare",
      "mark prepared",
    ],
  },
  {
    name: "a disk that a desktop has got meanwhile is not opened beside the export",
    life: { ...lent, isWelcomeSaid: true },
    fact: { kind: "disk-looked-at", disk },
    now: { isFree: false },
    phase: "lent",
    deeds: [/^Disk:/, "mark serving", /^Waiting/, "mark prepared"],
  },
  {
    name: "a disk in use is refused",
    fact: { kind: "disk-looked-at", disk: mounted },
    phase: "refusing",
    deeds: [/^Disk:/, /^Cannot serve: "\/dev\/sda1" is mounted/],
  },
  {
    name: "a disk that is not there yet may come",
    fact: { kind: "disk-failed", reason: "No disk", hints: [], mayCome: true },
    now: { nowMs: 1_000 + PATIENCE_MS },
    phase: "starting",
    deeds: ["look-again"],
  },
  {
    name: "its absence is worth a word after a while",
    fact: { kind: "disk-failed", reason: "No disk", hints: ["plug it in"], mayCome: true },
    now: { nowMs: 1_001 + PATIENCE_MS },
    phase: "refusing",
    deeds: ["Cannot serve: No disk\n  plug it in", "look-again"],
  },
  {
    name: "what waiting does not mend is reported at once",
    fact: { kind: "disk-failed", reason: "lsblk was not found", hints: [], mayCome: false },
    phase: "refusing",
    deeds: [/lsblk/, "look-again"],
  },
  {
    name: "and once",
    life: { ...born, isAbsenceSaid: true },
    fact: { kind: "disk-failed", reason: "lsblk was not found", hints: [], mayCome: false },
    phase: "starting",
    deeds: ["look-again"],
  },
  // ---- desktops
  {
    name: "what an exchange sees of the disk is shown",
    fact: { kind: "disk-shown", disk },
    phase: "starting",
    deeds: [],
  },
  {
    name: "progress is shown",
    fact: { kind: "sending", client, doneBytes: 1, totalBytes: 2 },
    now: { isFree: false },
    phase: "sending",
    deeds: [],
  },
  {
    name: "with a desktop on the disk, what was handed over and prepared goes",
    fact: { kind: "lent", client, sinceMs: 5 },
    now: { isFree: false },
    phase: "lent",
    deeds: ["drop-knowledge"],
  },
  {
    name: "a broken export frees nothing",
    life: lent,
    fact: { kind: "lost", lease, reason: "nbdkit ended" },
    now: { isFree: false },
    phase: "lost",
    deeds: [/CUT OFF FROM ITS DESKTOP/],
  },
  {
    name: "an exchange that came to nothing: the next one is prepared",
    life: { ...born, phase: { kind: "sending", client, doneBytes: 1, totalBytes: 2 } },
    fact: { kind: "freed", isDone: false },
    phase: "waiting",
    deeds: ["prepare"],
  },
  {
    name: "a goodbye ends the service",
    life: lent,
    fact: { kind: "freed", isDone: true },
    phase: "waiting",
    deeds: ["The desktop is done with the disk", "close"],
  },
  {
    name: "a goodbye to a server that stays",
    life: lent,
    fact: { kind: "freed", isDone: true },
    rules: { onEnd: "wait" },
    phase: "waiting",
    deeds: ["The desktop is done with the disk", "prepare"],
  },
  // ---- the end
  {
    name: "the time is up",
    fact: { kind: "time-passed" },
    rules: { clientTimeoutSeconds: 60 },
    now: { nowMs: 61_000 },
    phase: "starting",
    deeds: ["No desktop for 60 s", "close"],
  },
  {
    name: "the time is up, but a desktop has just come",
    fact: { kind: "time-passed" },
    rules: { clientTimeoutSeconds: 60 },
    now: { nowMs: 61_000, isFree: false },
    phase: "starting",
    deeds: [],
  },
  {
    name: "closed, to start the laptop's own system",
    fact: { kind: "closed" },
    phase: "ended",
    deeds: ["Starting this machine's own system", "reboot"],
  },
  {
    name: "closed, to switch off",
    fact: { kind: "closed" },
    rules: { onEnd: "poweroff" },
    phase: "ended",
    deeds: ["Switching off", "poweroff"],
  },
  {
    name: "closed, to stay",
    fact: { kind: "closed" },
    rules: { onEnd: "wait" },
    phase: "starting",
    deeds: [],
  },
];

for (const { name, life = born, fact, rules: more, now, phase, deeds } of cases) {
  Deno.test(`the life of a server: ${name}`, () => {
    const step = stepLife(life, fact, { ...rules, ...more }, { nowMs: 1_000, isFree: true, ...now });
    const words = step.deeds.map(word);
    assert.equal(step.life.phase.kind, phase);
    assert.equal(words.length, deeds.length, words.join("\n"));
    for (const [index, wanted] of deeds.entries()) {
      if (typeof wanted === "string") assert.equal(words[index], wanted);
      else assert.match(words[index] ?? "", wanted);
    }
  });
}

Deno.test("a person at the laptop learns once what it is", () => {
  const free = { nowMs: 0, isFree: true };
  const { life } = stepLife(born, { kind: "disk-looked-at", disk }, rules, free);
  const again = stepLife(life, { kind: "disk-looked-at", disk }, rules, free);
  assert.equal(again.deeds.some((deed) => /This computer is/.test(word(deed))), false);
});

Deno.test("the time for desktops counts from when the disk was given back, and not while a desktop has it", () => {
  const timed = { ...rules, clientTimeoutSeconds: 60 };
  const at = (life: Life, nowMs: number, isFree = true): number | undefined =>
    countLeftMs(life, timed, { nowMs, isFree });
  assert.equal(at(born, 1_000), 60_000);
  assert.equal(at(born, 60_999), 1);
  assert.equal(at(born, 61_000), 0);
  assert.equal(at(born, 99_000, false), 60_000);
  const { life } = stepLife(lent, { kind: "freed", isDone: false }, timed, { nowMs: 99_000, isFree: true });
  assert.equal(at(life, 99_001), 59_999);
  assert.equal(countLeftMs(born, rules, { nowMs: 9e9, isFree: true }), undefined, "0: for ever");
  assert.equal(countLeftMs(born, { ...timed, onEnd: "wait" }, { nowMs: 9e9, isFree: true }), undefined);
});
