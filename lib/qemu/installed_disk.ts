/**
 * Disks whose volumes and file systems only a kernel can make (LUKS, LVM, btrfs): installed from within a machine, as an installer does,
 * by a Debian that copies itself. What is done is decided here; the machine is started by its caller.
 */

/** Its passphrase, where it has one; written down in doc/testing.md. */
export const installedDiskPassphrase = "stiefel";

export interface InstalledLayout {
  readonly name: "luks-lvm" | "btrfs";
  /** Shell lines that end with the new root mounted at /mnt; $disk and $part are the disk and its only partition. */
  readonly makeAndMount: readonly string[];
  /** What a booted desktop says its root is. */
  readonly root: RegExp;
  readonly fstab: string;
  readonly crypttab?: string;
}

const luksUuid = "5a1ef1e5-0000-4000-8000-0000000000c1";
const rootUuid = "5a1ef1e5-0000-4000-8000-0000000000c2";

export const installedLayouts: Readonly<Record<InstalledLayout["name"], InstalledLayout>> = {
  /** One partition: LUKS, in it LVM, in it everything, /boot too, so that the laptop's image has to be told the passphrase. */
  "luks-lvm": {
    name: "luks-lvm",
    makeAndMount: [
      // The usual key derivation takes a gigabyte of memory, and an emulated machine a minute.
      `printf %s ${installedDiskPassphrase} >/run/passphrase`,
      "cryptsetup luksFormat --batch-mode --type luks2 --pbkdf argon2id --pbkdf-memory 65536 --pbkdf-force-iterations 4 " +
      `--uuid ${luksUuid} $part /run/passphrase`,
      "cryptsetup open --key-file /run/passphrase $part laptop_crypt",
      "pvcreate --quiet /dev/mapper/laptop_crypt",
      "vgcreate --quiet laptop /dev/mapper/laptop_crypt",
      "lvcreate --quiet --yes --name root --extents 100%FREE laptop",
      `mkfs.ext4 -q -U ${rootUuid} /dev/mapper/laptop-root`,
      "mount /dev/mapper/laptop-root /mnt",
    ],
    root: /^\/dev\/mapper\/laptop-root$/,
    fstab: "/dev/mapper/laptop-root / ext4 errors=remount-ro 0 1",
    crypttab: `laptop_crypt UUID=${luksUuid} none luks,discard`,
  },
  /** Subvolumes for / and /home, as installers make them; the top of the file system holds nothing else. */
  btrfs: {
    name: "btrfs",
    makeAndMount: [
      `mkfs.btrfs -q -U ${rootUuid} $part`,
      "mount $part /mnt",
      "btrfs subvolume create /mnt/@ /mnt/@home",
      "umount /mnt",
      "mount -o subvol=@ $part /mnt",
      "mkdir -p /mnt/home",
      "mount -o subvol=@home $part /mnt/home",
    ],
    root: /^\/dev\/nbd0p1\[\/@\]$/,
    fstab: `UUID=${rootUuid} / btrfs subvol=@ 0 0\nUUID=${rootUuid} /home btrfs subvol=@home 0 0`,
  },
};

/** What the Debian needs that installs and is installed. */
export const installerPackages = [
  "btrfs-progs",
  "cryptsetup",
  "cryptsetup-initramfs",
  "fdisk",
  "grub2-common",
  "lvm2",
] as const;

/** Four steps, each one line of shell that ends with a status; the copy and the initramfs take minutes when emulated. */
export interface InstallSteps {
  readonly makeAndMount: string;
  readonly copy: string;
  readonly configure: string;
  readonly finish: string;
}

const inTurn = (lines: readonly string[]): string => lines.join(" && ");

/** @param disk the whole disk's path in the machine that installs */
export function formatInstallSteps(layout: InstalledLayout, disk: string): InstallSteps {
  const inTarget = (command: string): string => `chroot /mnt ${command}`;
  return {
    makeAndMount: inTurn([
      `disk=${disk}`,
      "part=${disk}1",
      `printf 'label: gpt\\nstart=2048, type=linux\\n' | sfdisk --quiet $disk`,
      "udevadm settle --timeout=30",
      ...layout.makeAndMount,
    ]),
    copy: inTurn(["cp -ax / /mnt", "cp -ax /boot/. /mnt/boot/", "rm -rf /mnt/boot/lost+found"]),
    configure: inTurn([
      `printf '%s\\n' '${layout.fstab.replaceAll("\n", "' '")}' >/mnt/etc/fstab`,
      ...layout.crypttab === undefined ? [] : [`printf '%s\\n' '${layout.crypttab}' >/mnt/etc/crypttab`],
      `printf '%s\\n' GRUB_ENABLE_CRYPTODISK=y 'GRUB_CMDLINE_LINUX="console=tty0 console=ttyS0,115200"' >/mnt/etc/default/grub`,
      // Slaves: unmounting them again must not unmount our own.
      "for name in dev proc sys run; do mount --rbind --make-rslave /$name /mnt/$name; done",
      inTarget("update-initramfs -u -k all"),
      inTarget("grub-mkconfig -o /boot/grub/grub.cfg"),
    ]),
    finish: inTurn(["umount --recursive /mnt", "sync"]),
  };
}
