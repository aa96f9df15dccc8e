/**
 * Stage "drivers": the kernel modules that are wanted, what they depend on, and the firmware they name.
 * Runs `find`, `cp`, `modinfo`, `depmod` and the compressor.
 */
import { dirname, resolve } from "node:path/posix";
import type { Compressor } from "../../config/config.ts";
import type { System } from "../../system/system.ts";
import {
  matchModules,
  type ModuleInfo,
  moduleName,
  parseModuleInfo,
  unreadIndexes,
  unwantedModulePatterns,
} from "../kernel_modules.ts";
import { compiledFilesName, compiledModulesName } from "../compile_driver.ts";
import { listTree } from "../list_tree.ts";
import { writePart } from "../part_archive.ts";
import type { StageRecord } from "../stage_record.ts";
import { arrangeEntries, type TreeEntry } from "../tree_entry.ts";
import { treeName } from "./base.ts";
import type { StageContext } from "./context.ts";
import { findKernelVersion, modulesDirectory } from "./kernel_version.ts";

/** Where firmware is inside the image. */
const firmwareDirectory = "usr/lib/firmware";

export async function buildDrivers(context: StageContext): Promise<StageRecord> {
  const { system, request, directory, progress, signal } = context;
  const base = `${context.result("base").directory}/${treeName}`;
  const version = await findKernelVersion(system, base);
  const from = `${base}/${modulesDirectory}/${version}`;
  const work = `${directory}/modules`;
  const to = `${work}/lib/modules/${version}`;

  progress.note("choosing modules");
  const all = (await listTree(system, `${from}/kernel`)).filter(({ kind }) => kind === "file").map(({ path }) => path);
  const chosenByPattern = matchModules(all, { wanted: request.modulePatterns, unwanted: unwantedModulePatterns });
  const { paths, firmware } = await addNeeded(context, { directory: `${from}/kernel`, all, chosenByPattern });

  progress.note("indexing");
  await system.makeDirectory(`${to}/kernel`);
  await system.run(["cp", "--parents", ...paths, `${to}/kernel`], { cwd: `${from}/kernel`, signal });
  const lists = ["modules.builtin", "modules.builtin.modinfo", "modules.order"];
  await system.run(["cp", ...lists.map((name) => `${from}/${name}`), to], { signal });
  const compiled = request.drivers.length > 0 ? context.result("compile").directory : undefined;
  // depmod(8) prefers "updates" to the kernel's own modules of the same name.
  if (compiled !== undefined) await system.run(["cp", "-r", `${compiled}/${compiledModulesName}`, `${to}/updates`]);
  await system.run(["depmod", "-b", work, version], { signal });

  const modules = (await listTree(system, `${work}/lib`)).filter(({ path }) => !unreadIndexes.test(path));
  const entries = [
    ...modules.map((entry) => ({ ...entry, path: `usr/lib/${entry.path}` })),
    ...await findFirmware(system, `${base}/${firmwareDirectory}`, firmware),
    ...compiled === undefined ? [] : await listTree(system, `${compiled}/${compiledFilesName}`),
  ];
  progress.note("packing");
  const part = await writePart(system, arrangeEntries(entries), {
    directory,
    compressor: lighterCompressor(request.compressor),
    signal,
  });
  await system.remove(work);
  return { ...part, summary: `${paths.length} modules of Linux ${version}` };
}

/**
 * Modules are compressed as Debian ships them, each by itself: they stay so, since only a few of them are ever loaded,
 * and memory and time to unpack all of them would be spent on every boot. Then the archive's compressor finds nothing
 * more; a light level will do.
 */
function lighterCompressor(compressor: Compressor): Compressor {
  return compressor.program === "zstd" ? { program: "zstd", arguments: ["-3", "-T0"] } : compressor;
}

interface ModuleChoice {
  readonly directory: string;
  readonly all: readonly string[];
  readonly chosenByPattern: readonly string[];
}

/**
 * Adds the modules that modules name as needed, until nothing is missing. Faster than asking depmod, which would read
 * all 4000.
 */
async function addNeeded(
  { system, signal }: StageContext,
  { directory, all, chosenByPattern }: ModuleChoice,
): Promise<{ readonly paths: readonly string[]; readonly firmware: readonly string[] }> {
  const byName = new Map(all.map((path) => [moduleName(path), path]));
  const chosen = new Set<string>();
  const firmware = new Set<string>();
  for (let round = chosenByPattern; round.length > 0;) {
    round.forEach((path) => chosen.add(path));
    const infos = await Promise.all(
      halves(round).map(async (some): Promise<ModuleInfo> => {
        const { stdout } = await system.run(["modinfo", ...some], { cwd: directory, signal });
        return parseModuleInfo(stdout);
      }),
    );
    infos.flatMap((info) => info.firmware).forEach((name) => firmware.add(name));
    const needed = infos.flatMap((info) => info.needs).map((name) => byName.get(name));
    round = [...new Set(needed)].filter((path) => path !== undefined && !chosen.has(path)) as string[];
  }
  return { paths: [...chosen].sort(), firmware: [...firmware].sort() };
}

/** For two processes at a time: each is a single thread. */
function halves(paths: readonly string[]): (readonly string[])[] {
  const middle = Math.ceil(paths.length / 2);
  return [paths.slice(0, middle), paths.slice(middle)].filter((some) => some.length > 0);
}

/**
 * The firmware files that modules name and packages brought; links within the directory are followed to what they
 * name.
 */
async function findFirmware(system: System, directory: string, names: readonly string[]): Promise<TreeEntry[]> {
  if (await system.lstat(directory) === undefined) return [];
  const byPath = new Map((await listTree(system, directory)).map((entry) => [entry.path, entry]));
  const files = new Map<string, TreeEntry>();
  const open = [...names];
  for (let name = open.pop(); name !== undefined; name = open.pop()) {
    const entry = byPath.get(name);
    if (entry === undefined || entry.kind === "directory" || files.has(name)) continue;
    files.set(name, { ...entry, path: `${firmwareDirectory}/${name}` });
    if (entry.kind === "symlink") open.push(resolve("/", dirname(name), entry.target).slice(1));
  }
  return [...files.values()];
}
