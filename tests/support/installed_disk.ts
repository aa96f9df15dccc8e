/**
 * Laptop disks whose volumes and file systems only a kernel can make (LUKS, LVM, btrfs): installed from within a
 * machine, as an installer does, by a Debian that copies itself. What is done is decided here; the machine is started
 * by its caller.
 */

/** Its passphrase, where it has one; written down in doc/testing.md. */
export const installedDiskPassphrase = "stiefel";

/** The partition after the one for GRUB's core image: all of Debian, or the spare one. */
export const installedPart = { number: 2, offsetBytes: 2 * 1024 * 1024 } as const;

export interface InstalledLayout {
  readonly name: "luks-lvm" | "lvm-btrfs";
  /** Generator of the Debian that copies itself. */
  readonly generator: "initramfs-tools" | "dracut";
  /** Size of an empty partition before the last one: /boot lies in the root file system, and may move there. */
  readonly spareMiB?: number;
  /**
   * Shell lines that end with the new root mounted at /mnt; $disk and $part are the disk and its last partition, for
   * all (else) of Debian.
   */
  readonly makeAndMount: readonly string[];
  readonly fstab: readonly string[];
  /** Further files: path and lines. */
  readonly files: Readonly<Record<string, readonly string[]>>;
  /** Options of grub-install(8). */
  readonly grubOptions: readonly string[];
  /** The laptop's own initramfs needs to know the layout: it is built anew. */
  readonly rebuildsInitramfs: boolean;
}

const luksUuid = "5a1ef1e5-0000-4000-8000-0000000000c1";
const rootUuid = "5a1ef1e5-0000-4000-8000-0000000000c2";
const keyDerivation = "--pbkdf pbkdf2 --pbkdf-force-iterations 1000 --hash sha256";

export const installedLayouts: Readonly<Record<InstalledLayout["name"], InstalledLayout>> = {
  /**
   * LUKS, in it LVM, in it everything: root, swap, and /boot, too, so that GRUB and the laptop's image need the
   * passphrase.
   */
  "luks-lvm": {
    name: "luks-lvm",
    generator: "initramfs-tools",
    spareMiB: 320,
    makeAndMount: [
      `printf %s ${installedDiskPassphrase} >/run/passphrase`,
      // GRUB 2.12 knows no other key derivation for LUKS2; the usual number of rounds would take an emulated machine a
      // minute, each time.
      `cryptsetup luksFormat --batch-mode --type luks2 ${keyDerivation} --uuid ${luksUuid} $part /run/passphrase`,
      "cryptsetup open --key-file /run/passphrase $part laptop_crypt",
      "pvcreate --quiet /dev/mapper/laptop_crypt",
      "vgcreate --quiet laptop /dev/mapper/laptop_crypt",
      // Holds what a laptop with a gigabyte of memory leaves there when it hibernates.
      "lvcreate --quiet --yes --name swap_1 --size 512M laptop",
      "lvcreate --quiet --yes --name root --extents 100%FREE laptop",
      "mkswap --quiet /dev/mapper/laptop-swap_1",
      `mkfs.ext4 -q -U ${rootUuid} /dev/mapper/laptop-root`,
      "mount /dev/mapper/laptop-root /mnt",
    ],
    fstab: [
      "/dev/mapper/laptop-root / ext4 errors=remount-ro 0 1",
      "/dev/mapper/laptop-swap_1 none swap sw 0 0",
    ],
    files: {
      "/etc/crypttab": [`laptop_crypt UUID=${luksUuid} none luks,discard`],
      // As Debian's installer writes it.
      "/etc/initramfs-tools/conf.d/resume": ["RESUME=/dev/mapper/laptop-swap_1"],
      // In place of the demo disk's: drivers of this machine only, as many laptops have it.
      "/etc/initramfs-tools/conf.d/stiefel-demo": ["MODULES=dep"],
    },
    grubOptions: ["--modules='luks2 lvm cryptodisk pbkdf2 gcry_rijndael gcry_sha256'"],
    rebuildsInitramfs: true,
  },
  /**
   * LVM without encryption; in its volume subvolumes for / and /home, as installers make them: the top of the file
   * system holds nothing else.
   */
  "lvm-btrfs": {
    name: "lvm-btrfs",
    generator: "dracut",
    makeAndMount: [
      "pvcreate --quiet $part",
      "vgcreate --quiet laptop $part",
      "lvcreate --quiet --yes --name root --extents 100%FREE laptop",
      `mkfs.btrfs -q -U ${rootUuid} /dev/mapper/laptop-root`,
      "mount /dev/mapper/laptop-root /mnt",
      "btrfs subvolume create /mnt/@ /mnt/@home",
      "umount /mnt",
      "mount -o subvol=@ /dev/mapper/laptop-root /mnt",
      "mkdir -p /mnt/home",
      "mount -o subvol=@home /dev/mapper/laptop-root /mnt/home",
    ],
    fstab: [`UUID=${rootUuid} / btrfs subvol=@ 0 0`, `UUID=${rootUuid} /home btrfs subvol=@home 0 0`],
    files: {},
    grubOptions: [],
    // What GRUB tells the kernel is enough: a generic one looks for a root file system of any kind.
    rebuildsInitramfs: false,
  },
};

/** What the Debian needs that installs and is installed. */
export const installerPackages: Readonly<Record<InstalledLayout["generator"], readonly string[]>> = {
  "initramfs-tools": ["cryptsetup", "cryptsetup-initramfs", "fdisk", "grub2-common", "lvm2"],
  dracut: ["btrfs-progs", "fdisk", "grub2-common", "lvm2"],
};

/**
 * Four steps, each one line of shell that ends with a status; the copy and the initramfs take minutes when emulated.
 */
export interface InstallSteps {
  readonly makeAndMount: string;
  readonly copy: string;
  readonly configure: string;
  readonly finish: string;
}

const inTurn = (lines: readonly string[]): string => lines.join(" && ");
const printLines = (lines: readonly string[]): string => `printf '%s\\n' ${lines.map((line) => `'${line}'`).join(" ")}`;
const writeLines = (path: string, lines: readonly string[]): string => `${printLines(lines)} >${path}`;

/**
 * A BIOS boot partition (GPT's type for GRUB's core image) of a mebibyte, perhaps the spare one, and one for the rest.
 */
const listPartitions = ({ spareMiB }: InstalledLayout): readonly string[] => [
  "label: gpt",
  "start=2048, size=2048, type=21686148-6449-6E6F-744E-656564454649",
  ...spareMiB === undefined
    ? [`start=${installedPart.offsetBytes / 512}, type=linux`]
    : [`start=${installedPart.offsetBytes / 512}, size=${spareMiB}MiB, type=linux`, "type=linux"],
];

/** /etc/default/grub: no menu, and everything where the harness listens. */
const grubDefaults = [
  "GRUB_DISTRIBUTOR=Debian",
  "GRUB_TIMEOUT=0",
  "GRUB_TERMINAL=console",
  "GRUB_ENABLE_CRYPTODISK=y",
  'GRUB_CMDLINE_LINUX="console=tty0 console=ttyS0,115200"',
];

/** @param disk the whole disk's path in the machine that installs */
export function formatInstallSteps(layout: InstalledLayout, disk: string): InstallSteps {
  const inTarget = (command: string): string => `chroot /mnt ${command}`;
  return {
    makeAndMount: inTurn([
      `disk=${disk}`,
      `part=\${disk}${installedPart.number + (layout.spareMiB === undefined ? 0 : 1)}`,
      `${printLines(listPartitions(layout))} | sfdisk --quiet $disk`,
      "udevadm settle --timeout=30",
      ...layout.makeAndMount,
    ]),
    copy: inTurn(["cp -ax / /mnt", "cp -ax /boot/. /mnt/boot/", "rm -rf /mnt/boot/lost+found"]),
    configure: inTurn([
      writeLines("/mnt/etc/fstab", layout.fstab),
      ...Object.entries(layout.files).map(([path, lines]) => writeLines(`/mnt${path}`, lines)),
      writeLines("/mnt/etc/default/grub", grubDefaults),
      // Slaves: unmounting them again must not unmount our own.
      "for name in dev proc sys run; do mount --rbind --make-rslave /$name /mnt/$name; done",
      ...layout.rebuildsInitramfs ? [inTarget("update-initramfs -u -k all")] : [],
      inTarget(["grub-install", "--target=i386-pc", ...layout.grubOptions, disk].join(" ")),
      inTarget("grub-mkconfig -o /boot/grub/grub.cfg"),
    ]),
    finish: inTurn(["umount --recursive /mnt", "sync"]),
  };
}
