/** What the plan of setup-server is made of. */

import type { Config } from "../config/config.ts";
import type { GeneratorId } from "../initramfs/generator.ts";
import type { GrubMenuFacts } from "./boot_menu.ts";
import type { HostFacts } from "./host_facts.ts";
import type { HostPath } from "./host_path.ts";
import type { OverlayFile } from "./overlay.ts";

/** What was built, and what comes with the project. */
export interface SetupArtifacts {
  /** Paths on the machine that runs us. */
  readonly kernel: string;
  readonly initrd: string;
  /** Text of the configuration. */
  readonly configText: string;
  readonly configHoldsPassword: boolean;
  readonly key: Uint8Array<ArrayBuffer>;
  /** Files of image/host/generic, of the generator's folders, and of those for updates. */
  readonly genericFiles: readonly OverlayFile[];
  readonly generatorFiles: readonly OverlayFile[];
  /** Of the folders that make the laptop's own initramfs fit the laptop when it is built on a desktop. */
  readonly ownInitramfsFiles?: readonly OverlayFile[];
  readonly kernelHookFiles: readonly OverlayFile[];
  /** Absent: it was not built; the laptop is then started as a server by hand. */
  readonly autokexec?: AutokexecArtifact;
}

export interface AutokexecArtifact {
  readonly files: readonly { readonly source: string; readonly path: HostPath; readonly mode: number }[];
  /** Program and arguments as they are on the laptop. */
  readonly command: readonly string[];
}

export interface SetupInputs {
  readonly config: Config;
  readonly facts: HostFacts;
  readonly artifacts: SetupArtifacts;
  readonly generator: GeneratorId;
  /** Absent: GRUB's menu gets no entry. */
  readonly grubMenu?: GrubMenuFacts | undefined;
}
