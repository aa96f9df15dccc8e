/** Which installed system a boot entry belongs to: several may share an ESP. */

import { findRoot } from "../../formats/kernel_command_line.ts";
import { findMountOf, sameDevice } from "../../formats/mount_tables.ts";
import type { BootFiles } from "./entry.ts";

/** What an installed system says of itself. */
export interface SystemIdentity {
  /** machine-id(5), 32 hexadecimal digits. */
  readonly machineId?: string;
  /** What kernel-install(8) begins the names of its entries and directories with. */
  readonly tokens: readonly string[];
  /** What fstab(5) has for "/", without quotes. */
  readonly rootSource?: string;
  /** The command line that kernel-install(8) writes into new entries. */
  readonly commandLine?: { readonly text: string; readonly path: string };
}

/** @param root directory of the system on the partition, "" for its top. @returns undefined when no system is there */
export async function readIdentity(files: BootFiles, root: string): Promise<SystemIdentity | undefined> {
  const read = async (path: string): Promise<string | undefined> =>
    await files.exists(root + path) ? await files.readText(root + path).catch(() => undefined) : undefined;
  const [id, fstab] = [await read("/etc/machine-id"), await read("/etc/fstab")];
  const machineId = /^[0-9a-f]{32}$/.exec(id?.trim().toLowerCase() ?? "")?.[0];
  const token = (await read("/etc/kernel/entry-token"))?.trim().split("\n", 1)[0];
  const rootSource = findMountOf("/", fstab)?.device;
  const commandLine = await readFirst(read, ["/etc/kernel/cmdline", "/usr/lib/kernel/cmdline"], root);
  if (id === undefined && fstab === undefined && commandLine === undefined && token === undefined) return undefined;
  return {
    ...machineId === undefined ? {} : { machineId },
    tokens: [token ?? "", machineId ?? ""].filter(Boolean).map((one) => one.toLowerCase()),
    ...rootSource === undefined ? {} : { rootSource },
    ...commandLine === undefined ? {} : { commandLine },
  };
}

async function readFirst(
  read: (path: string) => Promise<string | undefined>,
  paths: readonly string[],
  root: string,
): Promise<SystemIdentity["commandLine"]> {
  for (const path of paths) {
    // Comments are allowed there (kernel-install(8)).
    const lines = (await read(path))?.split("\n").filter((line) => !/^\s*#/.test(line));
    const text = lines?.join(" ").split(/\s+/).filter(Boolean).join(" ");
    if (text !== undefined && text !== "") return { text, path: root + path };
  }
  return undefined;
}

export type Owner = "ours" | "foreign" | "unknown";

/** What an entry shows of the system it belongs to. */
export interface OwnedEntry {
  readonly machineId?: string;
  /** File name of the entry. */
  readonly id: string;
  /** As the entry names it. */
  readonly kernel: string;
  readonly commandLine: string;
}

/** @param others systems on the same disk */
export function findOwner(
  entry: OwnedEntry,
  system: SystemIdentity | undefined,
  others: readonly SystemIdentity[] = [],
): Owner {
  if (system === undefined) return "unknown";
  const { machineId, tokens, rootSource } = system;
  const root = findRoot(entry.commandLine);
  const hasRoot = root !== undefined && rootSource !== undefined && sameDevice(root, rootSource);
  // A machine-id may be made anew; entries of before still start this root.
  const foreign = hasRoot ? "unknown" : "foreign";
  if (entry.machineId !== undefined && machineId !== undefined) {
    return entry.machineId === machineId ? "ours" : foreign;
  }
  const places = [entry.id.toLowerCase(), entry.kernel.toLowerCase().replace(/^\/+/, "")];
  const begins = (token: string): boolean =>
    places.some((place) => place.startsWith(token) && /^[-/]/.test(place.slice(token.length)));
  if (tokens.some(begins)) return "ours";
  if (machineId !== undefined && places.some((place) => /^[0-9a-f]{32}[-/]/.test(place))) return foreign;
  if (hasRoot) return "ours";
  const isOthers = others.some((other) => sameDevice(root ?? "", other.rootSource ?? "/"));
  return isOthers ? "foreign" : "unknown";
}
