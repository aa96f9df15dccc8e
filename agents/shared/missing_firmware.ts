/** Network cards whose driver finds no firmware: which file is missing, and what brings it. */
import { firmwarePackageOf, usualFirmwarePackages } from "../../lib/formats/firmware_packages.ts";
import type { Link } from "../../lib/system/facts.ts";
import type { System } from "../../lib/system/system.ts";
import type { Console } from "./console.ts";

export interface MissingFirmware {
  readonly driver: string;
  /** Name of the file below /lib/firmware. */
  readonly file: string;
}

/**
 * "r8169 0000:02:00.0: firmware: failed to load rtl_nic/rtl8168g-3.fw (-2)", as Debian's kernel says it, and "…:
 * Direct firmware load for rtl_nic/rtl8168g-3.fw failed with error -2", as others do (drivers/base/firmware_loader).
 * Pure.
 */
export function listMissingFirmware(log: string): readonly MissingFirmware[] {
  const found = new Map<string, MissingFirmware>();
  for (const line of log.split("\n")) {
    // A driver may try again when the root file system is there.
    const loaded = /: firmware: direct-loading firmware (\S+)/.exec(line)?.[1];
    if (loaded !== undefined) found.delete(loaded);
    const match =
      /([\w-]+) \S+: (?:firmware: failed to load (\S+) \(|Direct firmware load for (\S+) failed)/.exec(line) ??
        [];
    const [, driver, file = match[3]] = match;
    // The database of radio rules is no card's; wired cards have no use for it.
    if (driver === undefined || file === undefined || file.startsWith("regulatory.db")) continue;
    found.set(file, { driver, file });
  }
  return [...found.values()];
}

/** "tigon/tg3_tso.bin, for tg3 (package firmware-misc-nonfree)". Pure. */
export function nameMissingFirmware({ driver, file }: MissingFirmware): string {
  const name = firmwarePackageOf(file);
  return `${file}, for ${driver}${name === undefined ? "" : ` (package ${name})`}`;
}

/** What a person does about it. Pure. */
export function explainMissingFirmware(missing: MissingFirmware): string {
  const name = firmwarePackageOf(missing.file);
  const isUsual = usualFirmwarePackages.some((usual) => usual === name);
  const way = name === undefined
    ? `"apt-file search ${missing.file}" names Debian's package for initrd.include-packages`
    : isUsual
    ? "image.firmware adds it to an image"
    : "initrd.include-packages adds it to an image";
  return `A network card lacks firmware, and may not work: ${nameMissingFirmware(missing)}; ${way}`;
}

/** A driver asks for its firmware when it finds its card, or when the card is raised. */
const afterChangeMs = 5_000;
/** Without the file some drivers make no link, so that nothing tells of the card: since the start. */
const looksMs = [5_000, 20_000, 60_000];

/**
 * Says each missing file once. Runs `dmesg`.
 * @returns to be called with all links after each change
 */
export function createFirmwareReport(
  system: System,
  { console, signal }: { readonly console: Console; readonly signal: AbortSignal },
): (links: readonly Link[]) => void {
  const said = new Set<string>();
  let names: string | undefined;

  async function lookAfter(ms: number): Promise<void> {
    await system.delay(ms, signal);
    const { stdout } = await system.run(["dmesg"], { timeoutMs: 10_000 });
    for (const line of listMissingFirmware(stdout).map(explainMissingFirmware)) {
      if (said.has(line) || signal.aborted) continue;
      said.add(line);
      console.say(line);
    }
  }

  return (links) => {
    const before = names;
    names = links.map(({ name, index, isUp }) => `${name} ${index} ${isUp}`).join();
    if (names === before) return;
    // Where the log may not be read, a person sees as much as before.
    for (const ms of before === undefined ? looksMs : [afterChangeMs]) void lookAfter(ms).catch(() => {});
  };
}
