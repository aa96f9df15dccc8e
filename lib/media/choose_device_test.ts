import assert from "node:assert/strict";
import { projectRoot } from "../../tests/support/source_tree.ts";
import { UserError } from "../errors.ts";
import { type BlockDevice, parseBlockDevices } from "../system/facts.ts";
import { judgeDevices, namesDevice, pickDevice } from "./choose_device.ts";
import { describeDifference, identityOf } from "./device_identity.ts";
import { findRefusals, flatten, type RefusalCode } from "./device_refusals.ts";

const neededBytes = 400_000_000;

/** What `lsblk --json -O -b` writes for a device, as far as a case changes it. */
interface Raw {
  name: string;
  children?: Raw[];
  [column: string]: unknown;
}

async function readFixture(name: string): Promise<Raw[]> {
  const text = await Deno.readTextFile(`${projectRoot}tests/fixtures/lsblk/${name}.json`);
  return JSON.parse(text).blockdevices;
}

/** Finds a device in the output, to be changed. */
function at(devices: Raw[], name: string): Raw {
  for (const device of devices) {
    if (device.name === name) return device;
    const child = device.children === undefined ? undefined : find(device.children, name);
    if (child !== undefined) return child;
  }
  throw new Error(`No ${name}`);
}
function find(devices: Raw[], name: string): Raw | undefined {
  try {
    return at(devices, name);
  } catch {
    return undefined;
  }
}
const set = (name: string, columns: Readonly<Record<string, unknown>>) => (devices: Raw[]): void =>
  void Object.assign(at(devices, name), columns);
const mount = (name: string, ...points: string[]) =>
  set(name, { mountpoint: points[0] ?? null, mountpoints: points.length === 0 ? [null] : points });

interface Case {
  readonly name: string;
  readonly fixture: string;
  readonly change?: (devices: Raw[]) => void;
  readonly candidates: readonly string[];
  readonly refused: Readonly<Record<string, readonly RefusalCode[]>>;
}

const arch: Case["refused"] = { nvme0n1: ["system"] };
const ventoy = (
  change: (devices: Raw[]) => void,
  rest: Pick<Case, "candidates" | "refused"> & { name: string },
): Case => ({
  fixture: "ventoy-and-hybrid-iso",
  change,
  ...rest,
});

const cases: readonly Case[] = [
  // As they are.
  {
    name: "LVM on LUKS, and a stick with exFAT",
    fixture: "laptop-luks-lvm-stick",
    candidates: ["sda"],
    refused: { nvme0n1: ["system"] },
  },
  {
    name: "card readers without a card, a DVD drive, snaps on loop devices",
    fixture: "desktop-card-reader-empty",
    candidates: [],
    refused: { sda: ["system"], sdb: ["no-medium"], sdc: ["no-medium"] },
  },
  {
    name: "a card in a slot that says RM=0; the boot areas of the eMMC are no disks",
    fixture: "chromebook-emmc-sd",
    candidates: ["mmcblk1"],
    refused: { mmcblk0: ["system"] },
  },
  {
    name: "a mirror of ZFS, whose root no device shows",
    fixture: "proxmox-zfs-mirror",
    candidates: ["sdc"],
    refused: { sda: ["member"], sdb: ["member"] },
  },
  {
    name: "a RAID of md, with lsblk before 2.37",
    fixture: "nas-mdadm",
    candidates: ["sdd"],
    refused: { sda: ["mounted", "held"], sdb: ["mounted", "held"], sdc: ["system"] },
  },
  {
    name: "btrfs on two disks, of which one shows where it is mounted; a stick without a partition table",
    fixture: "btrfs-several-devices",
    candidates: ["sdc"],
    refused: { nvme0n1: ["system"], sda: ["mounted"], sdb: ["member"] },
  },
  {
    name: "Ventoy that says it is not removable, and a hybrid ISO",
    fixture: "ventoy-and-hybrid-iso",
    candidates: ["sda", "sdb"],
    refused: arch,
  },
  {
    name: "Windows beside Linux: its disk is not in use, and comes last",
    fixture: "dual-boot-windows",
    candidates: ["nvme0n1"],
    refused: { sda: ["system"] },
  },
  {
    name: "several paths to one disk",
    fixture: "server-multipath",
    candidates: [],
    refused: {
      sda: ["mounted", "held"],
      sdb: ["mounted", "held"],
      sdc: ["system"],
    },
  },
  {
    name: "the system on a USB SSD, and an empty disk that is built in",
    fixture: "system-on-usb-ssd",
    candidates: ["nvme0n1"],
    refused: { sda: ["system"] },
  },
  {
    name: "a virtual machine",
    fixture: "vm-virtio",
    candidates: ["vdb"],
    refused: { vda: ["system"] },
  },
  {
    name: "a live system: the stick it runs from, and one with the same ISO",
    fixture: "debian-live",
    candidates: ["sdb"],
    refused: { sda: ["system"], nvme0n1: ["member"] },
  },
  {
    name: "bcache",
    fixture: "workstation-bcache",
    candidates: ["sdd"],
    refused: { sda: ["system"], sdb: ["system"] },
  },
  {
    name: "a user who sees no file systems",
    fixture: "raspberry-pi",
    candidates: ["sda"],
    refused: { mmcblk0: ["system"] },
  },
  {
    name: "4Kn, and LVM that is not active",
    fixture: "dock-4kn-lvm",
    candidates: ["sdb"],
    refused: { sda: ["member"], nvme0n1: ["system"] },
  },
  {
    name: "a RAID of the firmware",
    fixture: "intel-rst-raid",
    candidates: ["sdc"],
    refused: { sda: ["system"], sdb: ["system"] },
  },
  {
    name: "a disk without a stick",
    fixture: "luks-lvm",
    candidates: [],
    refused: { nvme0n1: ["system"] },
  },
  // Changed by one thing each.
  ventoy((devices) => void devices.splice(0, 2), { name: "nothing plugged in", candidates: [], refused: arch }),
  ventoy(mount("sda1", "/run/media/me/Ventoy"), {
    name: "mounted by the desktop",
    candidates: ["sdb"],
    refused: { ...arch, sda: ["mounted"] },
  }),
  ventoy(mount("sdb", "/mnt"), {
    name: "the whole device mounted, not its partition",
    candidates: ["sda"],
    refused: { ...arch, sdb: ["mounted"] },
  }),
  ventoy(mount("sda2", "[SWAP]"), { name: "swap in use", candidates: ["sdb"], refused: { ...arch, sda: ["swap"] } }),
  ventoy(set("sda2", { fstype: "swap" }), {
    name: "swap, not in use",
    candidates: ["sdb"],
    refused: { ...arch, sda: ["swap"] },
  }),
  ventoy(set("sda2", { fstype: "swsuspend" }), {
    name: "a hibernated system",
    candidates: ["sdb"],
    refused: { ...arch, sda: ["member"] },
  }),
  ventoy(set("sda", { ro: true }), {
    name: "a lock that is on",
    candidates: ["sdb"],
    refused: { ...arch, sda: ["read-only"] },
  }),
  ventoy(set("sda1", { ro: "1" }), {
    name: "a part that cannot be written to, as old lsblk says it",
    candidates: ["sdb"],
    refused: { ...arch, sda: ["read-only"] },
  }),
  ventoy(set("sda", { size: neededBytes - 512 }), {
    name: "one sector too small",
    candidates: ["sdb"],
    refused: { ...arch, sda: ["too-small"] },
  }),
  ventoy(set("sda", { size: neededBytes }), { name: "just large enough", candidates: ["sda", "sdb"], refused: arch }),
  ventoy(set("sda", { size: 20_000_000_000_000 }), {
    name: "size is no filter",
    candidates: ["sda", "sdb"],
    refused: arch,
  }),
  ventoy(set("sda", { size: "128035676160", "log-sec": "512", rm: "0", ro: "0" }), {
    name: "numbers and flags as texts",
    candidates: ["sda", "sdb"],
    refused: arch,
  }),
  ventoy(set("sda", { children: undefined, pttype: null, fstype: null }), {
    name: "no partition table",
    candidates: ["sda", "sdb"],
    refused: arch,
  }),
  ventoy(set("sda1", { fstype: null, label: null, uuid: null }), {
    name: "a broken FAT",
    candidates: ["sda", "sdb"],
    refused: arch,
  }),
  ventoy(set("sda", { children: undefined, fstype: "vfat", label: "NO NAME" }), {
    name: "FAT without a partition table",
    candidates: ["sda", "sdb"],
    refused: arch,
  }),
  ventoy(set("sda", { model: null, serial: null, vendor: null, tran: null }), {
    name: "a device that says nothing about itself counts as built in",
    candidates: ["sdb", "sda"],
    refused: arch,
  }),
  ventoy(set("sda1", { fstype: "crypto_LUKS", label: null }), {
    name: "LUKS that is closed",
    candidates: ["sdb"],
    refused: { ...arch, sda: ["member"] },
  }),
  ventoy(
    set("sda1", {
      fstype: "crypto_LUKS",
      children: [{
        ...{ name: "luks-1", path: "/dev/mapper/luks-1", type: "crypt", size: 1, ro: false, rm: false },
        "log-sec": 512,
      }],
    }),
    { name: "LUKS that is open and not mounted", candidates: ["sdb"], refused: { ...arch, sda: ["held"] } },
  ),
  ventoy(set("sda1", { fstype: "LVM2_member" }), {
    name: "LVM",
    candidates: ["sdb"],
    refused: { ...arch, sda: ["member"] },
  }),
  ventoy(set("sda1", { fstype: null, parttype: "0x8e" }), {
    name: "LVM by the type of the partition alone",
    candidates: ["sdb"],
    refused: { ...arch, sda: ["member"] },
  }),
  ventoy(set("sda", { fstype: "linux_raid_member" }), {
    name: "md without partitions",
    candidates: ["sdb"],
    refused: { ...arch, sda: ["member"] },
  }),
  ventoy(set("sda", { fstype: "ddf_raid_member" }), {
    name: "DDF",
    candidates: ["sdb"],
    refused: { ...arch, sda: ["member"] },
  }),
  ventoy(set("sda", { fstype: "zfs_member", children: undefined }), {
    name: "ZFS without partitions",
    candidates: ["sdb"],
    refused: { ...arch, sda: ["member"] },
  }),
  ventoy(set("sda1", { fstype: "btrfs" }), {
    name: "btrfs, not mounted",
    candidates: ["sdb"],
    refused: { ...arch, sda: ["member"] },
  }),
  ventoy(set("sda1", { fstype: "bcachefs" }), {
    name: "bcachefs",
    candidates: ["sdb"],
    refused: { ...arch, sda: ["member"] },
  }),
  ventoy(set("sda", { fstype: "bcache" }), {
    name: "bcache, not in use",
    candidates: ["sdb"],
    refused: { ...arch, sda: ["member"] },
  }),
  ventoy(set("sda1", { fstype: "drbd" }), { name: "DRBD", candidates: ["sdb"], refused: { ...arch, sda: ["member"] } }),
  ventoy(set("sda1", { fstype: "ceph_bluestore" }), {
    name: "Ceph",
    candidates: ["sdb"],
    refused: { ...arch, sda: ["member"] },
  }),
  ventoy(set("sda1", { fstype: "ext4" }), { name: "ext4, not mounted", candidates: ["sda", "sdb"], refused: arch }),
  ventoy(mount("sda1", "/boot"), {
    name: "/boot on a stick",
    candidates: ["sdb"],
    refused: { ...arch, sda: ["system"] },
  }),
  ventoy(mount("sda1", "/run/archiso/bootmnt"), {
    name: "Arch's live medium",
    candidates: ["sdb"],
    refused: { ...arch, sda: ["system"] },
  }),
  ventoy(mount("sda1", "/run/initramfs/live"), {
    name: "Fedora's live medium",
    candidates: ["sdb"],
    refused: { ...arch, sda: ["system"] },
  }),
  ventoy(mount("sda1", "/cdrom"), {
    name: "Ubuntu's live medium",
    candidates: ["sdb"],
    refused: { ...arch, sda: ["system"] },
  }),
  ...["zram1", "ram0", "nbd0", "loop7", "bcache1", "md0", "dm-0", "rbd0", "drbd0", "zd0", "fd0", "mtdblock0", "pmem0"]
    .map((name) =>
      ventoy(set("sda", { name, path: `/dev/${name}`, children: undefined }), {
        name: `${name} is no disk`,
        candidates: ["sdb"],
        refused: arch,
      })
    ),
  ventoy(set("sda", { "log-sec": 2048 }), { name: "sectors of 2048 bytes", candidates: ["sdb"], refused: arch }),
  ventoy((devices) => void devices.push(structuredClone(at(devices, "sda"))), {
    name: "a device that is listed twice",
    candidates: ["sda", "sdb"],
    refused: arch,
  }),
  ventoy((devices) => void devices.splice(0, devices.length), {
    name: "no device at all",
    candidates: [],
    refused: {},
  }),
];

for (const { name, fixture, change, candidates, refused } of cases) {
  Deno.test(`choosing a device: ${name}`, async () => {
    const raw = await readFixture(fixture);
    change?.(raw);
    const devices = parseBlockDevices(JSON.stringify({ blockdevices: raw }));
    const judged = judgeDevices(devices, neededBytes);
    assert.deepEqual(judged.candidates.map(({ device }) => device.name), candidates);
    assert.deepEqual(
      Object.fromEntries(judged.refused.map((one) => [one.device.name, one.refusals.map(({ code }) => code)])),
      refused,
    );
    // Each with its reason and its cure, and by name as well.
    for (const device of devices) {
      const refusals = findRefusals(device, { devices, neededBytes });
      for (const { reason, cure } of refusals) assert.ok(reason.length > 5 && cure.length > 5);
      const pick = (): BlockDevice => pickDevice(devices, device.path, neededBytes);
      if (refusals.length === 0) assert.equal(pick().path, device.path);
      else {assert.throws(pick, (error) =>
          error instanceof UserError && error.message.includes(refusals[0]?.reason ?? "?"));}
    }
    // A part of a disk never becomes the stick.
    for (const part of devices.flatMap(flatten).filter((device) => device.type !== "disk")) {
      assert.throws(() => pickDevice(devices, part.path, 0), /cannot become the stick/);
    }
  });
}

Deno.test("there are at least 40 outputs, made from at least 12", () => {
  assert.ok(cases.length >= 40);
  assert.ok(new Set(cases.map(({ fixture }) => fixture)).size >= 12);
});

async function machine(fixture: string, change?: (devices: Raw[]) => void): Promise<readonly BlockDevice[]> {
  const raw = await readFixture(fixture);
  change?.(raw);
  return parseBlockDevices(JSON.stringify({ blockdevices: raw }));
}

Deno.test("each reason names the part that is concerned, and each cure is a step that leads on", async () => {
  const laptopDevices = await machine("laptop-luks-lvm-stick");
  const explain = (devices: readonly BlockDevice[], name: string): string => {
    try {
      pickDevice(devices, name, neededBytes);
    } catch (error) {
      if (error instanceof UserError) return [error.message, ...error.hints].join("\n");
    }
    throw new Error("Not refused");
  };
  assert.equal(
    explain(laptopDevices, "sda1"),
    "/dev/sda1 cannot become the stick: it is a partition of /dev/sda, not a whole device\nName the whole device: /dev/sda",
  );
  const whole = explain(laptopDevices, "nvme0n1");
  assert.match(
    whole,
    /^\/dev\/nvme0n1 cannot become the stick: it carries the running system: "\/" is on \/dev\/mapper\/bell--vg-root\n/,
  );
  assert.doesNotMatch(whole, /sudo/);
  const unmounted = await machine("laptop-luks-lvm-stick", (devices) => {
    for (const name of ["nvme0n1p1", "nvme0n1p2", "bell--vg-root"]) mount(name)(devices);
  });
  const free = explain(unmounted, "nvme0n1");
  assert.match(free, /it is in use as swap: \/dev\/mapper\/bell--vg-swap_1/);
  assert.match(free, /^sudo swapoff \/dev\/mapper\/bell--vg-swap_1$/m);
  assert.match(free, /^sudo cryptsetup close nvme0n1p3_crypt$/m);
  assert.match(free, /^sudo vgchange --activate n bell-vg$/m);
  assert.doesNotMatch(free, /wipefs/);
  assert.match(explain(laptopDevices, "zram0"), /is memory of this computer/);
  assert.match(
    explain(laptopDevices, "sdz"),
    /There is no device "sdz"[^]*Devices that can become the stick: \/dev\/sda/,
  );
  const nas = await machine("nas-mdadm");
  assert.match(
    explain(nas, "/dev/sda"),
    /is part of a RAID \(raid1\): \/dev\/md0 lies on it[^]*sudo mdadm --stop \/dev\/md0/,
  );
  assert.match(explain(await machine("proxmox-zfs-mirror"), "sdb"), /is part of a ZFS pool: \/dev\/sdb3 \("rpool"\)/);
  const lvm = await machine("ventoy-and-hybrid-iso", set("sda1", { fstype: null, parttype: "0x8e" }));
  // Wiping the partition would leave its type.
  assert.match(explain(lvm, "sda"), /sudo wipefs --all \/dev\/sda$/);
  assert.match(explain(await machine("desktop-card-reader-empty"), "sdc"), /has no medium in it[^]*Put a card/);
  assert.match(explain(await machine("desktop-card-reader-empty"), "loop0"), /loop device[^]*--image FILE/);
});

Deno.test("only the name of the device confirms it", async () => {
  const [stick] = await machine("laptop-luks-lvm-stick");
  assert.ok(stick !== undefined);
  for (const typed of ["sda", "/dev/sda", " sda "]) assert.ok(namesDevice(typed, stick), typed);
  for (const typed of ["", "y", "yes", "sd", "sda1", "SDA", "/dev/", "nvme0n1"]) {
    assert.ok(!namesDevice(typed, stick), typed);
  }
});

Deno.test("another device under the same name is noticed", async () => {
  const [stick] = await machine("laptop-luks-lvm-stick");
  assert.ok(stick !== undefined);
  const before = identityOf(stick);
  const differences: readonly (readonly [Partial<BlockDevice>, RegExp | undefined])[] = [
    [{}, undefined],
    [{ label: "OTHER" }, undefined],
    [{ serial: "X" }, /serial "X", not "4C530001230101118214"/],
    [{ model: "X" }, /model "X"/],
    [{ sizeBytes: 0 }, /no medium/],
    [{ sizeBytes: 16_000_000_000 }, /16.0 GB, not 30.8 GB/],
    [{ diskSequence: 99 }, /plugged in again/],
    [{ logicalSectorBytes: 4096 }, /another device/],
  ];
  for (const [change, message] of differences) {
    const said = describeDifference(before, identityOf({ ...stick, ...change }));
    if (message === undefined) assert.equal(said, undefined);
    else assert.match(said ?? "", message);
  }
  assert.equal(describeDifference(before, undefined), "is gone");
  // The same number of two ways to find it, one of which has none.
  const { diskSequence: _, ...old } = stick;
  assert.equal(describeDifference(before, identityOf(old)), undefined);
});
