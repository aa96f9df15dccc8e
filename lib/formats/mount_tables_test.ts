import assert from "node:assert/strict";
import {
  findMountOf,
  listContainers,
  listMounts,
  listNeededMounts,
  nameOf,
  sameDevice,
  subvolumeOf,
} from "./mount_tables.ts";

const fstab = `
# <file system> <mount point> <type> <options>
UUID="11aa-22"  /      btrfs subvol=/@,compress=zstd:1,noatime 0 0
  LABEL=home\t/home\text4\tdefaults 0 2
/dev/disk/by-uuid/AB12-34 /boot/efi vfat umask=0077,nofail 0 2
LABEL=old\\040disk /mnt/old\\040disk ext4 noauto
/dev/sda9 none swap sw
/dev/sdb1
`;

Deno.test("lines of fstab, with quotes, tabs and octal numbers", () => {
  const root = findMountOf("/", fstab);
  assert.deepEqual(root && { ...nameOf(root), subvolume: subvolumeOf(root) }, { uuid: "11aa-22", subvolume: "/@" });
  assert.deepEqual(listMounts(fstab).map(nameOf), [
    { uuid: "11aa-22" },
    { label: "home" },
    { uuid: "AB12-34" },
    { label: "old disk" },
    {},
    {},
  ]);
  assert.equal(listMounts(fstab)[3]?.mountPoint, "/mnt/old disk");
  assert.equal(findMountOf("/var", fstab), undefined);
  assert.equal(findMountOf("/boot", "UUID=1 /boot/ ext4 defaults 0 2\r\n")?.device, "UUID=1");
  assert.equal(findMountOf("/", "UUID=1 / ext4")?.device, "UUID=1");
  assert.deepEqual(listMounts(undefined), []);
});

Deno.test("a system does not start without what is neither swap, noauto nor nofail", () => {
  assert.deepEqual(listNeededMounts(fstab).map(({ mountPoint }) => mountPoint), ["/", "/home", ""]);
});

Deno.test("only the option subvol= names a subvolume", () => {
  for (
    const [options, wanted] of [["subvol=@home", "/@home"], ["ro,subvol=/a/b,x", "/a/b"], ["subvolid=5", undefined], [
      "",
      undefined,
    ]] as const
  ) {
    assert.equal(subvolumeOf({ options }), wanted, options);
  }
});

Deno.test("lines of crypttab may end after the device", () => {
  assert.deepEqual(listContainers("root UUID=1 none luks,discard\n# x\nswap /dev/sda3\n"), [
    { name: "root", device: "UUID=1", key: "none", options: "luks,discard" },
    { name: "swap", device: "/dev/sda3", key: "", options: "" },
  ]);
});

Deno.test("two spellings of one device", () => {
  const same = [
    ["UUID=AB-12", "/dev/disk/by-uuid/ab-12"],
    ["PARTUUID=ab-12", "PARTUUID=AB-12"],
    ["PARTLABEL=Root", "/dev/disk/by-partlabel/Root"],
    ["/dev/vg/root", "/dev/mapper/vg-root"],
    ["/dev/my-vg/a-b", "/dev/mapper/my--vg-a--b"],
    ["/dev/sda2", "/dev/sda2"],
    ["none", "none"],
  ] as const;
  for (const [one, other] of same) assert.ok(sameDevice(one, other), `${one} ${other}`);
  const different = [
    ["UUID=1", "PARTUUID=1"],
    ["LABEL=Root", "LABEL=root"],
    ["/dev/sda2", "/dev/sda3"],
    ["/dev/vg/root", "/dev/mapper/vg-home"],
    ["/dev/mapper/vg-root", "/dev/mapper/root"],
  ] as const;
  for (const [one, other] of different) assert.ok(!sameDevice(one, other), `${one} ${other}`);
});
