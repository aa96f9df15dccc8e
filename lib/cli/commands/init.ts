/** `init`: looks at the running system and writes a config.yaml for it. Changes nothing else. */

import { findArchitecture, usualArchitecture } from "../../architecture.ts";
import { encodeUtf8 } from "../../formats/text.ts";
import { dirname } from "node:path";
import { isRealDisk } from "../../disk/decide_disk.ts";
import { holdsPassword } from "../../config/holds_password.ts";
import { notAFile } from "../../config_file.ts";
import { demandWritable } from "../../file_access.ts";
import { ExitCode, StoppedByUser, UserError } from "../../errors.ts";
import { type ConfigChoices, formatConfigYaml } from "../../host/config_yaml.ts";
import { colorChange, describeChange } from "../../host/diff.ts";
import { chooseGenerator, gatherHostFacts, type HostFacts } from "../../host/host_facts.ts";
import {
  gatherStorageFacts,
  isLuks,
  listStableNames,
  type MountChain,
  type StorageFacts,
} from "../../host/storage_facts.ts";
import { openHostTree, readState } from "../../host/tree.ts";
import { wrapLine } from "../../wrap_line.ts";
import type { GeneratorId } from "../../initramfs/generator.ts";
import type { BlockDevice } from "../../system/facts.ts";
import { createReadOnlySystem } from "../../system/read_only.ts";
import type { System } from "../../system/system.ts";
import { formatBytes } from "../../format_bytes.ts";
import { needingRoot } from "../needing_root.ts";
import { commandToType } from "../../command_to_type.ts";
import { sayOutcome } from "../outcome.ts";
import type { Ui } from "../../ui.ts";

export interface InitOptions {
  /** The file to write. */
  readonly configPath: string;
  /** The user has not named the file: its folder is made, if need be. */
  readonly isUsualPlace?: boolean;
  /** Show the file instead of writing it. */
  readonly dryRun?: boolean;
  /** The system to look at. Default "/", the running one. */
  readonly root?: string;
  /** No question reaches a person: what is not certain is an error. */
  readonly assumeYes?: boolean;
}

/**
 * Needs `cat`, `lsblk`, `findmnt`, `udevadm` and `systemctl`, and write access to the configuration file.
 * @throws {StoppedByUser} on Ctrl-C, and when the file shall not be replaced
 */
export async function init(given: System, ui: Ui, options: InitOptions): Promise<void> {
  const system = options.dryRun ? createReadOnlySystem(given) : given;
  if (!options.dryRun) {
    const folder = { what: "The folder of the configuration", path: dirname(options.configPath) };
    await demandWritable(system, { ...folder, option: "--config", mustExist: !options.isUsualPlace });
  }
  const place = await system.stat(options.configPath);
  if (place !== undefined && place.kind !== "file") throw notAFile(options.configPath, place.kind);
  const tree = await openHostTree(system, options.root);
  const facts = await needingRoot("init", gatherHostFacts(system, tree));
  const storage = await gatherStorageFacts(system, tree.prefix);
  const generator = chooseGenerator(facts, new Set());
  for (const line of describeSystem({ facts, storage, generator }, ui.screen().columns)) ui.say(line);
  const text = formatConfigYaml({
    architecture: findArchitecture(system.processor) ?? usualArchitecture,
    systemName: facts.distribution?.prettyName ?? "an unknown distribution",
    ...await chooseStorage(system, ui, { storage, assumeYes: options.assumeYes ?? false, root: tree.prefix }),
    modules: chooseModules(facts, generator),
    listens: await ui.confirm("Turn this machine into a server when a desktop with your key asks"),
    onEnd: await ui.confirm("Start this system again when the desktop has shut down") ? "reboot" : "poweroff",
  });
  await writeConfig(system, ui, { text, ...options });
}

interface FoundSystem {
  readonly facts: HostFacts;
  readonly storage: StorageFacts;
  readonly generator: GeneratorId | undefined;
}

/** What init has found, as lines of a terminal with so many columns. */
export function describeSystem({ facts, storage, generator }: FoundSystem, columns: number): readonly string[] {
  return [
    `System      ${facts.distribution?.prettyName ?? "not known"}`,
    `Initramfs   ${generator ?? "no generator that is known here"}`,
    `Kernel      ${facts.kernel?.release ?? (facts.isKernelHidden ? "not seen: only root may look" : "none found")}`,
    `Root        ${describeChain(storage.root)}`,
    ...storage.boot === undefined ? [] : [`Boot        ${describeChain(storage.boot)}`],
  ].flatMap((line) => wrapLine(line, 12, columns));
}

function describeChain(chain: MountChain | undefined): string {
  if (chain === undefined) return "on no disk";
  return chain.devices.map((device) => `${device.path}${device.fsType === undefined ? "" : ` (${device.fsType})`}`)
    .join(" > ");
}

function describeDisk(disk: BlockDevice): string {
  const words = [disk.model, formatBytes(disk.sizeBytes), disk.transport].filter((word) => word !== undefined);
  return `${disk.path} (${words.join(", ")})`;
}

async function chooseStorage(
  system: System,
  ui: Ui,
  { storage, assumeYes, root }: {
    readonly storage: StorageFacts;
    readonly assumeYes: boolean;
    /** Where the system is mounted; "" for the running one. */
    readonly root: string;
  },
): Promise<Pick<ConfigChoices, "disk" | "bootPartition">> {
  const rootDisk = findRootDisk(storage);
  const others = storage.disks.filter((disk) => disk !== rootDisk && isRealDisk(disk));
  if (assumeYes && rootDisk === undefined) {
    if (root !== "") throw noDiskMounted(root);
    demandOneDisk(others);
  }
  for (const disk of [...rootDisk === undefined ? [] : [rootDisk], ...others]) {
    ui.say("");
    ui.say(`${disk === rootDisk ? "The disk of this system" : "Another disk"}: ${describeDisk(disk)}`);
    if (!await ui.confirm("Let desktops use it")) continue;
    const name = await stableName(system, disk);
    return { disk: name, bootPartition: disk === rootDisk ? findBootPartition(storage) : undefined };
  }
  throw new UserError("No disk was chosen", { hints: ["Run init again, or set boot.disk in config.yaml by hand"] });
}

/** The disk of the running system. A root on a network, in memory or on something that is no disk has none. */
function findRootDisk({ root, disks }: StorageFacts): BlockDevice | undefined {
  const first = root?.devices[0];
  return first !== undefined && disks.includes(first) && isRealDisk(first) ? first : undefined;
}

/** The only disk may be that of the running system. */
function noDiskMounted(root: string): UserError {
  return new UserError(`Cannot choose the disk for desktops: no disk is mounted at "${root}"`, {
    hints: ["Mount the system's root file system there, or run init without --yes and answer its questions"],
    exitCode: ExitCode.usage,
  });
}

/** "Yes" to the first disk that happens to be met would lend that one to desktops. */
function demandOneDisk(disks: readonly BlockDevice[]): void {
  if (disks.length === 1) return;
  throw new UserError(
    disks.length === 0
      ? "Cannot choose the disk for desktops: found no disk"
      : `Cannot choose the disk for desktops: this system's own is not known, and there are ${disks.length}`,
    {
      hints: [
        ...disks.map((disk) => `There is ${describeDisk(disk)}`),
        "Run init without --yes and answer its questions, or set boot.disk in config.yaml by hand",
      ],
      exitCode: ExitCode.usage,
    },
  );
}

async function stableName(system: System, device: BlockDevice): Promise<string> {
  return (await listStableNames(system, device.path))[0] ?? device.path;
}

/** Said only where the server could not find it by itself: in a LUKS container. */
function findBootPartition(storage: StorageFacts): ConfigChoices["bootPartition"] {
  const devices = (storage.boot ?? storage.root)?.devices ?? [];
  const container = devices.find(isLuks);
  const fileSystem = devices.at(-1);
  if (container === undefined || fileSystem === undefined) return undefined;
  // A mapping has the name on the server that it has here only if it is a logical volume; the UUID of a file system is
  // the same everywhere.
  const block = fileSystem.uuid === undefined ? fileSystem.path : `/dev/disk/by-uuid/${fileSystem.uuid}`;
  const luksBlock = container.uuid === undefined ? container.path : `/dev/disk/by-uuid/${container.uuid}`;
  return { type: "luks", block, luksBlock };
}

const payloadModules: Readonly<Record<string, string>> = {
  "debian initramfs-tools": "system-debian",
  "ubuntu initramfs-tools": "system-debian",
  "arch mkinitcpio": "system-arch",
  "arch dracut": "system-arch-dracut",
  "gentoo dracut": "system-gentoo",
};

function chooseModules(facts: HostFacts, generator: GeneratorId | undefined): readonly string[] {
  const payload = payloadModules[`${facts.distribution?.distribution.id} ${generator}`];
  return [
    ...payload === undefined ? [] : [payload],
  ];
}

async function writeConfig(
  system: System,
  ui: Ui,
  { configPath, text, dryRun }: InitOptions & { readonly text: string },
): Promise<void> {
  if (dryRun) return ui.result(text.trimEnd());
  const before = await readState(system, configPath);
  if (before.kind !== "absent") {
    const textBefore = await system.readText(configPath);
    if (textBefore === text) {
      ui.say(`${configPath} is up to date.`);
      return sayNext(ui, { configPath, text });
    }
    const lines = describeChange({
      path: configPath,
      before: { state: before, text: textBefore },
      after: { state: { kind: "file", sha256: "", sizeBytes: encodeUtf8(text).length }, text },
      isSecret: await holdsPassword(textBefore),
    });
    for (const line of ui.color ? colorChange(lines) : lines) ui.say(line);
    if (!await ui.confirm(`Replace ${configPath}`)) throw new StoppedByUser(`"${configPath}" stays as it is`);
    const kept = await findFreeName(system, `${configPath}.old`);
    await system.copyExactly(configPath, kept);
    ui.say(`The one before is kept: ${kept}`);
  }
  const owner = await system.stat(before.kind === "absent" ? dirname(configPath) : configPath);
  // It may come to hold a password.
  await system.writeFile(configPath, text, { mode: 0o600 });
  const made = await system.stat(configPath);
  // Run with sudo: it stays the user's.
  if (owner !== undefined && made !== undefined && owner.uid !== made.uid) await system.chown(configPath, owner);
  ui.say(`Wrote ${configPath}`);
  sayNext(ui, { configPath, text });
}

function sayNext(
  ui: Ui,
  { configPath, text }: { readonly configPath: string; readonly text: string },
): void {
  sayOutcome(ui, {
    made: [{ what: "configuration", path: configPath, sizeBytes: encodeUtf8(text).length }],
    next: [
      { command: commandToType("create-initrd"), why: "builds the image" },
      { command: commandToType("setup-server", { asRoot: true }), why: "installs it on this laptop" },
    ],
  });
}

/** The name itself, or with a number that nothing has yet. */
async function findFreeName(system: System, name: string): Promise<string> {
  for (let number = 1; number < 1000; number++) {
    const candidate = number === 1 ? name : `${name}.${number}`;
    if (await system.lstat(candidate) === undefined) return candidate;
  }
  throw new UserError(`There are 1000 files like "${name}"`, { hints: ["Remove some of them"] });
}
