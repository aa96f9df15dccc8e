/** The archive with an install script, from which other packages are made. */

import type { System } from "../system/system.ts";
import { settle } from "./program_tree.ts";

export interface ArchiveOptions {
  /** Of the project. */
  readonly project: string;
  /** As `writeProgramTree` makes it. */
  readonly tree: string;
  /** Folder that all files of the archive are in. */
  readonly name: string;
  readonly epoch: number;
  /** An empty folder. */
  readonly workDirectory: string;
  /** The archive, NAME.tar.xz */
  readonly output: string;
  /** Of xz, 0 to 9. */
  readonly level: number;
}

/** For tests, and for the task that makes packages. Runs `cp`, `find`, `touch`, `tar`, `xz`. */
export async function makeArchive(system: System, options: ArchiveOptions): Promise<void> {
  const { project, tree, name, epoch, workDirectory, output, level } = options;
  const top = `${workDirectory}/${name}`;
  await system.makeDirectory(top);
  await system.run(["cp", "-a", "--", `${tree}/usr`, top]);
  for (const [from, mode] of [["packaging/install.sh", 0o755], ["LICENSE", 0o644]] as const) {
    await system.writeFile(
      `${top}/${from.slice(from.lastIndexOf("/") + 1)}`,
      await system.readFile(`${project}/${from}`),
      {
        mode,
      },
    );
  }
  await settle(system, top, epoch);
  const archive = `${workDirectory}/${name}.tar`;
  await system.run([
    "tar",
    "--create",
    ...["--format=ustar", "--sort=name"],
    ...["--owner=0", "--group=0", "--numeric-owner"],
    ...["--directory", workDirectory],
    `--file=${archive}`,
    name,
  ]);
  await system.run(["xz", `-${level}`, "--threads=1", "--force", archive], { timeoutMs: 30 * 60_000 });
  await system.rename(`${archive}.xz`, output);
}
