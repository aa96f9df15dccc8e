/** What a server started by hand reads in /boot, and how it is started by hand. Pure. */

import { forDesktop } from "../formats/kernel_command_line.ts";
import { formatStiefelsystemJson, stiefelsystemJsonPath } from "../formats/stiefelsystem_json.ts";
import { separateInitramfs, separateKernel } from "../initramfs/generator.ts";
import { planGrubEntry } from "./boot_menu.ts";
import { imageStartOf } from "./image_start.ts";
import { lackingPrograms } from "./lacking_programs.ts";
import type { Operation } from "./operations/kinds.ts";
import { writeFile } from "./plan_file.ts";
import type { SetupInputs } from "./setup_inputs.ts";

/**
 * Of the command line only what the boot loader's configuration does not say, or what the user wants otherwise: a copy
 * would grow stale.
 */
export function planBootJson({ config, facts }: SetupInputs): readonly Operation[] {
  const { load } = config.boot;
  const ownCommandLine = facts.hasBootLoaderConfig || facts.commandLine === ""
    ? undefined
    : forDesktop(facts.commandLine);
  const { canTunnel, transports: { usable } } = lackingPrograms(facts);
  const content = load !== undefined ? { kernel: load.kernel, initrd: load.initrd, cmdline: load.cmdline } : {
    kernel: separateKernel,
    initrd: separateInitramfs,
    cmdline: ownCommandLine,
    isCmdlineCopied: ownCommandLine !== undefined,
    transports: usable,
    canTunnel,
  };
  return [writeFile(
    stiefelsystemJsonPath,
    { kind: "text", text: formatStiefelsystemJson(content) },
    "Tells the server which kernel and initramfs a desktop gets, where the boot loader's configuration names others",
    { mode: facts.bootHasModes ? 0o644 : "any", needs: load === undefined ? ["initramfs"] : [] },
  )];
}

export function planBootMenu({ config, grubMenu, facts }: SetupInputs): readonly Operation[] {
  const image = imageStartOf(config);
  const entry = grubMenu === undefined ? undefined : planGrubEntry(grubMenu, image);
  if (entry === undefined) return [];
  return [writeFile(
    entry.path,
    { kind: "text", text: entry.text },
    "Adds an entry to GRUB's menu that starts the image by hand; the laptop starts as before unless somebody chooses it",
    { mode: facts.bootHasModes ? 0o644 : "any", needs: [image.kernel, image.initrd] },
  )];
}
