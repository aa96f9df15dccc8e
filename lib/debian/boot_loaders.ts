/**
 * Debian's boot loaders for a stick: which packages of a suite they are in, and how they are fetched. Data and pure
 * functions.
 *
 * What Secure Boot checks is taken as Debian signed it: shim (signed by Microsoft), then systemd-boot or GRUB (signed
 * by Debian). The GRUB for a BIOS is made of its modules.
 */
import type { ArchitectureName } from "../architecture.ts";
import { formatDownload } from "./download_packages.ts";
import { formatMakeGrub, mkimagePackages } from "./make_grub.ts";

/** What is fetched here is for its firmware, a BIOS or UEFI. */
export const stickArchitecture: ArchitectureName = "amd64";

/** Suites without a signed systemd-boot. */
const withoutSignedSystemdBoot: readonly string[] = ["bullseye", "bookworm", "oldstable", "oldoldstable"];

export interface LoaderSource {
  /** Name beside kernel and initrd in the folder of the results. */
  readonly name: string;
  readonly package: string;
  /** Inside the package. */
  readonly path: string;
}

/** What becomes EFI/BOOT/grubx64.efi, the name of the program that shim starts. */
export const secondStageName = "grubx64.efi";

/** Never fbx64.efi, shim's fallback: it writes boot entries into the desktop's NVRAM. */
function listLoaders(suite: string): readonly LoaderSource[] {
  const second = withoutSignedSystemdBoot.includes(suite)
    // gcdx64: GRUB as Debian's own installation media have it; it looks for /boot/grub/grub.cfg beside /.disk/info
    ? { package: "grub-efi-amd64-signed", path: "usr/lib/grub/x86_64-efi-signed/gcdx64.efi.signed" }
    : { package: "systemd-boot-efi-amd64-signed", path: "usr/lib/systemd/boot/efi/systemd-bootx64.efi.signed" };
  return [
    { name: "shimx64.efi", package: "shim-signed", path: "usr/lib/shim/shimx64.efi.signed" },
    { name: "mmx64.efi", package: "shim-helpers-amd64-signed", path: "usr/lib/shim/mmx64.efi.signed" },
    { name: secondStageName, ...second },
    { name: "grub-boot.img", package: "grub-pc-bin", path: "usr/lib/grub/i386-pc/boot.img" },
  ];
}

/** The GRUB for a BIOS, in one piece. */
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
export function formatLoaderHook(suite: string): string {
  const loaders = listLoaders(suite);
  const packages = [...new Set(loaders.map((loader) => loader.package)), ...mkimagePackages];
  return [
    "set -eu",
    ...formatDownload(packages),
    `mkdir "$1/${loaderDirectory}"`,
    `out="$1/${loaderDirectory}" t="$1/x"`,
    "for deb in *.deb; do dpkg-deb --show --showformat='${Package}\\t${Version}\\t${Architecture}\\n' \"$deb\"; done" +
    ` | LC_ALL=C sort > "$out/${loaderPackagesName}"`,
    ...loaders.map(({ name, path }) => `cp "$t/${path}" "$out/${name}"`),
    ...formatMakeGrub({ format: "i386-pc", prefix: grubPrefix, output: grubCoreName, modules: grubModules }),
    'rm -r "$1/debs" "$1/x"; chmod 644 "$out"/*',
  ].join("\n");
}
