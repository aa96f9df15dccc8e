/**
 * Debian's boot loaders for a start over the network: shim and signed GRUB for UEFI; for the PXE of a BIOS iPXE, which
 * unlike GRUB takes the server's address from an answer that gives no address. Data and pure functions.
 */
import { formatDownload } from "./download_packages.ts";

/** The directory inside the result that they are in. */
export const netbootDirectory = "netboot";

const loaders: readonly { readonly name: string; readonly path: string }[] = [
  { name: "shimx64.efi", path: "usr/lib/shim/shimx64.efi.signed" },
  // What shim starts: it asks for this name where it came from itself.
  { name: "grubx64.efi", path: "usr/lib/grub/x86_64-efi-signed/grubnetx64.efi.signed" },
  // With the card's own driver, which the BIOS has loaded.
  { name: "undionly.kpxe", path: "usr/lib/ipxe/undionly.kpxe" },
];

/** Shell text for mmdebstrap's --extract-hook. */
export function formatNetbootHook(): string {
  return [
    "set -eu",
    ...formatDownload(["shim-signed", "grub-efi-amd64-signed", "ipxe"]),
    `mkdir "$1/${netbootDirectory}"`,
    `out="$1/${netbootDirectory}" t="$1/x"`,
    ...loaders.map(({ name, path }) => `cp "$t/${path}" "$out/${name}"`),
    'rm -r "$1/debs" "$1/x"; chmod 644 "$out"/*',
  ].join("\n");
}
