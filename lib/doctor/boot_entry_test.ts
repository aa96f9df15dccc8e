import assert from "node:assert/strict";
import { bootEntryChecks, type BootEntryFacts } from "./boot_entry.ts";
import { runChecks } from "./check.ts";

function entry(commandLine: string, notices: readonly string[] = []): BootEntryFacts["entry"] {
  return { commandLine, commandLineSource: { partition: "/", path: "/loader/entries/a.conf" }, notices };
}

const cases: Readonly<Record<string, readonly [Partial<BootEntryFacts>, RegExp]>> = {
  "the running system's root": [{}, /^ok: root=UUID=1, from \/loader\/entries\/a\.conf$/],
  "another system's root": [{ entry: entry("root=UUID=2 ro") }, /^error: .* has root=UUID=2, this system root=UUID=1$/],
  "no root": [{ entry: entry("quiet") }, /^error: .* has no root=, this system root=UUID=1$/],
  "a system that does not run": [{ running: "", entry: entry("root=UUID=2") }, /^ok: root=UUID=2/],
  "a refusal": [{ entry: { refusal: "No" } }, /^error: a server would refuse: No$/],
  "a refusal before the set-up": [{ isSetUp: false, entry: { refusal: "No" } }, /^warning: No$/],
  "what only root sees": [{ entry: undefined }, /^unknown: /],
  "a notice": [{ entry: entry("root=UUID=1", ["Something"]) }, /^warning: Something$/],
};
for (const [what, [facts, expected]] of Object.entries(cases)) {
  Deno.test(`doctor judges the boot entry: ${what}`, () => {
    const all = { isSetUp: true, running: "root=UUID=1 ro", entry: entry("root=UUID=1 ro"), ...facts };
    const [check] = runChecks(bootEntryChecks, all);
    assert.match(`${check?.level}: ${check?.found}`, expected);
  });
}
