/** Making a GRUB for a BIOS of its modules, in a hook that has unpacked them. Pure. */

/** grub-mkimage and what it needs. */
export const mkimagePackages: readonly string[] = ["grub-common", "libc6", "liblzma5", "libdevmapper1.02.1"];

export interface GrubImage {
  /** Where it finds its configuration (GRUB manual, "grub-mkimage"). */
  readonly prefix: string;
  /** Name in "$out". */
  readonly output: string;
  readonly modules: string;
}

/** Lines of shell text: packages are unpacked in "$t". One program runs, with the libraries of the same suite. */
export function formatMakeGrub({ prefix, output, modules }: GrubImage): readonly string[] {
  const libraries = ["usr/lib", "lib"].map((directory) => `"$t/${directory}/x86_64-linux-gnu"`).join(":");
  return [
    'run="$t/lib64/ld-linux-x86-64.so.2"; [ -e "$run" ] || run="$t/usr/lib64/ld-linux-x86-64.so.2"',
    `"$run" --library-path ${libraries} "$t/usr/bin/grub-mkimage" --directory "$t/usr/lib/grub/i386-pc" ` +
    `--format i386-pc --prefix '${prefix}' --output "$out/${output}" ${modules}`,
  ];
}
