import assert from "node:assert/strict";
import type { BlockDevice } from "../system/facts.ts";
import {
  type DeviceSettings,
  findFormattedDevices,
  findMountsElsewhere,
  findVolumeGroup,
  isCommonName,
  isLocalName,
  listNamedDevices,
  type NamedDevice,
  namesRoot,
} from "./device_names.ts";

function findLocalNames(settings: DeviceSettings): readonly NamedDevice[] {
  return listNamedDevices(settings).filter(({ device }) => isLocalName(device));
}

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

Deno.test("L4: labels and volume groups that installers name may be on both machines", () => {
  const common = [
    ...["LABEL=root", "PARTLABEL=root", "/dev/disk/by-label/ROOT", "/dev/disk/by-partlabel/Linux"],
    ...["/dev/mapper/ubuntu--vg-ubuntu--lv", "/dev/ubuntu-vg/ubuntu-lv", "/dev/mapper/debian--vg-root"],
    ...["/dev/mapper/fedora-root", "/dev/mapper/fedora_localhost--live-root", "/dev/mapper/rhel-root"],
    ...["/dev/mapper/vg0-root", "/dev/mapper/system-root", "/dev/mapper/ArchinstallVg-root", "/dev/mapper/vgmint-root"],
  ];
  for (const device of common) assert.ok(isCommonName(device), device);
  const own = [
    ...["UUID=1", "PARTUUID=2", "/dev/mapper/laptop-root", "/dev/annas-laptop/root", "/dev/mapper/cryptroot"],
    ...["/dev/disk/by-uuid/1", "/dev/md0", "/dev/md/root", "/dev/mapper/luks-1234-5678", "zfs"],
  ];
  for (const device of own) assert.ok(!isCommonName(device), device);
});

Deno.test("the volume group of a device name", () => {
  const cases: Readonly<Record<string, string | undefined>> = {
    "/dev/mapper/ubuntu--vg-ubuntu--lv": "ubuntu-vg",
    "/dev/mapper/a-b": "a",
    "/dev/mapper/a--b": undefined,
    "/dev/mapper/cryptroot": undefined,
    "/dev/vg.1/root": "vg.1",
    "/dev/disk/by-uuid": undefined,
    "/dev/sda1": undefined,
  };
  for (const [device, group] of Object.entries(cases)) assert.equal(findVolumeGroup(device), group, device);
});

Deno.test("L3: what systemd formats at each start is found, if its name is that of another device on a desktop", () => {
  const crypttab = (...lines: string[]): readonly NamedDevice[] =>
    findFormattedDevices({ fstab: undefined, crypttab: lines.join("\n") });
  for (
    const [device, options] of [
      ["/dev/nvme0n1p3", "swap"],
      ["/dev/sda3", "swap,cipher=aes-xts-plain64,size=512"],
      ["/dev/disk/by-id/ata-SSD-part3", "plain,tmp"],
      ["/dev/sdb1", "tmp=ext4,nofail"],
      ["LABEL=cryptswap", "swap,offset=2048"],
      ["/dev/mapper/ubuntu--vg-swap_1", "swap"],
      ["/dev/vg0/swap", "discard,swap"],
    ] as const
  ) {
    const found = [{ setting: "/etc/crypttab", device }];
    assert.deepEqual(crypttab("data UUID=2 none luks", `cryptswap ${device} /dev/urandom ${options}`), found, device);
    assert.deepEqual(crypttab(`# x ${device} /dev/urandom ${options}`), []);
  }
  for (
    const line of [
      "cryptswap UUID=1 /dev/urandom swap,offset=2048",
      "cryptswap PARTUUID=1 /dev/urandom swap",
      "cryptswap /dev/disk/by-partuuid/1 /dev/urandom swap",
      "cryptswap /dev/sda3 /dev/urandom swap,noauto",
      "home /dev/sda3 none luks,tmpfs-like",
      "root /dev/sda2",
    ]
  ) {
    assert.deepEqual(crypttab(line), [], line);
  }
  assert.deepEqual(
    findFormattedDevices({ fstab: "/dev/sdb1 /scratch ext4 nofail,x-systemd.makefs 0 2\n", crypttab: undefined }),
    [{ setting: "/etc/fstab", device: "/dev/sdb1" }],
  );
});
