import assert from "node:assert/strict";
import type { BlockDevice } from "../system/facts.ts";
import { findLocalNames, findMountsElsewhere, namesRoot } from "./device_names.ts";

const nothing = { commandLine: "", fstab: undefined, crypttab: undefined };

Deno.test("names by kind, model or slot of a disk hold on the laptop only", () => {
  const local = [
    ...["/dev/sda2", "/dev/nvme0n1p2", "/dev/mmcblk0p1", "/dev/vda1"],
    ...["/dev/disk/by-id/ata-Some_SSD-part2", "/dev/disk/by-path/pci-0000:00:17.0-ata-1-part2"],
  ];
  const general = [
    ...["UUID=1", "PARTUUID=2", "LABEL=root", "/dev/mapper/vg-root", "/dev/vg/root", "/dev/md0", "/dev/nfs"],
    ...["/dev/disk/by-uuid/1", "/dev/disk/by-partlabel/root", "/dev/disk/by-id/dm-name-vg-root"],
  ];
  for (const device of local) {
    const commandLine = `ro root=${device} quiet`;
    assert.deepEqual(findLocalNames({ ...nothing, commandLine }), [{ setting: "root=", device }]);
  }
  for (const device of general) {
    assert.deepEqual(findLocalNames({ ...nothing, commandLine: `root=${device}` }), [], device);
  }
});

Deno.test("a container's name is the first part of cryptdevice", () => {
  const commandLine = "cryptdevice=/dev/sda2:root:allow-discards root=/dev/mapper/root";
  assert.deepEqual(findLocalNames({ ...nothing, commandLine }), [{ setting: "cryptdevice=", device: "/dev/sda2" }]);
});

Deno.test("in fstab and crypttab only what the system does not start without counts", () => {
  const fstab = [
    "# /dev/sda9 /old ext4 defaults 0 0",
    "UUID=1 / ext4 defaults 0 1",
    "\t/dev/sda1\t/boot  vfat  umask=0077  0 2",
    "/dev/sda3 none swap sw 0 0",
    "/dev/sdb1 /data ext4 defaults,nofail 0 2",
    "/dev/sdc1 /stick auto noauto,user 0 0",
    "/dev/sdd1 /bare ext4",
  ];
  const crypttab = [
    "home /dev/sda5 none luks",
    "swap /dev/sda3 /dev/urandom swap,cipher=aes-xts-plain64",
    "data /dev/sdb2 /etc/data.key nofail",
    "root UUID=2",
  ];
  assert.deepEqual(findLocalNames({ commandLine: "", fstab: fstab.join("\n"), crypttab: crypttab.join("\n") }), [
    { setting: "/etc/fstab", device: "/dev/sda1" },
    { setting: "/etc/fstab", device: "/dev/sdd1" },
    { setting: "/etc/crypttab", device: "/dev/sda5" },
  ]);
});

Deno.test("a command line may leave the root file system to what the firmware says", () => {
  assert.ok(namesRoot("root=UUID=1 ro"));
  assert.ok(namesRoot("zfs=pool/system rw"));
  assert.ok(!namesRoot("quiet rw rootflags=subvol=@"));
});

function mounted(path: string, ...mountPoints: readonly string[]): BlockDevice {
  const name = path.slice("/dev/".length);
  const shared = { name, path, sizeBytes: 1e9, isReadOnly: false, isRemovable: false, logicalSectorBytes: 512 };
  const parts = mountPoints.map((mountPoint) => ({ ...shared, type: "part", mountPoints: [mountPoint], children: [] }));
  return { ...shared, type: "disk", mountPoints: [], children: parts };
}

Deno.test("what has to be mounted from another disk is found", () => {
  const fstab = [
    "UUID=1 / ext4 defaults 0 1",
    "UUID=2 /my\\040data ext4 defaults 0 2",
    "UUID=3 /backup ext4 defaults,nofail 0 2",
    "UUID=4 /not-mounted ext4 defaults 0 2",
  ].join("\n");
  const served = mounted("/dev/sda", "/", "/home");
  const other = mounted("/dev/sdb", "/my data", "/backup", "/media/stick");
  assert.deepEqual(findMountsElsewhere({ fstab, disks: [served, other], served }), [
    { mountPoint: "/my data", disk: other },
  ]);
  // A volume on two disks, without an fstab.
  const half = mounted("/dev/sdc", "/");
  assert.deepEqual(findMountsElsewhere({ fstab: undefined, disks: [served, half], served }), [
    { mountPoint: "/", disk: half },
  ]);
});
