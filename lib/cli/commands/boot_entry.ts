/**
 * `boot-entry`: shows what a desktop would get from a disk, by the code of the server agent. Reads only, mounts and
 * runs nothing.
 */

import { BootError } from "../../boot_error.ts";
import {
  type BootPreview,
  previewBoot,
  type PreviewFile,
  type PreviewPartition,
  splitMountedSystem,
} from "../../boot/preview_boot.ts";
import { commandToType } from "../../command_to_type.ts";
import { readConfigFile } from "../../config_file.ts";
import { ExitCode, quoteCommand, UserError } from "../../errors.ts";
import type { System } from "../../system/system.ts";
import type { Ui } from "../../ui.ts";

export interface BootEntryOptions {
  /** Undefined: the user named no file, and the usual place holds none. */
  readonly configPath?: string;
  /** A mounted system, or a tree. */
  readonly root?: string;
  /** Partitions of one disk, each as a directory with its files; in place of `root`. */
  readonly partitions?: readonly string[];
  readonly isJson?: boolean;
}

/**
 * @throws {UserError} with exit code 1 where a server would refuse, 2 for wrong usage
 */
export async function bootEntry(system: System, ui: Ui, options: BootEntryOptions): Promise<void> {
  if (options.root !== undefined && options.partitions !== undefined) {
    throw new UserError('"--root" and "--partition" exclude each other', { exitCode: ExitCode.usage });
  }
  const { config } = options.configPath === undefined ? {} : await readConfigFile(system, options.configPath);
  try {
    const preview = await previewBoot(system, await findPartitions(system, options), config?.boot.load);
    if (options.isJson) ui.result(formatJson(preview));
    else for (const line of describePreview(preview)) ui.result(line);
  } catch (error) {
    const refusal = describeRefusal(error, options);
    if (!options.isJson) throw refusal.error;
    const { code, error: { message, hints } } = refusal;
    ui.result(JSON.stringify({ error: { code, message, hints } }, null, 2));
    throw new UserError("", { cause: error });
  }
}

async function findPartitions(system: System, options: BootEntryOptions): Promise<readonly PreviewPartition[]> {
  const { root = "/", partitions } = options;
  const [flag, directories] = partitions === undefined
    ? ["--root", [root]] as const
    : ["--partition", partitions] as const;
  for (const directory of directories) {
    if ((await system.stat(directory))?.kind === "directory") continue;
    throw new UserError(`Cannot look into "${directory}", named by ${flag}: it is not a directory`, {
      exitCode: ExitCode.usage,
    });
  }
  if (partitions === undefined) return await splitMountedSystem(system, root);
  return partitions.map((directory) => ({ label: directory, directory: directory.replace(/(?<=.)\/+$/, "") }));
}

interface Refusal {
  readonly code: string;
  readonly error: UserError;
}

/** @throws what is no refusal */
function describeRefusal(error: unknown, { partitions = [] }: BootEntryOptions): Refusal {
  if (error instanceof BootError) return { code: error.code, error };
  if (!(error instanceof Deno.errors.PermissionDenied)) throw error;
  const words = partitions.flatMap((directory) => ["--partition", directory]);
  const command = commandToType("boot-entry", { asRoot: true, arguments: quoteCommand(words) });
  return {
    code: "not-readable",
    error: new UserError(`Only root may read these files: ${error.message}`, {
      hints: [`Run it as root: ${command}`],
      cause: error,
    }),
  };
}

/** Lines for people. Pure. */
function describePreview(preview: BootPreview): readonly string[] {
  const name = ({ partition, path }: PreviewFile): string => `${path}  (on ${partition})`;
  const isElsewhere = !isSameFile(preview.source, preview.commandLineSource);
  const rows: readonly (readonly [string, string])[] = [
    ["Title", preview.title],
    ["Kernel", name(preview.kernel)],
    ...preview.initramfs.map((file) => ["Initramfs", name(file)] as const),
    ["Command line", preview.desktopCommandLine],
    ["Named by", nameSource(preview.source)],
    ...isElsewhere ? [["Command line from", nameSource(preview.commandLineSource)] as const] : [],
    ...preview.notices.map((notice) => ["Note", notice] as const),
  ];
  const width = Math.max(...rows.map(([title]) => title.length));
  return rows.map(([title, value]) => `${title.padEnd(width)}  ${value}`);
}

function isSameFile(a: PreviewFile, b: PreviewFile): boolean {
  return a.partition === b.partition && a.path === b.path;
}

function nameSource({ partition, path }: PreviewFile): string {
  return path.startsWith("/") ? `${path}  (on ${partition})` : path;
}

/** The form is documented in doc/boot-entries.md. */
function formatJson(preview: BootPreview): string {
  const { title, loader, kernel, initramfs, source, commandLineSource, notices } = preview;
  return JSON.stringify(
    {
      title,
      loader,
      kernel: kernel.path,
      initramfs: initramfs.map(({ path }) => path),
      commandLine: preview.desktopCommandLine,
      loaderCommandLine: preview.commandLine,
      partition: kernel.partition,
      source: { partition: source.partition, file: source.path },
      commandLineSource: { partition: commandLineSource.partition, file: commandLineSource.path },
      notices,
    },
    null,
    2,
  );
}
