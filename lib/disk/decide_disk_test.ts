import assert from "node:assert/strict";
import { sampleDisk } from "../../tests/support/sample_disk.ts";
import { DiskError } from "./disk_error.ts";
import { type BlockDevice, parseBlockDevices } from "../system/facts.ts";
import { chooseDisk, describeDisk, findUses } from "./decide_disk.ts";

const fixtures = new URL("../../tests/fixtures/boot/", import.meta.url);

function fixture(name: string): readonly BlockDevice[] {
  return parseBlockDevices(Deno.readTextFileSync(new URL(name, fixtures)));
}

const disk: BlockDevice = { ...sampleDisk, model: "Some SSD", serial: "S1", transport: "sata" };
const stick: BlockDevice = { ...disk, name: "sdb", path: "/dev/sdb", transport: "usb", isRemovable: true };
const usbDisk: BlockDevice = { ...stick, isRemovable: false };
const nvme: BlockDevice = { ...disk, name: "nvme0n1", path: "/dev/nvme0n1", transport: "nvme" };
const others: readonly BlockDevice[] = [
  { ...disk, name: "zram0", path: "/dev/zram0" },
  { ...disk, name: "loop0", path: "/dev/loop0", type: "loop" },
  { ...disk, name: "nbd0", path: "/dev/nbd0" },
  { ...disk, name: "sr0", path: "/dev/sr0", type: "rom" },
  { ...disk, name: "mmcblk0boot0", path: "/dev/mmcblk0boot0", isReadOnly: true },
  { ...disk, name: "sdc", path: "/dev/sdc", sizeBytes: 0 },
];

Deno.test("the only built-in disk is chosen; sticks, USB disks and virtual disks do not count", () => {
  assert.equal(chooseDisk([stick, usbDisk, ...others, nvme]), nvme);
});

Deno.test("with two built-in disks the choice is the user's, and the error lists the candidates", () => {
  assert.throws(() => chooseDisk([disk, nvme, stick]), (error) => {
    assert.ok(error instanceof DiskError);
    assert.equal(error.code, "no-device");
    assert.equal(error.message, "Which disk to serve is not clear: this machine has 2 built-in disks");
    assert.equal(error.hints[0], "/dev/sda: Some SSD, 500 GB, sata, serial S1");
    assert.equal(error.hints[2], "/dev/sdb: Some SSD, 500 GB, usb, serial S1, removable");
    return true;
  });
});

Deno.test("without a built-in disk the error says so", () => {
  assert.throws(() => chooseDisk([stick]), { message: "No disk to serve: this machine has no built-in disk" });
});

Deno.test("a disk that no program uses has no problem", () => {
  assert.deepEqual(findUses({ ...disk, children: [{ ...disk, type: "part", fsType: "ext4" }] }), []);
});

Deno.test("every use of the disk is named: mounts, swap, mappings", () => {
  const part = (path: string, more: Partial<BlockDevice>): BlockDevice => ({ ...disk, path, type: "part", ...more });
  const used = {
    ...disk,
    isReadOnly: true,
    children: [
      part("/dev/sda1", { mountPoints: ["/", "/home"] }),
      part("/dev/sda2", { mountPoints: ["[SWAP]"] }),
      part("/dev/sda3", { children: [part("/dev/mapper/vg-root", { type: "lvm" })] }),
      part("/dev/sda4", { children: [part("/dev/md0", { type: "raid1" })] }),
    ],
  };
  assert.deepEqual(findUses(used).map(({ code, message }) => `${code}: ${message}`), [
    'mounted: "/dev/sda1" is mounted at "/"',
    'mounted: "/dev/sda1" is mounted at "/home"',
    'mounted: "/dev/sda2" is in use as swap',
    'held: "/dev/mapper/vg-root" (lvm) is active on top of the disk',
    'held: "/dev/md0" (raid1) is active on top of the disk',
    'read-only: "/dev/sda" cannot be written to',
  ]);
});

Deno.test("a disk without model or serial can still be told", () => {
  const { model: _, serial: __, transport: ___, ...bare } = disk;
  assert.equal(describeDisk(bare), "/dev/sda: unknown model, 500 GB");
});

Deno.test("the disk a real QEMU machine runs from is in use, its second one is not", () => {
  const [first, second] = fixture("lsblk-qemu.json");
  assert.ok(first !== undefined && second !== undefined);
  assert.deepEqual(findUses(first), [{ code: "mounted", message: '"/dev/vda2" is mounted at "/"' }]);
  assert.deepEqual(findUses(second), []);
});
