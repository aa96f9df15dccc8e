/**
 * Debian's boot loaders for a start over the network: shim and signed GRUB for UEFI; for the PXE of a BIOS a GRUB that
 * is made of its modules. Data and pure functions.
 */
import { formatDownload } from "./download_packages.ts";
import { formatMakeGrub, mkimagePackages } from "./make_grub.ts";

/** The directory inside the result that they are in. */
export const netbootDirectory = "netboot";

const loaders: readonly { readonly name: string; readonly path: string }[] = [
  { name: "shimx64.efi", path: "usr/lib/shim/shimx64.efi.signed" },
  // What shim starts: it asks for this name where it came from itself.
  { name: "grubx64.efi", path: "usr/lib/grub/x86_64-efi-signed/grubnetx64.efi.signed" },
];

/** For a BIOS; its size is that of a program that PXE takes. */
const grubPxeName = "grub.pxe";

/** Enough to fetch over HTTP, or TFTP, and show a menu. */
const grubPxeModules = "pxe http tftp normal linux test echo reboot all_video";

/** Shell text for mmdebstrap's --extract-hook. */
export function formatNetbootHook(): string {
  return [
    "set -eu",
    ...formatDownload(["shim-signed", "grub-efi-amd64-signed", "grub-pc-bin", ...mkimagePackages]),
    `mkdir "$1/${netbootDirectory}"`,
    `out="$1/${netbootDirectory}" t="$1/x"`,
    ...loaders.map(({ name, path }) => `cp "$t/${path}" "$out/${name}"`),
    ...formatMakeGrub({ format: "i386-pc-pxe", prefix: "(pxe)/grub", output: grubPxeName, modules: grubPxeModules }),
    'rm -r "$1/debs" "$1/x"; chmod 644 "$out"/*',
  ].join("\n");
}
