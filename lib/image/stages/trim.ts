/** Stage "trim": of the unpacked packages, what a running image needs. Runs `find` and the compressor. */
import { mergedDirectories, packageRecordDirectory, parsePackagePaths } from "../../debian/unpack_packages.ts";
import { compileGlobs } from "../glob.ts";
import { listTree } from "../list_tree.ts";
import { writePart } from "../part_archive.ts";
import { readNeededLibraries } from "../elf.ts";
import type { ImageRequest } from "../plan_image.ts";
import { type ElfFile, findMissingLibraries, findUnneededLibraries } from "../shared_libraries.ts";
import type { StageRecord } from "../stage_record.ts";
import { arrangeEntries, type TreeEntry } from "../tree_entry.ts";
import { busyboxApplets, busyboxSystemApplets, excludedPaths } from "../trim_rules.ts";
import { UserError } from "../../errors.ts";
import type { System } from "../../system/system.ts";
import { treeName } from "./base.ts";
import type { StageContext } from "./context.ts";

/** Directories programs expect although nothing is in them. */
const emptyDirectories = ["dev", "mnt", "proc", "root", "run", "sys", "tmp", "var/lib", "var/log", "var/tmp"];

export async function buildTrim(context: StageContext): Promise<StageRecord> {
  const { system, request, directory, progress, signal } = context;
  const tree = `${context.result("base").directory}/${treeName}`;
  progress.note("choosing files");
  const excludedFiles = new Set([
    ...await readPackageFiles(system, tree, request.excludedPackages),
    ...await findUnneededPrograms(system, tree, request.partialPackages),
  ]);
  const isExcluded = compileGlobs([...excludedPaths, ...request.excludedPaths]);
  const candidates = (await listTree(system, tree)).filter(({ path }) => !isExcluded(path) && !excludedFiles.has(path));
  const elfFiles = await readElfFiles(system, candidates);
  const unneeded = findUnneeded(elfFiles, candidates);
  const entries = candidates.filter(({ path }) => !unneeded.has(path));
  demandLibraries(elfFiles.filter(({ path }) => !unneeded.has(path)), entries);
  const arranged = arrangeEntries([...appletLinks(entries), ...directoryLinks(), ...entries], emptyDirectories);
  progress.note("compressing");
  const part = await writePart(system, arranged, {
    directory,
    compressor: request.compressor,
    signal,
  });
  return { ...part, summary: `${arranged.length} files` };
}

/** Paths of packages; a package that is not installed has none. */
async function readPackageFiles(system: System, tree: string, packages: readonly string[]): Promise<Set<string>> {
  const paths = new Set<string>();
  for (const name of packages) {
    const file = `${tree}/${packageRecordDirectory}/packages/${name.replace(/:.*/, "")}.list`;
    if (await system.lstat(file) === undefined) continue;
    parsePackagePaths(await system.readText(file)).forEach((path) => paths.add(path));
  }
  return paths;
}

/** What `partialPackages` leaves out. */
async function findUnneededPrograms(
  system: System,
  tree: string,
  partialPackages: ImageRequest["partialPackages"],
): Promise<string[]> {
  const unwanted: string[] = [];
  for (const [name, patterns] of Object.entries(partialPackages)) {
    const isKept = compileGlobs(patterns);
    unwanted.push(...[...await readPackageFiles(system, tree, [name])].filter((path) => !isKept(path)));
  }
  return unwanted;
}

async function readElfFiles(system: System, entries: readonly TreeEntry[]): Promise<ElfFile[]> {
  const files: ElfFile[] = [];
  for (const entry of entries) {
    if (entry.kind !== "file" || (entry.mode !== 0o755 && !entry.path.includes(".so"))) continue;
    const needs = readNeededLibraries(await system.readFile(entry.source));
    if (needs !== undefined) files.push({ path: entry.path, needs });
  }
  return files;
}

/** Better no image than one whose programs do not start. */
function demandLibraries(files: readonly ElfFile[], entries: readonly TreeEntry[]): void {
  const missing = findMissingLibraries(files, entries.map(({ path }) => path));
  if (missing.length === 0) return;
  throw new UserError(`The image would lack shared libraries: ${missing.slice(0, 8).join("; ")}`, {
    hints: ['Look for them in "initrd: packing: exclude-packages" and "exclude-paths" of the configuration'],
  });
}

function findUnneeded(files: readonly ElfFile[], entries: readonly TreeEntry[]): Set<string> {
  const links = entries.filter((entry) => entry.kind === "symlink" && !entry.target.includes("/"))
    .map((entry) => ({
      path: entry.path,
      target: entry.path.replace(/[^/]*$/, entry.kind === "symlink" ? entry.target : ""),
    }));
  return findUnneededLibraries(files, links);
}

/** Names for busybox's programs where no real program has the name. */
function appletLinks(entries: readonly TreeEntry[]): TreeEntry[] {
  const present = new Set(entries.map(({ path }) => path));
  const link = (directory: string, target: string) => (name: string): TreeEntry => ({
    kind: "symlink",
    path: `${directory}/${name}`,
    target,
  });
  const isFree = (name: string): boolean => !present.has(`usr/bin/${name}`) && !present.has(`usr/sbin/${name}`);
  return [
    ...busyboxApplets.filter(isFree).map(link("usr/bin", "busybox")),
    ...busyboxSystemApplets.filter(isFree).map(link("usr/sbin", "../bin/busybox")),
  ];
}

function directoryLinks(): TreeEntry[] {
  return mergedDirectories.map((path) => ({ kind: "symlink", path, target: `usr/${path}` }));
}
