/**
 * What is on the disk of the demo's laptop: Debian's packages, the files beyond them, and the programs that install
 * them. Pure.
 */

import { debian } from "../distro/debian.ts";
import { listedTransports, transportPrograms } from "../initramfs/needs.ts";
import { demoDiskCommandLine, demoDiskLayout, type DiskFirmware, hasBootPartition } from "./demo_disk_layout.ts";
import { efiPackages, systemdBootPackages, unifiedImagePath } from "./efi_partition.ts";
import { quoteCommand } from "../errors.ts";

/** Root's password on the demo disk, written down in doc/testing.md. */
export const demoDiskPassword = "stiefel";
/** `openssl passwd -6 -salt stiefelsystem stiefel`: with a fixed salt the disk stays the same. */
const demoDiskPasswordHash =
  "$6$stiefelsystem$vFAlxsDNjew.k.YPp4avqCfEHl2Se/7nbgxeFINxObicnDLW0E7npF8W0dCwL4rJNfg6tZt7.75rZ6y.8S4lT1";

const demoDiskPackages = [
  "systemd-sysv",
  "udev",
  "dbus",
  "linux-image-amd64",
  "grub-pc-bin",
  "grub-common",
  "zstd",
  "e2fsprogs",
  ...listedTransports().flatMap((name) => transportPrograms(name)).map((program) =>
    debian.packages[program] ?? program
  ),
  "iproute2",
  "login",
  "passwd",
  "kmod",
  "util-linux",
  "mount",
  "procps",
];

/** What GRUB's core image is made of: enough to find and read the disk's grub.cfg and do what stands there. */
const grubModules = "biosdisk part_gpt ext2 gzio normal linux echo search search_fs_uuid all_video";
const grubDirectory = "/boot/grub/i386-pc";

/** ukify(1), with the shell's patterns for the only kernel there is. */
const makeUnifiedImage = `chroot "$1" sh -c 'ukify build --linux /boot/vmlinuz-* --initrd /boot/initrd.img-* ` +
  `"--cmdline=${demoDiskCommandLine}" --output=/${unifiedImagePath}'`;

/** Left out of every package: no program reads them on this disk. */
const excludedPaths = ["/usr/share/doc/*", "/usr/share/man/*", "/usr/share/info/*", "/usr/share/locale/*"] as const;

/** Where a disk has the files of packages that it was asked to keep. */
export const packageFilesPath = "/var/local/packages";

export interface DemoDiskRecipe {
  readonly suite: string;
  /** A Debian mirror's URL; absent: mmdebstrap's own choice. */
  readonly mirror?: string;
  /** Packages beyond those of every demo disk. */
  readonly packages?: readonly string[];
  /** Packages whose files lie in {@link packageFilesPath}, for a machine without a network. */
  readonly packageFiles?: readonly string[];
  /** The package that builds its initramfs. Default "initramfs-tools". */
  readonly generator?: "initramfs-tools" | "dracut";
  /** Default "bios". */
  readonly firmware?: DiskFirmware;
  /** Directories that mirror the disk's root, in the order they are copied. */
  readonly overlays: readonly string[];
  /** Small files beyond those, by path; readable for all. */
  readonly files?: Readonly<Record<string, string>>;
  /** Paths of files that hooks on the disk have to make while it is installed. */
  readonly made?: readonly string[];
}

/** The arguments of mmdebstrap that make the disk's content as a tar file. */
export function formatMmdebstrapArguments(recipe: DemoDiskRecipe, tarPath: string, filesDirectory: string): string[] {
  return [
    "--variant=minbase",
    "--format=tar",
    '--aptopt=APT::Install-Recommends "false"',
    ...excludedPaths.map((path) => `--dpkgopt=path-exclude=${path}`),
    `--include=${
      [
        ...demoDiskPackages,
        recipe.generator ?? "initramfs-tools",
        ...recipe.firmware === "uefi" ? efiPackages : [],
        ...hasBootPartition(recipe.firmware) ? [] : systemdBootPackages,
        ...recipe.packages ?? [],
      ].join(",")
    }`,
    // The machine id is fixed by image/demo: an empty one would make every boot a first boot.
    "--skip=cleanup/reproducible",
    // Before the kernel is installed: what its package calls then also builds what desktops boot.
    ...[...recipe.overlays, filesDirectory].map((path) => `--essential-hook=sync-in ${quoteCommand([path])} /`),
    '--customize-hook=chroot "$1" systemctl enable stiefel-demo.service',
    // What systemd does once after an update (ldconfig, the journal's catalog) is done here, as it is on an installed
    // system.
    '--customize-hook=chroot "$1" ldconfig && chroot "$1" journalctl --update-catalog && chroot "$1" /usr/lib/systemd/systemd-update-done',
    `--customize-hook=mkdir -p "$1${grubDirectory}" && cp "$1/usr/lib/grub/i386-pc/boot.img" "$1${grubDirectory}/" && ` +
    `chroot "$1" grub-mkimage --format=i386-pc --output=${grubDirectory}/core.img '--prefix=(hd0,gpt${demoDiskLayout.boot.number})/grub' ${grubModules}`,
    ...recipe.firmware === "unified" ? [`--customize-hook=${makeUnifiedImage}`] : [],
    ...recipe.packageFiles === undefined ? [] : [
      `--customize-hook=mkdir -p "$1${packageFilesPath}" && chroot "$1" sh -c 'cd ${packageFilesPath} && apt-get --quiet download ${
        recipe.packageFiles.join(" ")
      }'`,
    ],
    `--customize-hook=chroot "$1" usermod --password '${demoDiskPasswordHash}' root`,
    recipe.suite,
    tarPath,
    ...(recipe.mirror === undefined ? [] : [recipe.mirror]),
  ];
}
