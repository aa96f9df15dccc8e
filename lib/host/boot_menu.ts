/**
 * The image as an entry of GRUB's menu, for a laptop that is started as a server by hand. It goes into custom.cfg,
 * which every grub.cfg of grub-mkconfig reads at its end (its 41_custom): grub.cfg itself stays, and the entry is
 * never the default one.
 */

import type { AutokexecSettings } from "../formats/autokexec_settings.ts";
import type { System } from "../system/system.ts";
import type { HostPath } from "./host_path.ts";
import type { HostTree } from "./tree.ts";

/** The file system that holds the image, as findmnt(8) tells it. */
export interface ImageFileSystem {
  readonly uuid: string;
  readonly type: string;
  /** With the subvolume in brackets on btrfs. */
  readonly source: string;
  /** Which directory of it is mounted, and where. */
  readonly root: string;
  readonly target: string;
}

export interface GrubMenuFacts {
  /** The directory of grub.cfg. */
  readonly directory: HostPath;
  /** Text of the custom.cfg there. */
  readonly custom: string | undefined;
  readonly fileSystem: ImageFileSystem;
}

const firstLine = "# Installed by stiefelsystem.";

/** Modules of GRUB, by what the kernel calls the file system. */
const modules: ReadonlyMap<string, string> = new Map([["ext4", "ext2"], ["xfs", "xfs"], ["btrfs", "btrfs"]]);

/**
 * @returns undefined where GRUB cannot be counted on to read the image, or a custom.cfg that is not ours is in the way
 */
export function planGrubEntry(
  { directory, custom, fileSystem }: GrubMenuFacts,
  image: Pick<AutokexecSettings, "kernel" | "initrd" | "commandLine">,
): { readonly path: HostPath; readonly text: string } | undefined {
  const module = modules.get(fileSystem.type);
  // Of a plain partition: what is encrypted, GRUB would have to unlock first.
  const isPlain = /^\/dev\/(?:sd|vd|nvme|mmcblk)\w+(?:\[|$)/.test(fileSystem.source);
  const isFree = custom === undefined || custom.startsWith(firstLine);
  // Blanks, quotes and variables mean something to GRUB.
  const words = [image.kernel, image.initrd, image.commandLine].join(" ");
  if (module === undefined || !isPlain || !isFree || !/^[\w./:=,@%+ -]+$/.test(words)) return undefined;
  const at = (path: string): string =>
    `${fileSystem.root}/${path.slice(fileSystem.target.length)}`.replaceAll(/\/+/g, "/");
  const text = `${firstLine} grub.cfg reads this file at its end; the entry is never the default one.
menuentry 'Stiefelsystem: lend the disk of this computer to a desktop' --class stiefelsystem --id stiefelsystem {
	insmod part_gpt
	insmod part_msdos
	insmod ${module}
	search --no-floppy --fs-uuid --set=root ${fileSystem.uuid}
	linux ${at(image.kernel)} ${image.commandLine}
	initrd ${at(image.initrd)}
}
`;
  return { path: `${directory}/custom.cfg`, text };
}

const directories: readonly HostPath[] = ["/boot/grub", "/boot/grub2"];
const columns = ["UUID", "FSTYPE", "SOURCE", "FSROOT", "TARGET"] as const;

/**
 * Runs `findmnt`, where a grub.cfg reads custom.cfg.
 * @param imagePath of the image's kernel, which need not be there yet
 * @returns undefined where there is no such grub.cfg
 */
export async function gatherGrubMenu(
  system: System,
  tree: HostTree,
  imagePath: HostPath,
): Promise<GrubMenuFacts | undefined> {
  for (const directory of directories) {
    if (!(await tree.readText(`${directory}/grub.cfg`) ?? "").includes("custom.cfg")) continue;
    const place = await findPlace(tree, imagePath);
    const argv = ["findmnt", "--noheadings", "--raw", `--output=${columns.join(",")}`, "--target", place];
    const { stdout } = await system.run(argv, { acceptExitCodes: [0, 1] });
    // The last one lies on top of the others.
    const [uuid, type, source, root, target] = stdout.trim().split("\n").at(-1)?.split(" ") ?? [];
    if (uuid === undefined || type === undefined || source === undefined || root === undefined) return undefined;
    // Of another tree, as that tree sees it.
    const inTree = target?.startsWith(tree.prefix) ? target.slice(tree.prefix.length) || "/" : undefined;
    if (inTree === undefined) return undefined;
    const custom = await tree.readText(`${directory}/custom.cfg`);
    return { directory, custom, fileSystem: { uuid, type, source, root, target: inTree } };
  }
  return undefined;
}

/** The nearest directory that is there already. */
async function findPlace(tree: HostTree, path: HostPath): Promise<string> {
  const parent = path.slice(0, path.lastIndexOf("/")) || "/";
  return parent === "/" || await tree.exists(parent) ? await tree.locate(parent) : await findPlace(tree, parent);
}
