/**
 * What the running system can hand over to the image: its disk, its kernel command line, and kernel and initramfs for
 * desktops.
 */
import { findRootDisk, identifyDisk } from "../disk/disk_identity.ts";
import { isRecovery } from "../boot/menu/recovery.ts";
import { parseStiefelsystemJson, stiefelsystemJsonPath } from "../formats/stiefelsystem_json.ts";
import { describeError, UserError } from "../errors.ts";
import { type Handover, type HandoverFiles, pairOf } from "../formats/handover.ts";
import { parseOsRelease } from "../formats/os_release.ts";
import { forNextStart, isKernelCommandLine } from "../formats/kernel_command_line.ts";
import { toPrintable } from "../formats/text.ts";
import { listBlockDevices, readHostName } from "../system/facts.ts";
import type { System } from "../system/system.ts";

export interface Gathered {
  readonly handover: Handover;
  /** Exactly when the handover has a pair. */
  readonly files?: HandoverFiles;
  /** What could not be had, and what the server does about it. */
  readonly notices: readonly string[];
}

/** Nothing larger than the boot exchange can announce is handed over. */
const maximumPartBytes = 1024 * 1024 * 1024;

/**
 * Runs `lsblk`, `cat`, `stat`; reads nothing itself, as the files may be anywhere.
 * @throws {UserError} when the disk cannot be told, without which the rest is of no use
 */
export async function gatherHandover(system: System): Promise<Gathered> {
  const disk = findRootDisk(await listBlockDevices(system));
  if (disk === undefined) throw new UserError("The root file system is not on one disk of this machine");
  const notices: string[] = [];
  const title = toPrintable(
    parseOsRelease(await readByCat(system, "/etc/os-release") ?? "").get("PRETTY_NAME") ?? "",
    256,
  );
  const name = toPrintable(await readHostName(system), 64);
  const common = {
    version: 1,
    ...name === "" ? {} : { name },
    disk: identifyDisk(disk),
    ...title === "" ? {} : { title },
  } as const;
  const stated = await readStated(system, notices);
  const commandLine = chooseCommandLine(await readByCat(system, "/proc/cmdline") ?? "", stated.commandLine);
  if (commandLine.text === undefined) {
    return { handover: common, notices: [...notices, `${commandLine.why}: the server takes that of the boot loader`] };
  }
  const described = { ...common, commandLine: commandLine.text };
  const files = await findFiles(system, stated);
  if (files === undefined) {
    notices.push(`Kernel and initramfs of "${stiefelsystemJsonPath}" are not there: the server reads its disk`);
    return { handover: described, notices };
  }
  const { transports, canTunnel } = stated;
  const noted = { ...transports === undefined ? {} : { transports }, ...canTunnel ? { canTunnel } : {} };
  return { handover: { ...described, pair: pairOf(files), ...noted }, files, notices };
}

interface Stated {
  readonly kernel?: string | undefined;
  readonly initramfs: readonly string[];
  /** What the file says of the command line, unless it only repeats what the system had when it was set up. */
  readonly commandLine?: string | undefined;
  readonly transports?: readonly string[] | undefined;
  readonly canTunnel?: true | undefined;
}

/** What setup-server has written, and people may have changed. */
async function readStated(system: System, notices: string[]): Promise<Stated> {
  const path = stiefelsystemJsonPath;
  const text = await readByCat(system, path);
  if (text === undefined) return { initramfs: [] };
  try {
    const { kernel, initrd = [], cmdline, isCmdlineCopied, transports, canTunnel } = parseStiefelsystemJson(text, path);
    const words = typeof cmdline === "string" ? cmdline : cmdline?.join(" ");
    return {
      kernel,
      initramfs: typeof initrd === "string" ? [initrd] : initrd,
      commandLine: isCmdlineCopied ? undefined : words,
      transports,
      canTunnel: canTunnel ? true : undefined,
    };
  } catch (error) {
    notices.push(describeError(error));
    return { initramfs: [] };
  }
}

/**
 * @param running of /proc/cmdline
 * @param stated wins, as it does for a server that reads the disk
 */
export function chooseCommandLine(
  running: string,
  stated: string | undefined,
): { readonly text: string } | { readonly text?: undefined; readonly why: string } {
  if (stated !== undefined && stated.trim() !== "") return { text: stated };
  const text = forNextStart(running);
  if (text === "") return { why: "The kernel command line is empty" };
  if (!isKernelCommandLine(text)) return { why: "The kernel command line has characters that cannot be handed over" };
  if (isRecovery({ title: "", commandLine: text })) return { why: "This system was started for recovery" };
  return { text };
}

async function findFiles(system: System, { kernel, initramfs }: Stated): Promise<HandoverFiles | undefined> {
  if (kernel === undefined || initramfs.length === 0) return undefined;
  const sizedFiles = await Promise.all([kernel, ...initramfs].map((path) => findFile(system, path)));
  const files = sizedFiles.filter((file) => file !== undefined);
  const [first, ...others] = files;
  return first === undefined || files.length < sizedFiles.length ? undefined : { kernel: first, initramfs: others };
}

/** Names in the file are relative to the boot partition, to /boot or to the root file system. */
async function findFile(system: System, name: string): Promise<HandoverFiles["kernel"] | undefined> {
  const absolute = `/${name.replace(/^\/+/, "")}`;
  for (const path of absolute.startsWith("/boot/") ? [absolute] : [`/boot${absolute}`, absolute]) {
    const argv = ["stat", "--dereference", "--format=%s %F", "--", path];
    const { exitCode, stdout } = await system.run(argv, { acceptExitCodes: [0, 1], timeoutMs: 10_000 });
    const sizeBytes = Number(/^(\d+) regular file$/.exec(stdout.trim())?.[1]);
    if (exitCode === 0 && sizeBytes > 0 && sizeBytes <= maximumPartBytes) return { path, sizeBytes };
  }
  return undefined;
}

/**
 * Something that is another text when one of the files was replaced or changed, also when their names and sizes stay.
 * Runs `stat`.
 * @throws {CommandError} when one is gone
 */
export async function readStamp(system: System, files: HandoverFiles | undefined): Promise<string> {
  if (files === undefined) return "";
  const paths = [files.kernel, ...files.initramfs].map(({ path }) => path);
  // device, inode, size, last change of content and of anything
  const argv = ["stat", "--dereference", "--format=%d %i %s %y %z", "--", ...paths];
  return (await system.run(argv, { timeoutMs: 10_000 })).stdout;
}

async function readByCat(system: System, path: string): Promise<string | undefined> {
  const { exitCode, stdout } = await system.run(["cat", path], { acceptExitCodes: [0, 1], timeoutMs: 10_000 });
  return exitCode === 0 ? stdout : undefined;
}
