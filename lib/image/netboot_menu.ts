/** GRUB's menu for a desktop that starts over the network. Pure. */
import { ExitCode, UserError } from "../errors.ts";
import { desktopParameters } from "./quick_parameters.ts";

/** Where GRUB finds it: below the directory that TFTP and HTTP give away. */
export const netbootMenuPath = "grub/grub.cfg";

/**
 * GRUB knows where it came from. Kernel and initrd come over HTTP: TFTP has a tenth of its speed. Without insmod: what
 * is needed is built in, and a signed GRUB loads nothing.
 * @param cmdline further parameters
 * @throws {UserError} for a parameter that the menu cannot hold
 */
export function formatNetbootMenu({ cmdline }: { readonly cmdline: readonly string[] }): string {
  const bad = cmdline.find((word) => !/^[\w.,:=/@%+-]{1,256}$/.test(word));
  if (bad !== undefined) {
    throw new UserError(`The menu for the network cannot hold the kernel parameter "${bad}" of "netboot.cmdline"`, {
      hints: ["Letters, digits and . _ , : = / @ % + - only; each parameter is a word of its own"],
      exitCode: ExitCode.usage,
    });
  }
  const entry = (title: string, parameters: readonly string[]): readonly string[] => [
    `menuentry "${title}" {`,
    `  linux (http,$net_default_server)/kernel ${
      ["stiefel.role=client", ...desktopParameters, ...parameters, ...cmdline].join(" ")
    }`,
    "  initrd (http,$net_default_server)/initrd",
    "}",
  ];
  return [
    "set default=0",
    "set timeout=1",
    ...entry("Start the laptop's system", []),
    ...entry("Start the laptop's system with safe graphics", ["nomodeset"]),
    'menuentry "Restart" {',
    "  reboot",
    "}",
    "",
  ].join("\n");
}
