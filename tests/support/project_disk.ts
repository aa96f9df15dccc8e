/**
 * A disk with the project on it as it lies on a laptop whose owner has cloned it and built the image: so that its
 * commands can be run in a machine that has no network. Made as a file, never mounted here.
 */

import type { System } from "../../lib/system/system.ts";

/** Where the disk is mounted, and what lies where on it. */
export const projectDiskPlaces = {
  label: "stiefel-project",
  mountPoint: "/mnt/stiefelsystem",
  project: "/mnt/stiefelsystem/project",
  denoDir: "/mnt/stiefelsystem/deno-dir",
} as const;

/** In memory: what is written there is gone when the machine is. */
const overlay = "/run/stiefelsystem-project";

/** What the commands need of the project's directory. */
const projectEntries = [
  ...["stiefelsystem", "deno.json", "deno.lock", "main.ts", "lib", "agents", "image", "config-example.yaml"],
] as const;

export interface ProjectDiskContent {
  /** All absolute. */
  readonly projectDirectory: string;
  /** What was built, for the project's build directory. */
  readonly artifacts: readonly string[];
  readonly keyPath: string;
  readonly denoPath: string;
  /** Deno's cache; of it the npm packages. */
  readonly denoDir: string;
}

const sizeMiB = 768;

/**
 * Makes the disk at `imagePath`, whose directory is also where its content is put together.
 * Needs `cp`, `truncate` and `mkfs.ext4`. @throws {CommandError} when one of them fails
 */
export async function makeProjectDisk(system: System, content: ProjectDiskContent, imagePath: string): Promise<void> {
  const stage = `${imagePath}.tree`;
  await system.remove(stage);
  try {
    const copy = (from: readonly string[], to: string): Promise<unknown> =>
      system.run(["cp", "--archive", "--reflink=auto", "--", ...from, to]);
    for (const directory of ["project/build", "bin", "deno-dir"]) await system.makeDirectory(`${stage}/${directory}`);
    await copy(projectEntries.map((name) => `${content.projectDirectory}/${name}`), `${stage}/project/`);
    await copy(content.artifacts, `${stage}/project/build/`);
    await copy([content.keyPath], `${stage}/project/aes-key`);
    await copy([content.denoPath], `${stage}/bin/deno`);
    await copy([`${content.denoDir}/npm`], `${stage}/deno-dir/`);
    await system.remove(imagePath);
    await system.run(["truncate", "-s", `${sizeMiB}M`, imagePath]);
    await system.run(["mkfs.ext4", "-q", "-F", "-L", projectDiskPlaces.label, "-d", stage, imagePath]);
  } finally {
    await system.remove(stage);
  }
}

/** Shell that makes the project's directory available, for writing too; the disk itself is only read. */
export const mountProject = [
  `mkdir -p ${projectDiskPlaces.mountPoint} ${overlay}/disk ${overlay}/upper ${overlay}/work`,
  `mount -o ro LABEL=${projectDiskPlaces.label} ${overlay}/disk`,
  `mount -t overlay -o lowerdir=${overlay}/disk,upperdir=${overlay}/upper,workdir=${overlay}/work overlay ${projectDiskPlaces.mountPoint}`,
].join(" && ");

/** Shell that runs `command` as its owner would, in the project's directory. */
export function inProject(command: string): string {
  const { project, mountPoint, denoDir } = projectDiskPlaces;
  return `cd ${project} && export PATH="${mountPoint}/bin:$PATH" DENO_DIR=${denoDir} && ${command}`;
}
