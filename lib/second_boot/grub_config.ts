/** The configuration with which the laptop's own GRUB starts its kernel from the stick. Pure. */

import { COMMAND_LINE_MAX_BYTES, parseKernelCommandLine } from "../formats/kernel_command_line.ts";

/** Names beside the configuration, in the directory that GRUB has built in. */
export const grubFiles = { config: "grub.cfg", kernel: "kernel", initramfs: "initramfs" } as const;

/** GRUB puts "BOOT_IMAGE=(hd0,gpt3)/EFI/…/kernel" in front. */
const bootImageBytes = 128;

/**
 * The command line in words, without the quotes around a whole word or value, which GRUB makes anew where a word has
 * blanks (grub-core/lib/cmdline.c).
 * @returns undefined for a quote or backslash inside a word, which GRUB would write with a backslash in front, and for
 *   a line that is too long with what GRUB adds
 */
export function splitForGrub(commandLine: string): readonly string[] | undefined {
  const words = parseKernelCommandLine(commandLine)
    .map(({ name, value }) => value === undefined ? name : `${name}=${value}`);
  const bytes = new TextEncoder().encode(words.map((word) => `"${word}" `).join("")).length + bootImageBytes;
  return words.some((word) => /["'\\]/.test(word)) || bytes > COMMAND_LINE_MAX_BYTES ? undefined : words;
}

/**
 * When the kernel is refused, GRUB gives back to shim, and that to the stick's menu. `$prefix` is the directory that
 * the configuration was read from.
 * @param words of {@link splitForGrub}
 */
export function formatGrubConfig(words: readonly string[]): string {
  // GRUB manual, "Quoting": within single quotes every character stands for itself.
  const quoted = words.map((word) => `'${word}'`).join(" ");
  return [
    `if linux $prefix/${grubFiles.kernel} ${quoted}; then`,
    `  initrd $prefix/${grubFiles.initramfs}`,
    "  boot",
    "fi",
    "echo 'The kernel of the laptop was not started: back to the menu of the stick'",
    "sleep 10",
    "exit",
  ].map((line) => `${line}\n`).join("");
}
