/**
 * The files of an installed Stiefelsystem below a folder, as the archive and packages hold them.
 */

import { nameLibraries } from "../image/bundle_text.ts";
import { listTree } from "../image/list_tree.ts";
import { type AgentName, bundleAgent, packagedBundle } from "../image/stages/agents.ts";
import { installedPlaces } from "../installation.ts";
import type { System } from "../system/system.ts";
import { choosePackaged, documentDirectory, packagedFolders } from "./places.ts";

export interface ProgramSources {
  /** Absolute path of the checkout. */
  readonly project: string;
  /** Deno, under the name that `--allow-run=deno` stands for; it goes into the package. */
  readonly deno: string;
  readonly denoEnvironment: Readonly<Record<string, string>>;
  /** Manual pages and completions: path below /usr/share -> text. */
  readonly manual: ReadonlyMap<string, string>;
  /** Seconds since 1970: the time of every file. */
  readonly epoch: number;
}

const agents: readonly AgentName[] = ["server", "client", "autokexec"];
const own = installedPlaces.programDir.slice(1);

/**
 * For tests, and for the task that makes packages. Runs `deno`, `find`, `touch`.
 * @param root an empty folder, which becomes the root of the files
 */
export async function writeProgramTree(system: System, root: string, sources: ProgramSources): Promise<void> {
  const { project, deno, denoEnvironment } = sources;
  const write = async (path: string, content: string | Uint8Array, mode = 0o644): Promise<void> => {
    await system.makeDirectory(dirname(`${root}/${path}`));
    await system.writeFile(`${root}/${path}`, content, { mode });
  };
  const copy = async (from: string, to: string): Promise<void> => {
    const isProgram = ((await system.stat(from))?.mode ?? 0) & 0o100;
    await write(to, await system.readFile(from), isProgram ? 0o755 : 0o644);
  };
  const paths: string[] = [];
  for (const folder of packagedFolders) {
    const entries = await listTree(system, `${project}/${folder}`);
    paths.push(...entries.flatMap(({ kind, path }) => kind === "directory" ? [] : [`${folder}/${path}`]));
  }
  for (const { from, to } of choosePackaged(paths)) await copy(`${project}/${from}`, to);
  await copy(`${project}/packaging/copyright`, `${documentDirectory}/copyright`);
  await copy(await system.realPath(deno), installedPlaces.runtime.slice(1));
  const bundle = `${root}${installedPlaces.program}`;
  await system.run(
    [deno, "bundle", "--quiet", "--platform=deno", `--output=${bundle}`, `${project}/main.ts`],
    { cwd: project, env: denoEnvironment },
  );
  await system.writeFile(bundle, nameLibraries(await system.readText(bundle)));
  await system.makeDirectory(`${root}/${own}/bundles`);
  const places = { project, deno, denoEnvironment, key: "" };
  for (const name of agents) {
    await bundleAgent({ system, places }, name, `${root}/${own}/${packagedBundle(name)}`);
  }
  for (const [path, text] of sources.manual) await write(`usr/share/${path}`, text);
  await write(`${own}/files`, formatList(await listFiles(system, root)));
  await settle(system, root, sources.epoch);
}

/** Same modes and times whatever the umask and the day. Runs `find`, `touch`. */
export async function settle(system: System, root: string, epoch: number): Promise<void> {
  for (const entry of await listTree(system, root)) {
    if (entry.kind !== "symlink") await system.chmod(`${root}/${entry.path}`, entry.mode);
  }
  await system.chmod(root, 0o755);
  await system.run(["find", root, "-exec", "touch", "--no-dereference", `--date=@${epoch}`, "{}", "+"]);
}

/** Folders that others share, and that a system may lack. */
const sharedFolders = ["usr/libexec", "usr/share/bash-completion", "usr/share/fish", "usr/share/zsh"];

/** Files, and with a slash at the end the folders that go when they are empty; sorted. */
async function listFiles(system: System, root: string): Promise<readonly string[]> {
  const folders = [own, documentDirectory, ...sharedFolders];
  const entries = await listTree(system, root);
  return [
    ...entries.flatMap(({ kind, path }) => {
      if (kind !== "directory") return [path];
      return folders.some((folder) => path === folder || path.startsWith(`${folder}/`)) ? [`${path}/`] : [];
    }),
    `${own}/files`,
  ].sort();
}

function formatList(paths: readonly string[]): string {
  return paths.map((path) => `${path}\n`).join("");
}

function dirname(path: string): string {
  return path.slice(0, path.lastIndexOf("/"));
}
