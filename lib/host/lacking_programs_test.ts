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
    [["one-helper"], [], "Desktops attach the disk by two (one lacks a program or kernel module)"],
    [["two-client"], [], "Desktops attach the disk by one (two lacks a program or kernel module)"],
    [["one-client", "two-client"], ["one-client"], undefined],
    [["one-client", "one-helper", "two-client", "dd"], ["one-client", "one-helper", "dd"], undefined],
    [
      ["one-client", "ip"],
      ["ip"],
      "Desktops attach the disk by two (one lacks a program or kernel module)",
    ],
  ];

for (const [missing, lacking, words] of cases) {
  Deno.test(`of two transports all of one is needed; missing: ${missing.join(", ") || "nothing"}`, () => {
    const found = lackingPrograms({ missing, missingModules: [] }, { needs: two });
    assert.deepEqual(found.lacking, lacking);
    assert.equal(describeTransports(found.transports), words);
  });
}

Deno.test("a transport whose module the kernel has not is no way out", () => {
  const one = lackingPrograms({ missing: ["one-client"], missingModules: ["two"] }, { needs: two });
  assert.deepEqual(one.lacking, ["one-client"]);
  assert.deepEqual(one.transports, { usable: [], unusable: ["one", "two"] });
  const other = lackingPrograms({ missing: [], missingModules: ["two"] }, { needs: two });
  assert.deepEqual(other.transports, { usable: ["one"], unusable: ["two"] });
});

Deno.test("a laptop needs no program for NVMe/TCP; kexec only where it turns into a server by itself", () => {
  const lack = (missing: readonly string[], missingModules: readonly string[] = []) =>
    lackingPrograms({ missing, missingModules }).lacking;
  assert.deepEqual(lack(["nbd-client"]), []);
  assert.deepEqual(lack(["nbd-client"], ["nvme-tcp"]), ["nbd-client"]);
  assert.deepEqual(lack(["kexec", "timeout"]), ["timeout"]);
  const withKexec = lackingPrograms({ missing: ["kexec", "timeout"], missingModules: [] }, { withKexec: true });
  assert.deepEqual(withKexec.lacking, ["timeout", "kexec"]);
});

Deno.test("desktops can encrypt where the kernel can; a laptop can do without, and needs no program for it", () => {
  const find = (missing: readonly string[], missingModules: readonly string[] = []) =>
    lackingPrograms({ missing, missingModules });
  for (const missing of [[], ["wg"]]) assert.equal(find(missing).canTunnel, true);
  const lacking = find([], ["wireguard"]);
  assert.equal(lacking.canTunnel, false);
  assert.deepEqual(lacking.lacking, []);
});
