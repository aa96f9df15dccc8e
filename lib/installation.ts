/** Where the program is and where it keeps what is the user's: in a checkout of its sources, or installed. Pure. */

import { dirname } from "node:path/posix";
import { quoteCommand } from "./errors.ts";

export interface Installation {
  /** Absolute path of the folder with image/ and the agents' sources. */
  readonly projectDir: string;
  /** Folder of config.yaml and of the shared key. */
  readonly configDir: string;
  /** Folder in which `build` is; relative paths in the configuration start here. */
  readonly stateDir: string;
  /** How a user starts the program in any folder, quoted for a shell. */
  readonly launcher: string;
}

/** Where a package puts things (Filesystem Hierarchy Standard 3.0; decision 36). For tests, and for the packages. */
export const installedPlaces = {
  launcher: "/usr/bin/stiefelsystem",
  programDir: "/usr/share/stiefelsystem",
  /** The program as one file. */
  program: "/usr/share/stiefelsystem/stiefelsystem.js",
  /** Deno, first in PATH for what the program starts. */
  runtime: "/usr/libexec/stiefelsystem/deno",
  configDir: "/etc/stiefelsystem",
  stateDir: "/var/lib/stiefelsystem",
} as const;

/** @param main absolute path of the file that runs: main.ts of a checkout, or what a package has made of it */
export function findInstallation(main: string): Installation {
  const projectDir = dirname(main);
  if (main.endsWith("/main.ts")) {
    const launcher = quoteCommand([`${projectDir}/stiefelsystem`]);
    return { projectDir, configDir: projectDir, stateDir: projectDir, launcher };
  }
  const { configDir, stateDir } = installedPlaces;
  return { projectDir, configDir, stateDir, launcher: "stiefelsystem" };
}
