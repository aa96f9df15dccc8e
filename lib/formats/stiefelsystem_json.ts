/**
 * `/boot/stiefelsystem.json`: what the laptop's setup says a desktop shall boot. The same keys as in the original, so
 * that its file works too:
 *
 *     { "kernel": "vmlinuz-linux", "initrd": "initramfs-stiefel.img", "cmdline": ["root=UUID=…", "rw"] }
 *
 * `initrd` may be a list, `cmdline` one string. Keys that are absent, null or empty are taken from the boot loader's
 * configuration. Keys we do not know (`stiefelmodules` of the original) are left alone. `cmdline-copied` is ours: true
 * when `cmdline` only repeats what the system was started with when it was set up, so that a newer one is better.
 * `transports` is ours, too: by which the initramfs can attach the disk; and `tunnel`: true when it can do so
 * encrypted.
 */

import { BootError } from "../boot_error.ts";

/**
 * Kernel, initramfs and command line by hand: `boot.load` of the configuration. All that is absent comes from the
 * disk.
 */
export interface BootLoadSettings {
  readonly kernel?: string | undefined;
  readonly initrd?: string | readonly string[] | undefined;
  readonly cmdline?: string | readonly string[] | undefined;
}

/** What the file says. */
export interface BootStatement extends BootLoadSettings {
  readonly isCmdlineCopied?: boolean;
  readonly transports?: readonly string[];
  readonly canTunnel?: boolean;
}

export const stiefelsystemJsonName = "stiefelsystem.json";

/** Where setup-server puts it. */
export const stiefelsystemJsonPath = `/boot/${stiefelsystemJsonName}` as const;

/** @throws {BootError} "unsupported", when it is not what the format above says */
export function parseStiefelsystemJson(
  text: string,
  fileName: string,
): BootStatement {
  const wrong = (what: string): BootError => new BootError("unsupported", `Cannot use "${fileName}": ${what}`);
  let value: unknown;
  try {
    // Editors of other systems begin a file with a byte order mark.
    value = JSON.parse(text.replace(/^\ufeff/, ""));
  } catch (error) {
    throw wrong(`not JSON (${error instanceof Error ? error.message : error})`);
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) throw wrong("wanted an object");
  const fields = new Map<string, unknown>(Object.entries(value));
  const kernel = fields.get("kernel") ?? "";
  if (typeof kernel !== "string") throw wrong(`"kernel" is ${JSON.stringify(kernel)}, wanted a path`);
  return {
    ...(kernel === "" ? {} : { kernel }),
    ...stringsOf("initrd"),
    ...stringsOf("cmdline"),
    ...(fields.get("cmdline-copied") === true ? { isCmdlineCopied: true } : {}),
    ...stringsOf("transports"),
    ...(fields.get("tunnel") === true ? { canTunnel: true } : {}),
  };

  function stringsOf(key: "initrd" | "cmdline" | "transports"): Partial<Record<typeof key, readonly string[]>> {
    const found = fields.get(key) ?? [];
    const list: readonly unknown[] = Array.isArray(found) ? found : [found];
    const strings = list.filter((item) => typeof item === "string");
    if (strings.length !== list.length) {
      throw wrong(`"${key}" is ${JSON.stringify(found)}, wanted a string or a list of strings`);
    }
    const filled = strings.filter((item) => item !== "");
    return filled.length === 0 ? {} : { [key]: filled };
  }
}

/** The file's text for a boot entry of our own choice. */
export function formatStiefelsystemJson(load: BootStatement): string {
  const list = (value: string | readonly string[] | undefined): readonly string[] =>
    value === undefined ? [] : typeof value === "string" ? [value] : value;
  return `${
    JSON.stringify(
      {
        kernel: load.kernel,
        initrd: list(load.initrd),
        cmdline: list(load.cmdline),
        ...(load.isCmdlineCopied ? { "cmdline-copied": true } : {}),
        ...(load.transports === undefined ? {} : { transports: load.transports }),
        ...(load.canTunnel ? { tunnel: true } : {}),
      },
      null,
      4,
    )
  }\n`;
}
