/** A boot entry: what a boot loader would have started, and why it may not be found. */

import type { FilePart } from "../../file_part.ts";

/** Whose word an entry is. */
export type BootLoader =
  | "handover"
  | "configuration"
  | "stiefelsystem.json"
  | "systemd-boot"
  | "grub"
  | "extlinux"
  | "unified";

/** Kernel, initramfs and command line of one menu entry; paths are those of {@link BootFiles} and exist there. */
export interface BootEntry {
  readonly title: string;
  readonly kernel: string;
  /** In the order in which the boot loader would load them; may be empty. */
  readonly initrds: readonly string[];
  /** As the boot loader would pass it on, without `BOOT_IMAGE=`; not yet edited for the desktop. */
  readonly commandLine: string;
  readonly loader: BootLoader;
  /** The file that names the entry, for people to look at. */
  readonly source: string;
  /** Where the command line comes from, when another file names it. */
  readonly commandLineSource?: string;
  /** Things the user may want to know: an entry that was skipped, a setting that could not be followed. */
  readonly notices: readonly string[];
  /** By which its initramfs can attach the disk, as setup-server has noted it. */
  readonly transports?: readonly string[];
  /** It can do so through a tunnel. */
  readonly canTunnel?: boolean;
}

/** An entry as a configuration states it: paths not yet looked for. */
export interface NamedEntry {
  readonly title: string;
  readonly kernel: string;
  readonly initrds: readonly string[];
  readonly commandLine: string;
  readonly notices: readonly string[];
}

/** The files of a boot or root partition. Paths are absolute within it; symlinks never lead out of it. */
export interface BootFiles {
  /** @throws {BootError} when there is no such file, or it is larger than {@link maximumTextBytes} */
  readText(path: string): Promise<string>;
  /** Names in a directory, sorted; empty where there is no such directory. */
  list(path: string): Promise<readonly string[]>;
  /** Whether there is a file or directory, symlinks followed. */
  exists(path: string): Promise<boolean>;
  /**
   * What is there, symlinks followed; undefined when there is nothing. Absent: told by {@link list} and {@link
   * readText}.
   */
  status?(path: string): Promise<BootFileStatus | undefined>;
  /**
   * Sectors of the partition itself, as text, as GRUB lists them: "512+1" is one of 512 bytes, 512 sectors from the
   * start. Absent where there is a directory only.
   */
  readBlocks?(list: string): Promise<string>;
  /** Both absent: nothing but text can be read. @throws {BootError} when there is no such file */
  sizeBytes?(path: string): Promise<number>;
  /** Bytes of a file; fewer than asked for where it ends before. @throws {BootError} when there is no such file */
  readBytes?(path: string, part: FilePart): Promise<Uint8Array>;
}

export interface BootFileStatus {
  readonly kind: "file" | "directory";
  readonly sizeBytes: number;
}

/** Another partition of the same disk, which a boot loader may go on to. */
export interface Partition {
  /** Unlike any other's: "/dev/sda2". */
  readonly name: string;
  readonly files: BootFiles;
  /** UUID and label of the file system, as libblkid prints them. */
  readonly uuid?: string | undefined;
  readonly label?: string | undefined;
  /** In the partition table. */
  readonly number?: number | undefined;
}

/** No boot loader configuration comes near this; a larger file is not one. */
export const maximumTextBytes = 4 * 1024 * 1024;
