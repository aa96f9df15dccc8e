/**
 * How a keymap of the console is made, with Debian's programs of the suite: the shell text for mmdebstrap, and what it
 * leaves. Pure.
 */
import { formatDownload } from "../debian/download_packages.ts";
import { quoteCommand } from "../errors.ts";
import type { Keymap } from "../config/keymap.ts";

/** The directory inside the result, and what is in it: the keymap, and what ckbcomp complained of. */
export const keymapDirectory = "keymap";
export const keymapFileName = "keymap";
export const keymapWarningsName = "warnings";

/** ckbcomp and loadkeys, XKB's layouts, and what these programs need. */
const packages: readonly string[] = ["console-setup", "kbd", "xkb-data", "perl-base", "libc6", "libcrypt1"];

/**
 * Shell text for mmdebstrap's --extract-hook. ckbcomp(1) makes a keymap of the console from XKB's layouts, loadkeys(1)
 * the binary form that busybox reads. Where ckbcomp does not know the layout the hook leaves its complaint and an
 * empty keymap.
 */
export function formatKeymapHook({ layouts, options }: Keymap): string {
  const words = [
    ...["-layout", layouts.map(({ name }) => name).join(",")],
    ...["-variant", layouts.map(({ variant = "" }) => variant).join(",")],
    ...options.flatMap((option) => ["-option", option]),
  ];
  return [
    "set -eu",
    ...formatDownload(packages),
    `mkdir "$1/${keymapDirectory}"`,
    `out="$1/${keymapDirectory}" t="$1/x"`,
    // They are for this machine's own processor, whatever the image is for.
    'for run in "$t"/lib64/ld-linux-* "$t"/usr/lib64/ld-linux-* "$t"/lib/ld-linux-* "$t"/usr/lib/ld-linux-*; do',
    '  if [ -e "$run" ]; then break; fi',
    "done",
    'libraries=""',
    'for place in "$t"/lib/*-linux-gnu "$t"/usr/lib/*-linux-gnu; do libraries="$libraries$place:"; done',
    // perl-base without its own /usr: perlrun(1)
    'export LC_ALL=C PERL5LIB="$place/perl-base"',
    'load="$t/bin/loadkeys"; [ -e "$load" ] || load="$t/usr/bin/loadkeys"',
    'inside() { "$run" --library-path "${libraries%:}" "$@"; }',
    // ckbcomp also runs under a perl without a locale; -compact: what the text console shows of 4 levels
    'inside "$t/usr/bin/perl" "$t/usr/bin/ckbcomp" -compact "-I$t/usr/share/X11/xkb" ' +
    `${quoteCommand(words)} > "$1/text" 2> "$out/${keymapWarningsName}" || : > "$1/text"`,
    `if [ -s "$1/text" ]; then inside "$load" --quiet --bkeymap --unicode < "$1/text" > "$out/${keymapFileName}"`,
    `else : > "$out/${keymapFileName}"; fi`,
    'rm -r "$1/debs" "$1/x" "$1/text"; chmod 644 "$out"/*',
  ].join("\n");
}

/** Magic, 256 flags, and for each flag that is set 128 values of 16 bits (busybox console-tools/loadkmap.c). */
const magic = "bkeymap";
const tables = 256;
const tableBytes = 128 * 2;

/** Whether busybox' `loadkmap` takes it. */
export function isBinaryKeymap(bytes: Uint8Array): boolean {
  const header = magic.length + tables;
  if (new TextDecoder().decode(bytes.subarray(0, magic.length)) !== magic) return false;
  const count = bytes.subarray(magic.length, header).filter((flag) => flag === 1).length;
  return count > 0 && bytes.length === header + count * tableBytes;
}

/** @returns what ckbcomp does not know ("symbols/xx", or a variant); undefined when it knows all */
export function findUnknownLayout(warnings: string): string | undefined {
  return /Can not find (.*)/.exec(warnings)?.[1]?.replace(/ in any known directory$|\.$/, "");
}
