import assert from "node:assert/strict";
import { BootError } from "../boot_error.ts";
import { decideSearchStep, type SearchFacts } from "./decide_disk_search.ts";
import type { BootDecision } from "./menu/decide_boot.ts";

const decision = { title: "Linux" } as BootDecision;
const refusal = new BootError("no-boot-entry", "no");
const nothing: SearchFacts = { hasStatement: false, physicalVolumes: [], encrypted: [], hasPassphrase: false };
const lvm = ["/dev/sda3"];
const luks = ["/dev/sda4"];

const cases: Readonly<Record<string, readonly [facts: Partial<SearchFacts>, step: string]>> = {
  "nothing on any partition": [{}, "give-up"],
  "something that cannot be used, and nothing else": [{ refusal }, "give-up"],
  "a boot loader's entry": [{ decision }, "open []"],
  "a boot loader's entry, and volumes that may hold what was set up": [
    { decision, physicalVolumes: lvm },
    "look-into-volumes /dev/sda3",
  ],
  "the same, when they were looked into": [{ decision }, "open []"],
  "what was set up, beside volumes": [
    { decision, hasStatement: true, physicalVolumes: lvm, encrypted: luks },
    "open []",
  ],
  "what was set up cannot be used": [{ refusal, hasStatement: true, physicalVolumes: lvm, encrypted: luks }, "refuse"],
  "a boot loader's entry, and what is encrypted": [{ decision, encrypted: luks }, "open [/dev/sda4]"],
  "what is encrypted alone": [{ encrypted: luks }, "ask-for-passphrase /dev/sda4"],
  "what is encrypted, beside something that cannot be used": [
    { refusal, encrypted: luks },
    "ask-for-passphrase /dev/sda4",
  ],
  "what is encrypted, with its passphrase": [{ encrypted: luks, hasPassphrase: true }, "unlock /dev/sda4"],
  "volumes come before what is encrypted": [
    { encrypted: luks, physicalVolumes: lvm, hasPassphrase: true },
    "look-into-volumes /dev/sda3",
  ],
};
for (const [what, [facts, expected]] of Object.entries(cases)) {
  Deno.test(`the search for boot files has seen ${what}`, () => {
    const step = decideSearchStep({ ...nothing, ...facts });
    const more = step.kind === "open"
      ? ` [${step.unseen}]`
      : step.kind === "look-into-volumes"
      ? ` ${step.physicalVolumes}`
      : "devices" in step
      ? ` ${step.devices}`
      : "";
    assert.equal(step.kind + more, expected);
  });
}
