/**
 * initramfs-tools as a step of setting up. Its hooks cannot be kept out of some initramfs and in others, so the laptop's own get them, too;
 * without a session file they do nothing. In return desktops boot what the boot loader names, through kernel updates, without any help.
 */

import { initramfsTools } from "./initramfs_tools.ts";
import type { GeneratorSetup } from "./generator.ts";

export const initramfsToolsSetup: GeneratorSetup = {
  id: "initramfs-tools",
  programs: [initramfsTools.program],
  layers: ["initramfs-tools"],
  isSeparate: false,
  build: () => ({
    argv: initramfsTools.rebuildCommand,
    what: "rebuild the initramfs of every kernel",
    why: "A desktop boots with it and attaches the disk; in the laptop's own boot our part of it does nothing",
    outputs: [
      { directory: "/boot", startsWith: "initrd.img-", endsWith: "" },
      // update-initramfs(8) keeps checksums of what it built.
      { directory: "/var/lib/initramfs-tools", startsWith: "", endsWith: "" },
    ],
    undo: "repeat",
  }),
};
