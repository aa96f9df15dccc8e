import assert from "node:assert/strict";
import { parseNeeds } from "../initramfs/needs.ts";
import { describeTransports, lackingPrograms } from "./lacking_programs.ts";

const two = parseNeeds(`attach program ip
attach tool dd
disk/one program one-client
disk/one program one-helper
disk/two module two
disk/two program two-client
`);

const cases: readonly (readonly [missing: readonly string[], lacking: readonly string[], words: string | undefined])[] =
  [
    [[], [], "Desktops attach the disk by one or two"],
    [["one-helper"], [], "Desktops attach the disk by two (not by one: its programs are not installed)"],
    [["two-client"], [], "Desktops attach the disk by one (not by two: its programs are not installed)"],
    [["one-client", "two-client"], ["one-client"], undefined],
    [["one-client", "one-helper", "two-client", "dd"], ["one-client", "one-helper", "dd"], undefined],
    [["one-client", "ip"], ["ip"], "Desktops attach the disk by two (not by one: its programs are not installed)"],
  ];

for (const [missing, lacking, words] of cases) {
  Deno.test(`of two transports all of one is needed; missing: ${missing.join(", ") || "nothing"}`, () => {
    const found = lackingPrograms(missing, { needs: two });
    assert.deepEqual(found.lacking, lacking);
    assert.equal(describeTransports(found.transports), words);
  });
}

Deno.test("a laptop with one transport needs its programs; kexec only where it turns into a server by itself", () => {
  assert.deepEqual(lackingPrograms(["nbd-client"]).lacking, ["nbd-client"]);
  assert.deepEqual(lackingPrograms(["kexec", "timeout"]).lacking, ["timeout"]);
  assert.deepEqual(lackingPrograms(["kexec", "timeout"], { withKexec: true }).lacking, ["timeout", "kexec"]);
  assert.equal(describeTransports(lackingPrograms([]).transports), undefined);
});
