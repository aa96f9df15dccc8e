import assert from "node:assert/strict";
import { sampleDisk } from "../../tests/support/sample_disk.ts";
import type { DiskIdentity } from "../formats/handover.ts";
import type { BlockDevice } from "../system/facts.ts";
import { parseBlockDevices } from "../system/facts.ts";
import { describeIdentity, findIdentifiedDisk, findRootDisk, identifyDisk } from "./disk_identity.ts";

const disk = sampleDisk;
const renamed = (device: BlockDevice, name: string): BlockDevice => ({ ...device, name, path: `/dev/${name}` });
const withRoot = (device: BlockDevice): BlockDevice => ({
  ...device,
  children: [{ ...device, type: "part", children: [{ ...device, type: "crypt", mountPoints: ["/", "/home"] }] }],
});

Deno.test("the disk of a root file system is found through LUKS and LVM", async () => {
  const text = await Deno.readTextFile(new URL("../../tests/fixtures/lsblk/luks-lvm.json", import.meta.url));
  const found = findRootDisk(parseBlockDevices(text));
  assert.equal(found?.path, "/dev/nvme0n1");
  assert.equal(identifyDisk(found).serial, "S4ENNX0N123456");
});

Deno.test("a root file system on several disks, or on none, has no disk that could be handed over", () => {
  const other = renamed(disk, "sdb");
  assert.equal(findRootDisk([withRoot(disk), other])?.path, "/dev/sda");
  assert.equal(findRootDisk([withRoot(disk), withRoot(other)]), undefined);
  assert.equal(findRootDisk([disk, other]), undefined);
  assert.equal(findRootDisk([{ ...disk, name: "loop0", type: "loop", mountPoints: ["/"] }]), undefined);
});

Deno.test("a disk is known again whatever it is called", () => {
  const mine: BlockDevice = { ...disk, tableUuid: "T1", serial: "S1", wwn: "W1" };
  const identity = identifyDisk(mine);
  const cases: readonly [string, readonly BlockDevice[], string | undefined][] = [
    ["under another name", [{ ...disk, tableUuid: "T2", serial: "S2" }, renamed(mine, "sdb")], "/dev/sdb"],
    ["without what one of the systems does not see", [renamed({ ...disk, tableUuid: "T1" }, "sdb")], "/dev/sdb"],
    ["the original beside its copy", [{ ...mine, serial: "S9", wwn: "W9" }, renamed(mine, "sdb")], "/dev/sdb"],
    ["a copy of it alone", [{ ...mine, serial: "S9", wwn: "W9" }], "/dev/sda"],
    ["another size", [{ ...mine, sizeBytes: 1 }], undefined],
    ["another disk of that size", [{ ...disk, tableUuid: "T2" }], undefined],
    ["two that are equally like it", [mine, renamed(mine, "sdb")], undefined],
    ["a loop device", [{ ...mine, name: "loop0", type: "loop" }], undefined],
    ["nothing to go by, alone", [disk], "/dev/sda"],
    ["nothing to go by, two", [disk, renamed(disk, "sdb")], undefined],
    ["nothing", [], undefined],
  ];
  for (const [what, devices, wanted] of cases) {
    assert.equal(findIdentifiedDisk(devices, identity)?.path, wanted, what);
  }
});

Deno.test("a disk without partition table is known by what it holds", () => {
  const whole: BlockDevice = { ...disk, fsType: "crypto_LUKS", uuid: "U1" };
  assert.equal(identifyDisk(whole).uuid, "U1");
  assert.equal(identifyDisk({ ...whole, tableUuid: "T1" }).uuid, undefined);
  const found = findIdentifiedDisk([{ ...disk, uuid: "U2" }, renamed(whole, "vdb")], identifyDisk(whole));
  assert.equal(found?.path, "/dev/vdb");
});

Deno.test("a disk is described without its name, which may be another's by now", () => {
  const identity: DiskIdentity = { path: "/dev/sda", sizeBytes: 500e9, model: "Some SSD", serial: "S1" };
  assert.equal(describeIdentity(identity), "Some SSD, 500 GB, serial S1");
});
