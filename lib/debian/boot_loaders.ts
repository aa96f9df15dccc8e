/**
 * Debian's boot loaders for a stick: which packages of a suite they are in, and how they are fetched. Data and pure
 * functions.
 *
 * What Secure Boot checks is taken as Debian signed it: shim (signed by Microsoft), then systemd-boot or GRUB (signed
 * by Debian). The GRUB for a BIOS is made of its modules.
 */
import { type ArchitectureName, architectures } from "../architecture.ts";
import { formatDownload } from "./download_packages.ts";
import { formatMakeGrub, mkimagePackages } from "./make_grub.ts";

/** Suites without a signed systemd-boot. */
const withoutSignedSystemdBoot: readonly string[] = ["bullseye", "bookworm", "oldstable", "oldoldstable"];

export interface LoaderSource {
  /** Name beside kernel and initrd in the folder of the results. */
  readonly name: string;
  readonly package: string;
  /** Inside the package. */
  readonly path: string;
}

export interface LoaderNames {
  readonly shim: string;
  readonly mokManager: string;
  /** The program that shim starts, in EFI/BOOT. */
  readonly secondStage: string;
}

/** Names beside kernel and initrd, and on a stick. */
export function loaderNames(architecture: ArchitectureName): LoaderNames {
  const { uefi } = architectures[architecture];
  return { shim: `shim${uefi}.efi`, mokManager: `mm${uefi}.efi`, secondStage: `grub${uefi}.efi` };
}

/** Whether its firmware may be a BIOS. */
export function hasBios(architecture: ArchitectureName): boolean {
  return architecture === "amd64";
}

/** Never fbx64.efi, shim's fallback: it writes boot entries into the desktop's NVRAM. */
function listLoaders(suite: string, architecture: ArchitectureName): readonly LoaderSource[] {
  const { machine, uefi } = architectures[architecture];
  const grubTarget = architecture === "arm64" ? "arm64" : machine;
  const names = loaderNames(architecture);
  const second = withoutSignedSystemdBoot.includes(suite)
    // gcdx64: GRUB as Debian's own installation media have it; it looks for /boot/grub/grub.cfg beside /.disk/info
    ? {
      package: `grub-efi-${architecture}-signed`,
      path: `usr/lib/grub/${grubTarget}-efi-signed/gcd${uefi}.efi.signed`,
    }
    : {
      package: `systemd-boot-efi-${architecture}-signed`,
      path: `usr/lib/systemd/boot/efi/systemd-boot${uefi}.efi.signed`,
    };
  return [
    { name: names.shim, package: "shim-signed", path: `usr/lib/shim/${names.shim}.signed` },
    {
      name: names.mokManager,
      package: `shim-helpers-${architecture}-signed`,
      path: `usr/lib/shim/${names.mokManager}.signed`,
    },
    { name: names.secondStage, ...second },
    ...hasBios(architecture)
      ? [{ name: grubBootName, package: "grub-pc-bin", path: "usr/lib/grub/i386-pc/boot.img" }]
      : [],
  ];
}

/** The GRUB for a BIOS: its first sector, and the rest in one piece. */
export const grubBootName = "grub-boot.img";
export const grubCoreName = "grub-core.img";
/** Name and version of each package, one a line. */
export const loaderPackagesName = "packages.tsv";

/** Enough to read the stick and show a menu; without the last ones a BIOS screen stays in text. */
const grubModules = "biosdisk part_gpt fat normal linux test echo reboot all_video";

/**
 * Where GRUB finds its configuration: the second partition of the disk it was started from (GRUB manual,
 * "grub-mkimage").
 */
const grubPrefix = "(,gpt2)/boot/grub";

/** The directory inside the result that the loaders are in. */
export const loaderDirectory = "loaders";

/**
 * Shell text for mmdebstrap's --extract-hook. Only the packages named here are fetched, without what they depend on;
 * apt checks them as it checks all others. None of their scripts runs; one program does, grub-mkimage, with the
 * libraries of the same suite.
 */
export function formatLoaderHook(suite: string, architecture: ArchitectureName): string {
  const loaders = listLoaders(suite, architecture);
  const bios = hasBios(architecture);
  const packages = [...new Set(loaders.map((loader) => loader.package)), ...bios ? mkimagePackages : []];
  return [
    "set -eu",
    ...formatDownload(packages),
    `mkdir "$1/${loaderDirectory}"`,
    `out="$1/${loaderDirectory}" t="$1/x"`,
    "for deb in *.deb; do dpkg-deb --show --showformat='${Package}\\t${Version}\\t${Architecture}\\n' \"$deb\"; done" +
    ` | LC_ALL=C sort > "$out/${loaderPackagesName}"`,
    ...loaders.map(({ name, path }) => `cp "$t/${path}" "$out/${name}"`),
    ...bios ? formatMakeGrub({ prefix: grubPrefix, output: grubCoreName, modules: grubModules }) : [],
    'rm -r "$1/debs" "$1/x"; chmod 644 "$out"/*',
  ].join("\n");
}
