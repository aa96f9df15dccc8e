/**
 * What a server would send a desktop, shown for directories instead of partitions: nothing is mounted, and no program
 * runs.
 */

import { dirname } from "node:path/posix";
import { forDesktop } from "../formats/kernel_command_line.ts";
import { findMountOf, hasOption, listMounts, type Mount, nameOf, sameDevice } from "../formats/mount_tables.ts";
import { unlessRefused } from "../file_access.ts";
import type { System } from "../system/system.ts";
import { type MountedFiles, readMountedFiles, resolveInside } from "./boot_files.ts";
import { type BootDecision, decideBoot, type PlacedFile } from "./menu/decide_boot.ts";
import type { BootLoader } from "./menu/entry.ts";
import type { BootLoadSettings } from "../formats/stiefelsystem_json.ts";
import { BootError } from "../boot_error.ts";
import { listMenus } from "./menu/list_menus.ts";
import { readTextOr } from "./menu/read_text.ts";
import { type Survey, surveyPartition } from "./menu/survey.ts";
import { lacksInitramfs, openImage } from "./opened_image.ts";

/** A partition's files. */
export interface PreviewPartition {
  /** For people: a directory, or a device. */
  readonly label: string;
  readonly directory: string;
  /** Directories that are other partitions, mounted there. */
  readonly hidden?: readonly string[];
  /** Subvolumes of a btrfs, as "/@"; without a list the search tries the usual names. */
  readonly subvolumes?: readonly string[];
  /** Of its file system, where it is known: a boot loader's menu names it. */
  readonly uuid?: string;
  /** fstab has it, but nothing is there. */
  readonly isUnmounted?: boolean;
}

/** A file, and the partition it is on. */
export interface PreviewFile {
  readonly partition: string;
  /** Seen from the partition's top. */
  readonly path: string;
}

export interface BootPreview {
  readonly title: string;
  readonly loader: BootLoader;
  readonly kernel: PreviewFile;
  readonly initramfs: readonly PreviewFile[];
  /** As the boot loader would pass it on. */
  readonly commandLine: string;
  /** As the desktop gets it: without what is for the laptop only. */
  readonly desktopCommandLine: string;
  /** The file that names the entry. */
  readonly source: PreviewFile;
  readonly commandLineSource: PreviewFile;
  readonly notices: readonly string[];
}

/**
 * @param partitions of one disk, in its order
 * @throws {BootError} where a server would refuse. Reads the directories.
 */
export async function previewBoot(
  system: System,
  partitions: readonly PreviewPartition[],
  load?: BootLoadSettings,
): Promise<BootPreview> {
  const { files, surveys, partitions: seen, refused } = await surveyDirectories(system, partitions, load);
  const decision = decideReadable(surveys, { load, refused });
  if (decision === undefined) {
    const names = partitions.map(({ label }) => `"${label}"`).join(", ");
    throw new BootError("no-boot-entry", `No kernel to start was found in ${names}`, {
      hints: [
        ...partitions.filter(({ isUnmounted }) => isUnmounted).map(({ label }) =>
          `Nothing is in "${label}", which /etc/fstab has as a partition of its own: mount it`
        ),
        "Looked for: stiefelsystem.json, loader/entries, EFI/Linux, grub.cfg, extlinux.conf, syslinux.cfg",
        "For another boot loader name kernel, initrd and cmdline in boot.load of config.yaml",
      ],
    });
  }
  if (decision.initrds.length === 0) throw lacksInitramfs({ ...decision, source: decision.source.path });
  await using _image = await openImage(files, decision);
  const place = ({ partition, path }: PlacedFile): PreviewFile => ({
    partition: seen[partition]?.label ?? "",
    path,
  });
  return {
    title: decision.title,
    loader: decision.loader,
    kernel: place(decision.kernel),
    initramfs: decision.initrds.map(place),
    commandLine: decision.commandLine,
    desktopCommandLine: forDesktop(decision.commandLine),
    source: place(decision.source),
    commandLineSource: place(decision.commandLineSource),
    notices: [
      ...decision.notices,
      ...refused.map(({ label }) => `"${label}" was not looked into: only root may`),
    ],
  };
}

/** A directory that only root may read, such as an ESP. */
interface RefusedDirectory {
  readonly label: string;
  readonly error: Error;
}

interface SurveyedDirectories {
  /** Those that could be read. */
  readonly partitions: readonly PreviewPartition[];
  readonly files: readonly MountedFiles[];
  readonly surveys: readonly Survey[];
  readonly refused: readonly RefusedDirectory[];
}

async function surveyDirectories(
  system: System,
  partitions: readonly PreviewPartition[],
  load: BootLoadSettings | undefined,
): Promise<SurveyedDirectories> {
  const refused: RefusedDirectory[] = [];
  const readable: PreviewPartition[] = [];
  for (const partition of partitions) {
    try {
      await system.readDirectory(partition.directory);
      readable.push(partition);
    } catch (error) {
      if (!(error instanceof Deno.errors.PermissionDenied)) throw error;
      refused.push({ label: partition.label, error });
    }
  }
  const looked = readable.map(({ label, directory, hidden = [], uuid }) => ({
    name: label,
    files: readMountedFiles(system, directory === "/" ? "" : directory, { hidden }),
    uuid,
  }));
  const surveys: Survey[] = [];
  for (const [index, one] of looked.entries()) {
    const others = looked.filter((other) => other !== one);
    surveys.push(await surveyPartition(one, { load, others, subvolumes: readable[index]?.subvolumes }));
  }
  return { partitions: readable, files: looked.map(({ files }) => files), surveys, refused };
}

interface ReadableOptions {
  readonly load: BootLoadSettings | undefined;
  readonly refused: readonly RefusedDirectory[];
}

/** @throws what kept us from looking, where nothing follows from the rest */
function decideReadable(surveys: readonly Survey[], { load, refused }: ReadableOptions): BootDecision | undefined {
  const [first] = refused;
  try {
    const decision = decideBoot(surveys, { load });
    if (decision === undefined && first !== undefined) throw first.error;
    return decision;
  } catch (error) {
    throw error instanceof BootError && first !== undefined ? first.error : error;
  }
}

export interface FoundCommandLine {
  readonly commandLine: string;
  /** It is in a boot loader's configuration; else in a unified kernel image, or what kernel-install(8) reads. */
  readonly isInMenu: boolean;
}

/**
 * The command line that a server would take for the system mounted below `root`, were it set up
 * without one. Reads below `root`.
 * @returns undefined when a server would refuse
 */
export async function findLoaderCommandLine(system: System, root: string): Promise<FoundCommandLine | undefined> {
  const { surveys } = await surveyDirectories(system, await splitMountedSystem(system, root), undefined);
  const [first, ...others] = surveys.map(({ statement: _, ...survey }) => ({ ...survey, problems: [] }));
  if (first === undefined) return undefined;
  const [own] = first.systems;
  const statement = { loader: "stiefelsystem.json", source: "", kernel: "/", initrds: [] } as const;
  try {
    const decision = decideBoot([
      { ...first, statement: { ...statement, ...own === undefined ? {} : { system: own } } },
      ...others,
    ]);
    if (decision === undefined) return undefined;
    const { commandLine, commandLineSource: { path, partition } } = decision;
    const menus = listMenus(surveys, own).flatMap(({ candidates }) => candidates);
    const used = menus.find((candidate) => candidate.partition === partition && candidate.source === path);
    return { commandLine, isInMenu: used !== undefined && used.unified === undefined };
  } catch (error) {
    if (!(error instanceof BootError)) throw error;
    return undefined;
  }
}

/**
 * Where an ESP and XBOOTLDR are usually mounted: The Boot Loader Specification, "Mount Points"; Debian, Ubuntu,
 * Fedora:
 * /boot/efi.
 */
const usualMountPoints = ["/boot", "/efi", "/boot/efi"] as const;

/**
 * The partitions of a system that is mounted below `root`, each as a server would see it. In a tree on one file system
 * /efi and /boot/efi stand for the ESP, and so does what its fstab has with a FAT; /boot is a partition of its own
 * where fstab says so. Links are followed inside the tree, as its own system would.
 */
export async function splitMountedSystem(system: System, root: string): Promise<readonly PreviewPartition[]> {
  const top = root.replace(/(?<=.)\/+$/, "");
  const prefix = top === "/" ? "" : top;
  const fstab = await unlessRefused(readTextOr(readMountedFiles(system, prefix), "/etc/fstab", () => ""), "");
  const deviceOf = async (directory: string): Promise<number | undefined> => (await system.stat(directory))?.device;
  const points = new Set([...usualMountPoints, ...listMounts(fstab).filter(isEsp).map(({ mountPoint }) => mountPoint)]);
  const mounted = new Map<string, PreviewPartition>();
  for (const point of points) {
    const directory = await resolveInside(system, { root: prefix, path: point });
    if (directory === undefined || (await system.stat(directory))?.kind !== "directory") continue;
    const path = directory.slice(prefix.length);
    // A link to another of them, such as /efi to /boot/efi.
    if (path === "" || (path !== point && points.has(path))) continue;
    const mount = findMountOf(point, fstab);
    const isNamed = mount !== undefined && isOtherDevice(mount, findMountOf("/", fstab));
    const isMounted = await deviceOf(directory) !== await deviceOf(dirname(directory));
    if (!isMounted && !isNamed && point === "/boot") continue;
    const { uuid } = mount === undefined ? {} : nameOf(mount);
    mounted.set(path, {
      label: directory,
      directory,
      ...uuid === undefined ? {} : { uuid },
      ...isNamed && (await system.readDirectory(directory).catch(() => ["?"])).length === 0
        ? { isUnmounted: true }
        : {},
    });
  }
  const hiddenBelow = (path: string): readonly string[] =>
    [...mounted.keys()].filter((point) => point.startsWith(`${path}/`)).map((point) => point.slice(path.length));
  // A directory with an /etc is a root, not the top of a btrfs: /root there is a home, and only root may look into it.
  const isRoot = (await system.stat(`${prefix}/etc`))?.kind === "directory";
  return [
    { label: top, directory: top, hidden: hiddenBelow(""), ...isRoot ? { subvolumes: [] } : {} },
    ...[...mounted].map(([path, partition]) => ({ ...partition, hidden: hiddenBelow(path) })),
  ];
}

/** The FAT that belongs to the system: what people mount by hand is another disk. */
function isEsp({ mountPoint, type, options }: Mount): boolean {
  const isByHand = hasOption(options, "noauto") && !hasOption(options, "x-systemd.automount");
  return mountPoint.startsWith("/") && ["vfat", "msdos"].includes(type) && !isByHand;
}

/** Not a part of the root file system: no bind mount, no subvolume of it. */
function isOtherDevice({ device, options }: Mount, root: Mount | undefined): boolean {
  return !/(?:^|,)r?bind(?:,|$)/.test(options) && (root === undefined || !sameDevice(device, root.device));
}
