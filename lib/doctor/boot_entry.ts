/** Which entry of the laptop's disk a desktop gets, by the code of the server. */

import { findRoot } from "../formats/kernel_command_line.ts";
import { stiefelsystemJsonPath } from "../formats/stiefelsystem_json.ts";
import type { BootPreview } from "../boot/preview_boot.ts";
import { commandToType } from "../command_to_type.ts";
import { type Check, type CheckOf, error, hidden, ok, runChecks, type Verdict, warning } from "./check.ts";
import { type DoctorContext } from "./context.ts";
import { unlessRefused } from "../file_access.ts";

export interface BootEntryFacts {
  readonly isSetUp: boolean;
  /** Undefined: only root may look. */
  readonly entry:
    | Pick<BootPreview, "commandLine" | "commandLineSource" | "notices">
    | { readonly refusal: string }
    | undefined;
  /** Kernel command line of the running system; empty for a mounted one. */
  readonly running: string;
}

export async function examineBootEntry({ tree, host, bootEntry }: DoctorContext): Promise<readonly Check[]> {
  return runChecks(bootEntryChecks, {
    isSetUp: await unlessRefused(tree.exists(stiefelsystemJsonPath), false),
    entry: bootEntry,
    running: host.commandLine,
  });
}

const setUp = commandToType("setup-server", { asRoot: true });

export const bootEntryChecks: readonly CheckOf<BootEntryFacts>[] = [["boot entry", checkBootEntry]];

function checkBootEntry({ isSetUp, entry, running }: BootEntryFacts): Verdict {
  if (entry === undefined) {
    return hidden("only root may read the boot files");
  }
  if (!isSetUp && "refusal" in entry) return warning(entry.refusal, `Run ${setUp}`);
  if ("refusal" in entry) {
    return error(`a server would refuse: ${entry.refusal}`, `Run ${setUp}, or set boot.load in config.yaml`);
  }
  const { commandLine, commandLineSource: { path }, notices } = entry;
  const [root, ownRoot] = [findRoot(commandLine), findRoot(running)];
  if (running !== "" && root !== ownRoot) {
    return error(
      `the command line of ${path} has ${nameRoot(root)}, this system ${nameRoot(ownRoot)}`,
      `Run ${setUp}, or name the command line in boot.load of config.yaml`,
    );
  }
  if (notices[0] !== undefined) {
    return warning(
      notices[0],
      `See what ${commandToType("boot-entry", { asRoot: true })} shows; boot.load in config.yaml settles it`,
    );
  }
  return ok(`${nameRoot(root)}, from ${path}`);
}

function nameRoot(root: string | undefined): string {
  return root === undefined ? "no root=" : `root=${root}`;
}
