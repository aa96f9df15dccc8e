/** `grub.cfg`: what its default entry boots. Pure. */

import type { BlsFile } from "./bls.ts";
import type { NamedEntry } from "./entry.ts";
import { GrubMachine } from "./grub_machine.ts";
import { findDefault, flattenMenu } from "./grub_menu.ts";
import { isRecovery } from "./recovery.ts";

export interface GrubInput {
  readonly text: string;
  /** Directory of the file, which is GRUB's `$prefix`: "/grub", "/boot/grub2". */
  readonly prefix: string;
  /** Other files by path. The evaluator asks for more in {@link GrubResult.wanted}. */
  readonly files: ReadonlyMap<string, string>;
  /** Entries for Fedora's `blscfg` command: file name and text. */
  readonly blsEntries: readonly BlsFile[];
}

export interface GrubResult {
  /** The entry GRUB would boot, or the first usable one; undefined when there is none with a kernel. */
  readonly entry: NamedEntry | undefined;
  /** Files the script reads or asks for that were not given; where they exist, evaluate again with them. */
  readonly wanted: readonly string[];
  /** Number of entries, for messages. */
  readonly entryCount: number;
}

/** @throws {GrubSyntaxError} */
export function evaluateGrubConfig(input: GrubInput): GrubResult {
  const machine = new GrubMachine(input);
  machine.start(input.text);
  const entry = chooseEntry(machine);
  return { entry, wanted: [...machine.wanted], entryCount: flattenMenu(machine.menu).length };
}

/** The default, as GRUB would take it; the next ones when that is no Linux or a recovery entry. */
function chooseEntry(machine: GrubMachine): NamedEntry | undefined {
  const wished = findDefault(machine.menu, machine.defaultWish);
  // A submenu without entries, such as one that shows another system's menu.
  const notices = wished === undefined ? ["The boot menu's default has no entries; the first one is taken"] : [];
  for (const candidate of [...(wished === undefined ? [] : [wished]), ...flattenMenu(machine.menu)]) {
    const entry = machine.boot(candidate);
    if (entry !== undefined && !isRecovery(entry, candidate.id)) return { ...entry, notices };
    if (candidate !== wished || notices.length > 0) continue;
    const why = entry === undefined ? "starts no Linux kernel" : "is a recovery entry";
    notices.push(`The boot menu's default "${candidate.title}" ${why}; the first other entry is taken`);
  }
  return undefined;
}
