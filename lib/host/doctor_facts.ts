/** What `doctor` looks at, gathered from the running system. Deciding is in doctor_checks.ts. */

import * as v from "valibot";
import { pathCandidates } from "../boot/menu/find_boot_entry.ts";
import { BootError } from "../boot/menu/entry.ts";
import type { KernelSignature } from "../boot/kernel_signature.ts";
import { parseStiefelsystemJson } from "../boot/menu/stiefelsystem_json.ts";
import type { Config } from "../config/config.ts";
import { UserError } from "../errors.ts";
import { type GeneratorId, separateInitramfs } from "../initramfs/generator.ts";
import { type BlockDevice, readKernelFile, readLockdown } from "../system/facts.ts";
import type { System } from "../system/system.ts";
import { outputIfItWorks } from "./ask_program.ts";
import { findLocalNames, findMountsElsewhere, type MountElsewhere, type NamedDevice } from "./device_names.ts";
import {
  findGreedyPrograms,
  findNetworkManagerConflicts,
  type GreedyProgram,
  type NicFacts,
  readNics,
} from "./doctor_network_facts.ts";
import { type FirewallFacts, readFirewall } from "./firewall_facts.ts";
import { chooseGenerator, gatherHostFacts, type HostFacts, moduleDirectories } from "./host_facts.ts";
import { journalPath, parseJournal } from "./journal.ts";
import type { HostPath } from "./operation.ts";
import { stiefelsystemJsonPath } from "./plan_setup_server.ts";
import { readImageKernel, readSecureBoot, readTrustedKeys } from "./secure_boot_facts.ts";
import { flattenDevices, gatherStorageFacts, isLuks, type StorageFacts } from "./storage_facts.ts";
import { hashFile, type HostTree } from "./tree.ts";

export interface LuksFacts {
  readonly device: string;
  /** Number of key slots that no token (TPM2, FIDO2, clevis) unlocks; undefined when it could not be read. */
  readonly passphraseSlots: number | undefined;
  /** Token types: "systemd-tpm2", "clevis", … */
  readonly tokens: readonly string[];
}

export interface BatteryFacts {
  readonly capacityPercent: number;
  readonly isDischarging: boolean;
}

export interface ArtifactFacts {
  readonly directory: string;
  readonly hasKernel: boolean;
  readonly hasInitrd: boolean;
  /** The key file: "missing", "wrong" (not 32 bytes), "open" (others may read it), "good". */
  readonly key: "missing" | "wrong" | "open" | "good";
  /** The shared key was found in the initrd; undefined when there is none of the two, or they may not be read. */
  readonly initrdHasKey: boolean | undefined;
  /** The configuration is newer than the initrd. */
  readonly isConfigNewer: boolean;
  /** The image on the laptop: the one that was built last, or not. Undefined when none was built, or it may not be read. */
  readonly installed: "built" | "other" | "missing" | undefined;
}

/** What the journal of setup-server says. */
export type SetupFacts =
  | { readonly kind: "never" }
  /** `unfinished`: what it was to run and has not, or not to its end; nothing where only root may see it. */
  | { readonly kind: "done"; readonly unfinished: readonly string[] }
  /** It cannot be read. */
  | { readonly kind: "unknown"; readonly message: string };

export interface DoctorFacts {
  readonly host: HostFacts;
  readonly generator: GeneratorId | undefined;
  /** The kernel was built with kexec. */
  readonly hasKexec: boolean;
  /** kernel.kexec_load_disabled is set. */
  readonly isKexecDisabled: boolean;
  /** "integrity", "confidentiality"; undefined where the kernel is not locked down. */
  readonly lockdown: string | undefined;
  readonly isSecureBoot: boolean;
  /** The kernel that the laptop would turn into; undefined when there is none, it may not be read, or nobody checks who has signed it. */
  readonly imageKernel: { readonly path: string; readonly signature: KernelSignature } | undefined;
  /** What the running kernel calls the keys it checks signatures with; undefined where they are not shown, or none are needed. */
  readonly trustedKeys: readonly string[] | undefined;
  /** Kernel modules a desktop needs that the payload's kernel lacks. */
  readonly missingModules: readonly string[];
  /** The kernel that /boot/stiefelsystem.json names; undefined when it names none. */
  readonly bootKernel: { readonly path: string; readonly isThere: boolean; readonly isNewest: boolean } | undefined;
  /** Why /boot/stiefelsystem.json cannot be used. */
  readonly bootFileProblem: string | undefined;
  /** `boot.load.initrd` of the configuration: what a desktop gets instead of the one that setup-server builds. */
  readonly chosenInitramfs: string | undefined;
  /** Built by setup-server. */
  readonly hasSeparateInitramfs: boolean;
  readonly storage: StorageFacts;
  /** Where the laptop's own initramfs looks for a hibernated system without being told by the kernel command line. */
  readonly initramfsResume: string | undefined;
  /** Containers on the disk that is served. */
  readonly luks: readonly LuksFacts[];
  /** Kernel command line that a desktop gets, as far as it is known: of the configuration, else of the running system. */
  readonly commandLine: string;
  /** Devices that are named so that a desktop does not find them. */
  readonly localNames: readonly NamedDevice[];
  /** What has to be mounted and is not on the disk that is served; nothing where it is not known which one that is. */
  readonly mountsElsewhere: readonly MountElsewhere[];
  /** `boot.disk` of the configuration; undefined when it is not set. */
  readonly disk: { readonly path: string; readonly found: BlockDevice | undefined } | undefined;
  /** NetworkManager settings of others that manage the stiefel link. */
  readonly networkManagerConflicts: readonly string[];
  /** Of the programs that take every link, those that run at each boot and are not told to leave ours. */
  readonly greedyPrograms: readonly GreedyProgram[];
  /** Built with netlink, without which it would have to stay as a process; undefined when it is not installed. */
  readonly nbdClientHasNetlink: boolean | undefined;
  /** The running kernel speaks IPv6. */
  readonly hasIpv6: boolean;
  /** Undefined where it could not be read. */
  readonly firewall: FirewallFacts | undefined;
  readonly nics: readonly NicFacts[];
  readonly battery: BatteryFacts | undefined;
  readonly artifacts: ArtifactFacts;
  readonly setup: SetupFacts;
}

export interface DoctorInputs {
  readonly config: Config;
  readonly configPath: string;
  readonly keyPath: string;
  readonly buildDirectory: string;
}

/** Runs `cat`, `lsblk`, `ip`, `findmnt`, `systemctl`, `udevadm`, `mokutil`, `cryptsetup`, `ls`, `nft`; those that are not there say nothing. */
export async function gatherDoctorFacts(system: System, tree: HostTree, inputs: DoctorInputs): Promise<DoctorFacts> {
  const host = await gatherHostFacts(system, tree);
  const storage = await gatherStorageFacts(system);
  const disk = await findConfiguredDisk(system, storage, inputs.config.boot.disk);
  const served = disk?.found ?? storage.root?.devices[0];
  const lockdown = await readLockdown(system);
  const commandLine = inputs.config.boot.load?.cmdline.join(" ") ?? host.commandLine;
  const fstab = await tree.readText("/etc/fstab");
  return {
    host,
    generator: chooseGenerator(host, inputs.config.modules),
    hasKexec: await readKernelFile(system, "/sys/kernel/kexec_loaded") !== undefined,
    isKexecDisabled: await readKernelFile(system, "/proc/sys/kernel/kexec_load_disabled") === "1",
    lockdown,
    isSecureBoot: await readSecureBoot(system),
    imageKernel: lockdown === undefined ? undefined : await unlessRefused(
      readImageKernel(system, tree, {
        installed: inputs.config.serverSetup.stiefelsystemKernel,
        built: `${inputs.buildDirectory}/kernel`,
      }),
      undefined,
    ),
    trustedKeys: lockdown === undefined ? undefined : await readTrustedKeys(system),
    missingModules: host.kernel === undefined ? [] : await findMissingModules(tree, host.kernel.release),
    ...await readBootFile(system, tree, host.kernel?.image),
    chosenInitramfs: inputs.config.boot.load?.initrd,
    hasSeparateInitramfs: await tree.exists(separateInitramfs),
    storage,
    initramfsResume: await readInitramfsResume(tree),
    luks: await Promise.all(
      flattenDevices(served === undefined ? [] : [served]).filter(isLuks).map((device) =>
        readLuks(system, device.path)
      ),
    ),
    commandLine,
    localNames: findLocalNames({
      commandLine,
      fstab,
      // For root only in Arch Linux.
      crypttab: await unlessRefused(tree.readText("/etc/crypttab"), undefined),
    }),
    mountsElsewhere: served === undefined ? [] : findMountsElsewhere({ fstab, disks: storage.disks, served }),
    disk,
    networkManagerConflicts: await unlessRefused(findNetworkManagerConflicts(tree), []),
    greedyPrograms: await findGreedyPrograms(system, tree),
    nbdClientHasNetlink: await readNbdClientHasNetlink(system, tree),
    hasIpv6: await readKernelFile(system, "/proc/sys/net/ipv6/conf/all/disable_ipv6") === "0",
    firewall: await readFirewall(system),
    nics: await readNics(system),
    battery: await readBattery(system),
    artifacts: await readArtifacts(system, tree, inputs),
    // Only root may look into the directory: it is there, then.
    setup: await unlessRefused(readSetup(tree), { kind: "done", unfinished: [] }),
  };
}

async function readSetup(tree: HostTree): Promise<SetupFacts> {
  const text = await tree.readText(journalPath);
  if (text === undefined) return { kind: "never" };
  try {
    const { entries } = parseJournal(text);
    const unfinished = entries.flatMap((entry) => entry.kind === "command" && entry.isNeeded ? [entry.what] : []);
    return { kind: "done", unfinished };
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    return { kind: "unknown", message: error.message };
  }
}

/** What only root may look at is answered with `otherwise`, so that doctor is of use to others, too. */
async function unlessRefused<T>(work: Promise<T>, otherwise: T): Promise<T> {
  try {
    return await work;
  } catch (error) {
    if (error instanceof Deno.errors.PermissionDenied) return otherwise;
    throw error;
  }
}

const neededModules = ["nbd"];

/** Modules come as files or built in (modules.dep and modules.builtin of depmod(8)). */
async function findMissingModules(tree: HostTree, release: string): Promise<readonly string[]> {
  const paths = moduleDirectories.flatMap((directory): readonly HostPath[] =>
    ["modules.dep", "modules.builtin"].map((name): HostPath => `${directory}/${release}/${name}`)
  );
  const known = (await Promise.all(paths.map((path) => tree.readText(path)))).join("\n");
  return neededModules.filter((name) => !new RegExp(`(^|/)${name}\\.ko`, "m").test(known));
}

async function readInitramfsResume(tree: HostTree): Promise<string | undefined> {
  const directory = "/etc/initramfs-tools";
  const texts = [await tree.readText(`${directory}/initramfs.conf`)];
  for (const name of await tree.list(`${directory}/conf.d`)) {
    texts.push(await tree.readText(`${directory}/conf.d/${name}`));
  }
  return parseInitramfsResume(texts.join("\n"));
}

/**
 * RESUME of initramfs-tools (initramfs-tools(7)), which Debian's installer sets; "auto" finds something or not.
 * @param settings one file after the other
 */
export function parseInitramfsResume(settings: string): string | undefined {
  // The last assignment counts, as in the shell that sources them.
  const value = [...settings.matchAll(/^[ \t]*RESUME=["']?([^"'\s#]*)/gm)].at(-1)?.[1];
  return value === undefined || ["", "auto", "none"].includes(value) ? undefined : value;
}

async function readBootFile(
  system: System,
  tree: HostTree,
  newest: string | undefined,
): Promise<Pick<DoctorFacts, "bootKernel" | "bootFileProblem">> {
  const text = await tree.readText(stiefelsystemJsonPath);
  if (text === undefined) return { bootKernel: undefined, bootFileProblem: undefined };
  try {
    const { kernel } = parseStiefelsystemJson(text, stiefelsystemJsonPath);
    const bootKernel = kernel === undefined ? undefined : await readBootKernel(system, tree, { kernel, newest });
    return { bootKernel, bootFileProblem: undefined };
  } catch (error) {
    if (!(error instanceof BootError)) throw error;
    return { bootKernel: undefined, bootFileProblem: error.message };
  }
}

/** Its name stays the same over kernel updates, and its content is for root only (Ubuntu): the size tells kernels apart. */
async function readBootKernel(
  system: System,
  tree: HostTree,
  { kernel, newest }: { readonly kernel: string; readonly newest: string | undefined },
): Promise<DoctorFacts["bootKernel"]> {
  const readSize = async (path: string): Promise<number | undefined> =>
    (await system.stat(await tree.locate(path)))?.sizeBytes;
  const sizes = await Promise.all(pathCandidates("/boot", kernel).map(readSize));
  const size = sizes.find((candidate) => candidate !== undefined);
  const isNewest = newest !== undefined && size === await readSize(newest);
  return { path: kernel, isThere: size !== undefined, isNewest };
}

const luksSchema = v.object({
  keyslots: v.record(v.string(), v.unknown()),
  tokens: v.record(v.string(), v.object({ type: v.string(), keyslots: v.array(v.string()) })),
});

/** Tokens whose secret people can type on any machine. */
const typedTokens = ["systemd-recovery", "luks2-keyring"];

/** @param metadata output of `cryptsetup luksDump --dump-json-metadata` (LUKS2 On-Disk Format Specification, section 3) */
export function parseLuksMetadata(device: string, metadata: string): LuksFacts {
  const { keyslots, tokens } = v.parse(luksSchema, JSON.parse(metadata));
  const list = Object.values(tokens);
  const bound = new Set(list.filter(({ type }) => !typedTokens.includes(type)).flatMap((token) => token.keyslots));
  return {
    device,
    passphraseSlots: Object.keys(keyslots).filter((slot) => !bound.has(slot)).length,
    tokens: list.map(({ type }) => type),
  };
}

async function readLuks(system: System, device: string): Promise<LuksFacts> {
  const metadata = await outputIfItWorks(system, ["cryptsetup", "luksDump", "--dump-json-metadata", device]);
  if (metadata !== undefined) return parseLuksMetadata(device, metadata);
  // LUKS1 has no such metadata, and nothing but passphrases and key files.
  const isLuks1 = await outputIfItWorks(system, ["cryptsetup", "isLuks", "--type", "luks1", device]) !== undefined;
  return { device, passphraseSlots: isLuks1 ? 1 : undefined, tokens: [] };
}

async function findConfiguredDisk(
  system: System,
  storage: StorageFacts,
  path: string | undefined,
): Promise<DoctorFacts["disk"]> {
  if (path === undefined) return undefined;
  const name = await outputIfItWorks(system, ["udevadm", "info", "--query=name", "--root", `--name=${path}`]);
  const found = flattenDevices(storage.disks).find((device) => device.path === (name?.trim() ?? path));
  return { path, found };
}

const nbdClientPaths = ["/usr/sbin/nbd-client", "/usr/bin/nbd-client", "/sbin/nbd-client", "/bin/nbd-client"];

/** nbd-client speaks netlink through libnl-genl, whose name stands in the program. */
async function readNbdClientHasNetlink(system: System, tree: HostTree): Promise<boolean | undefined> {
  for (const path of nbdClientPaths) {
    if ((await tree.status(path))?.kind !== "file") continue;
    return await contains(system, await tree.locate(path), new TextEncoder().encode("libnl-genl-3"));
  }
  return undefined;
}

async function readBattery(system: System): Promise<BatteryFacts | undefined> {
  const names = await outputIfItWorks(system, ["ls", "/sys/class/power_supply"]);
  for (const name of names?.split("\n") ?? []) {
    const directory = `/sys/class/power_supply/${name}`;
    // power_supply(5) of the kernel: a mouse's battery has scope "Device".
    if (name === "" || await readKernelFile(system, `${directory}/type`) !== "Battery") continue;
    if (await readKernelFile(system, `${directory}/scope`) === "Device") continue;
    const capacity = Number(await readKernelFile(system, `${directory}/capacity`));
    if (!Number.isFinite(capacity)) continue;
    return {
      capacityPercent: capacity,
      isDischarging: await readKernelFile(system, `${directory}/status`) === "Discharging",
    };
  }
  return undefined;
}

async function readArtifacts(system: System, tree: HostTree, inputs: DoctorInputs): Promise<ArtifactFacts> {
  const { buildDirectory } = inputs;
  const kernel = await system.stat(`${buildDirectory}/kernel`);
  const initrd = await system.stat(`${buildDirectory}/initrd`);
  const configStatus = await system.stat(inputs.configPath);
  const key = await readKeyState(system, inputs.keyPath);
  const hasKey = initrd !== undefined && (key === "good" || key === "open");
  const findKey = async (): Promise<boolean> =>
    await contains(system, `${buildDirectory}/initrd`, await system.readFile(inputs.keyPath));
  return {
    directory: buildDirectory,
    hasKernel: kernel !== undefined,
    hasInitrd: initrd !== undefined,
    key,
    // Both are their owner's alone, who is root when it was root that built them.
    initrdHasKey: hasKey ? await unlessRefused(findKey(), undefined) : undefined,
    isConfigNewer: configStatus !== undefined && initrd !== undefined && configStatus.modifiedMs > initrd.modifiedMs,
    installed: await unlessRefused(compareInstalled(system, tree, inputs), undefined),
  };
}

async function readKeyState(system: System, path: string): Promise<ArtifactFacts["key"]> {
  const status = await system.stat(path);
  if (status === undefined) return "missing";
  if (status.sizeBytes !== 32) return "wrong";
  return (status.mode & 0o077) === 0 ? "good" : "open";
}

async function compareInstalled(
  system: System,
  tree: HostTree,
  { buildDirectory, config }: DoctorInputs,
): Promise<ArtifactFacts["installed"]> {
  const { stiefelsystemKernel, stiefelsystemInitrd } = config.serverSetup;
  const files = Object.entries({ kernel: stiefelsystemKernel, initrd: stiefelsystemInitrd });
  for (const [, installed] of files) if ((await tree.status(installed))?.kind !== "file") return "missing";
  for (const [name, installed] of files) {
    const built = `${buildDirectory}/${name}`;
    if (await system.stat(built) === undefined) return undefined;
    if (await hashFile(system, built) !== await hashFile(system, await tree.locate(installed))) return "other";
  }
  return "built";
}

/** Whether a file holds these bytes; read in pieces, what is cut apart is looked at together. */
export async function contains(system: System, path: string, wanted: Uint8Array): Promise<boolean> {
  const needle = latin1(wanted);
  let rest = "";
  for await (const piece of await system.openRead(path)) {
    const text = rest + latin1(piece);
    if (text.includes(needle)) return true;
    rest = text.slice(-(needle.length - 1));
  }
  return false;
}

/** One character for each byte, so that the runtime's own text search can be used. */
function latin1(bytes: Uint8Array): string {
  return Array.from(
    { length: Math.ceil(bytes.length / 8192) },
    (_, index) => String.fromCharCode(...bytes.subarray(index * 8192, (index + 1) * 8192)),
  ).join("");
}
