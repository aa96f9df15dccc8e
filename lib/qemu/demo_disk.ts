/**
 * The disk of the demo's laptop: a real, small Debian with GPT, /boot and root partition, made as a file without
 * mounting anything.
 *
 * What is on it: demo_disk_recipe.ts; the files it gets beyond Debian's are image/demo (its set-up and the unit that
 * reports) and image/host (what `setup-server` puts on a laptop). Nothing of it depends on the machine it is made on.
 */

import { type DemoDiskRecipe, formatMmdebstrapArguments } from "./demo_disk_recipe.ts";
import { hashText } from "../hash.ts";
import { usualArchitecture } from "../architecture.ts";
import { bootstrapProgram, findBootstrapHost } from "../debian/bootstrap_program.ts";
import { checkMirror } from "../debian/check_mirror.ts";
import { demandSpace } from "../image/check_before_build.ts";
import { debianMirror } from "../debian/mirror.ts";
import { runBootstrap } from "../debian/run_bootstrap.ts";
import {
  demoDiskCommandLine,
  demoDiskLayout,
  type DiskFirmware,
  formatFstab,
  formatGrubConfig,
  formatPartitionTable,
  hasBootPartition,
} from "./demo_disk_layout.ts";
import {
  type EfiFile,
  listSignedGrub,
  listSystemdBoot,
  makeEfiPartition,
  unifiedImagePath,
  unifiedKernel,
} from "./efi_partition.ts";
import { coreSector, placeBootCode } from "../media/grub_boot_code.ts";
import { UserError } from "../errors.ts";
import { releaseMounts } from "../system/mounts.ts";
import { rootPrefix } from "../system/subordinate_ids.ts";
import type { System } from "../system/system.ts";

/** The finished disk and what a local boot of it needs. */
export interface DemoDisk {
  /** Never boot this one: copy it first. */
  readonly imagePath: string;
  readonly kernelPath: string;
  readonly initrdPath: string;
  readonly kernelRelease: string;
  readonly commandLine: string;
}

export interface BuildDemoDiskOptions extends DemoDiskRecipe {
  /** What the disk is for; only the newest of each name is kept. Default "demo-disk". */
  readonly name?: string;
  readonly cacheDir: string;
  /** Each line of the programs that run. */
  readonly onLine?: (line: string) => void;
  /** What is being done now. */
  readonly onStep?: (step: string) => void;
  readonly signal?: AbortSignal;
}

/**
 * The most that was seen while a disk of trixie was made (`du`, November 2026): 1.13 GB in the cache, 1.22 GB in
 * mmdebstrap's own folder.
 */
const cacheSpace = { bytes: 1_200_000_000 } as const;
const temporarySpace = { bytes: 1_300_000_000 } as const;

/** Changed whenever the steps below make another disk out of the same inputs. */
const recipeVersion = 2;

/**
 * The demo disk for this recipe: the one made before, or a new one.
 * Needs mmdebstrap, mkfs.ext4, sfdisk, tar; as an ordinary user also uidmap's user namespaces.
 * @throws {CommandError} when one of them fails
 */
export async function buildDemoDisk(system: System, options: BuildDemoDiskOptions): Promise<DemoDisk> {
  const key = await hashRecipe(system, options);
  const name = options.name ?? "demo-disk";
  const directory = `${options.cacheDir}/${name}-${key}`;
  const finished = await readDemoDisk(system, directory);
  if (finished !== undefined) return finished;

  await system.makeDirectory(options.cacheDir);
  const { mode } = await findBootstrapHost(system);
  const workingPlace = mode === "root" ? options.cacheDir : "/tmp";
  await demandSpace(
    system,
    [{ path: options.cacheDir, ...cacheSpace }, { path: workingPlace, ...temporarySpace }],
    "the demo disk",
  );
  const mirror = options.mirror ?? debianMirror;
  await checkMirror(
    system,
    { suite: options.suite, architecture: usualArchitecture, mirror, components: ["main"] },
    options.cacheDir,
  );
  const work = await system.makeTempDirectory({ parent: options.cacheDir, prefix: `${name}-work-` });
  const asRoot = await rootPrefix(system);
  try {
    await makeDisk(system, { ...options, work, asRoot });
    await removeOlderDisks(system, options.cacheDir, name);
    await system.rename(`${work}/disk`, directory);
  } finally {
    await releaseMounts(system, work);
    // Files of other users inside a user namespace can only be removed from within one.
    await system.run([...asRoot, "rm", "-rf", `${work}/tree`, `${work}/boot`]).catch(() => {});
    await system.remove(work);
  }
  const disk = await readDemoDisk(system, directory);
  if (disk === undefined) throw new UserError(`The demo disk in "${directory}" is not complete after it was made`);
  return disk;
}

interface MakeDisk extends BuildDemoDiskOptions {
  readonly work: string;
  readonly asRoot: readonly string[];
}

async function makeDisk(system: System, options: MakeDisk): Promise<void> {
  const { work, asRoot } = options;
  const runOptions = {
    // Fixed times in the file systems (mke2fs 1.47.1 and later).
    env: { SOURCE_DATE_EPOCH: "1735689600" },
    timeoutMs: 30 * 60_000,
    onLine: (line: string) => options.onLine?.(line),
    ...(options.signal === undefined ? {} : { signal: options.signal }),
  };
  const run = async (argv: readonly string[], stdin?: string): Promise<void> => {
    await system.run(argv, { ...runOptions, ...(stdin === undefined ? {} : { stdin }) });
  };
  await system.chmod(work, 0o755);
  for (const [path, text] of Object.entries({ "/etc/fstab": formatFstab(options.firmware), ...options.files })) {
    await system.makeDirectory(`${work}/files${path.slice(0, path.lastIndexOf("/"))}`);
    await system.writeFile(`${work}/files${path}`, text);
  }

  options.onStep?.("installing Debian");
  const host = await findBootstrapHost(system);
  const bootstrap = formatMmdebstrapArguments(options, `${work}/tree.tar`, `${work}/files`);
  const plan = {
    failure: "Debian cannot be installed on the demo disk",
    suite: options.suite,
    mirror: options.mirror ?? debianMirror,
    host,
    directory: work,
  };
  await runBootstrap(system, [...bootstrapProgram(host), ...bootstrap], plan, runOptions);

  options.onStep?.("making file systems");
  // Device nodes come from devtmpfs when the disk is booted; an ordinary user could not create them.
  await system.makeDirectory(`${work}/tree`);
  await run([...asRoot, "tar", "-C", `${work}/tree`, "--exclude=./dev/*", "-xf", `${work}/tree.tar`]);
  const release = (await system.readDirectory(`${work}/tree/boot`))
    .find((name) => name.startsWith("vmlinuz-"))?.slice("vmlinuz-".length);
  if (release === undefined) throw new UserError("Debian's kernel was not installed on the demo disk");
  for (const path of options.made ?? []) {
    if (await system.stat(`${work}/tree${path}`) !== undefined) continue;
    throw new UserError(`"${path}" was not made while the demo disk was installed`);
  }
  const { firmware = "bios" } = options;
  const hasBoot = hasBootPartition(firmware);
  const boot = hasBoot ? `${work}/boot` : `${work}/tree/boot`;
  if (firmware !== "bios") await run([...asRoot, "mkdir", `${work}/tree/boot/efi`]);
  if (hasBoot) {
    await system.writeFile(`${work}/grub.cfg`, formatGrubConfig(release));
    await run([...asRoot, "install", "-D", "-m", "644", `${work}/grub.cfg`, `${work}/tree/boot/grub/grub.cfg`]);
    await run([...asRoot, "mv", `${work}/tree/boot`, boot]);
    await run([...asRoot, "mkdir", `${work}/tree/boot`]);
  }

  const disk = `${work}/disk`;
  const imagePath = `${disk}/disk.img`;
  await system.makeDirectory(disk);
  await run(["truncate", "-s", String(demoDiskLayout.sizeBytes), imagePath]);
  await run(["sfdisk", "--quiet", imagePath], formatPartitionTable(firmware));
  if (firmware !== "bios") {
    const { offsetBytes, sizeBytes } = demoDiskLayout.scratch;
    const place = { imagePath, offsetBytes, sizeBytes };
    await makeEfiPartition(system, run, { work, tree: `${work}/tree`, files: listEfiFiles(firmware, release), place });
  }
  if (firmware === "unified") await run([...asRoot, "rm", `${work}/tree/${unifiedImagePath}`]);
  if (hasBoot) await run([...asRoot, ...mkfsArguments(demoDiskLayout.boot, boot, imagePath)]);
  await run([...asRoot, ...mkfsArguments(demoDiskLayout.root, `${work}/tree`, imagePath)]);
  if (hasBoot) await writeBootCode(run, system, { work, imagePath });
  await run([...asRoot, "install", "-m", "644", `${boot}/vmlinuz-${release}`, `${disk}/vmlinuz`]);
  await run([...asRoot, "install", "-m", "644", `${boot}/initrd.img-${release}`, `${disk}/initrd.img`]);
  await system.writeFile(`${disk}/kernel-release`, `${release}\n`);
}

function listEfiFiles(firmware: Exclude<DiskFirmware, "bios">, release: string): readonly EfiFile[] {
  switch (firmware) {
    case "uefi":
      return listSignedGrub(demoDiskLayout.boot.fileSystemUuid);
    case "systemd-boot":
      return listSystemdBoot(demoDiskCommandLine, release);
    case "unified":
      return unifiedKernel;
  }
}

/** A BIOS starts the disk from then on. */
async function writeBootCode(
  run: (argv: readonly string[]) => Promise<void>,
  system: System,
  { work, imagePath }: { readonly work: string; readonly imagePath: string },
): Promise<void> {
  const made = `${work}/boot/grub/i386-pc`;
  const { bootSector, core } = placeBootCode(
    await system.readFile(`${made}/boot.img`),
    await system.readFile(`${made}/core.img`),
  );
  await system.writeFile(`${work}/boot-sector`, bootSector);
  await system.writeFile(`${work}/core`, core);
  const intoImage = [`of=${imagePath}`, "conv=notrunc"];
  await run(["dd", `if=${work}/boot-sector`, ...intoImage]);
  await run(["dd", `if=${work}/core`, ...intoImage, "bs=512", `seek=${coreSector}`]);
}

/** A partition of a disk image, and what is in it. For tests: of disks with another system. */
export function mkfsArguments(
  part: {
    readonly offsetBytes: number;
    readonly sizeBytes: number;
    readonly fileSystemUuid: string;
    readonly label: string;
  },
  directory: string,
  imagePath: string,
): string[] {
  return [
    "mkfs.ext4",
    "-q",
    "-F",
    "-L",
    part.label,
    "-U",
    part.fileSystemUuid,
    "-E",
    `offset=${part.offsetBytes},hash_seed=${part.fileSystemUuid},lazy_itable_init=0`,
    "-d",
    directory,
    imagePath,
    `${part.sizeBytes / 1024}k`,
  ];
}

async function readDemoDisk(system: System, directory: string): Promise<DemoDisk | undefined> {
  if (await system.stat(`${directory}/kernel-release`) === undefined) return undefined;
  return {
    imagePath: `${directory}/disk.img`,
    kernelPath: `${directory}/vmlinuz`,
    initrdPath: `${directory}/initrd.img`,
    kernelRelease: (await system.readText(`${directory}/kernel-release`)).trim(),
    commandLine: demoDiskCommandLine,
  };
}

/** One disk is enough to keep: an older one is of no use. */
async function removeOlderDisks(system: System, cacheDir: string, name: string): Promise<void> {
  for (const entry of await system.readDirectory(cacheDir)) {
    const isOlder = entry.startsWith(`${name}-`) && /^[0-9a-f]+$/.test(entry.slice(name.length + 1));
    if (isOlder) await system.remove(`${cacheDir}/${entry}`);
  }
}

/** Twenty hexadecimal digits that stand for everything the disk is made of, except new releases of Debian packages. */
async function hashRecipe(system: System, recipe: DemoDiskRecipe): Promise<string> {
  const parts = [
    String(recipeVersion),
    formatMmdebstrapArguments({ ...recipe, overlays: [] }, "", "").join("\0"),
    formatPartitionTable(recipe.firmware),
    JSON.stringify({ "/etc/fstab": formatFstab(recipe.firmware), ...recipe.files }),
    formatGrubConfig("release"),
  ];
  for (const overlay of recipe.overlays) parts.push(...await listContent(system, overlay, ""));
  return hashText(parts.join("\n")).slice(0, 20);
}

async function listContent(system: System, root: string, path: string): Promise<string[]> {
  const full = `${root}${path}`;
  const status = await system.lstat(full);
  if (status?.kind === "directory") {
    const names = await system.readDirectory(full);
    return (await Promise.all(names.map((name) => listContent(system, root, `${path}/${name}`)))).flat();
  }
  if (status?.kind !== "file") return [`${path} ${status?.kind}`];
  return [
    `${path} ${status.mode & 0o111 ? "executable" : "plain"} ${hashText(await system.readFile(full))}`,
  ];
}

/** A copy of the disk that a run may write to; holes stay holes, and file systems that can share blocks do. */
export async function copyDemoDisk(system: System, disk: DemoDisk, path: string): Promise<void> {
  await system.run(["cp", "--sparse=always", "--reflink=auto", disk.imagePath, path]);
}

/**
 * The content of a file on the root partition of a disk image that no machine uses; undefined when there is no such
 * file. Reads with debugfs(8), without mounting.
 */
export async function readFileOnDemoDisk(system: System, imagePath: string, path: string): Promise<string | undefined> {
  const { stdout, stderr } = await system.run([
    "debugfs",
    "-R",
    `cat ${path}`,
    `${imagePath}?offset=${demoDiskLayout.root.offsetBytes}`,
  ]);
  return /File not found/.test(stderr) ? undefined : stdout;
}
