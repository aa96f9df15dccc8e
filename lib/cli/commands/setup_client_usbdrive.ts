/** `setup-client-usbdrive`: makes the stick that starts a desktop, or brings it up to date. */

import { dirname } from "node:path";
import { commandToType } from "../../command_to_type.ts";
import { demandWritable } from "../../file_access.ts";
import { ExitCode, StoppedByUser, UserError } from "../../errors.ts";
import { formatBytes } from "../../format_bytes.ts";
import type { KeyFingerprints } from "../../key_file.ts";
import { wrapLine } from "../../wrap_line.ts";
import { judgeDevices, namesDevice, pickDevice } from "../../media/choose_device.ts";
import { describeDevices, describeLosses } from "../../media/describe_devices.ts";
import { identityOf } from "../../media/device_identity.ts";
import { createDeviceIo } from "../../media/device_io.ts";
import { demandSameDevice, holdDevice } from "../../media/hold_device.ts";
import { lookAtDevices, resolveDeviceName } from "../../media/look_at_devices.ts";
import { createReader, updateDevice } from "../../media/update_device.ts";
import { type StickImageFile, writeDevice } from "../../media/write_device.ts";
import { nameStick, noteStick, parseWrittenSticks, writtenSticksName } from "../../media/written_sticks.ts";
import { parseManifest } from "../../image/manifest.ts";
import type { StickUpdate } from "../../media/update_stick.ts";
import type { BlockDevice } from "../../system/facts.ts";
import type { System } from "../../system/system.ts";
import type { Ui } from "../../ui.ts";
import { sayOutcome } from "../outcome.ts";

export interface SetupClientUsbdriveOptions {
  /** As typed: "sdb", "/dev/sdb", a link to it. */
  readonly device?: string;
  /** Absolute path of an image file to make in place of writing to a device. */
  readonly image?: string;
  readonly dryRun?: boolean;
  /** The device was named, and nothing is asked. */
  readonly assumeYes?: boolean;
  /** A stick of ours, too, is written anew as a whole. */
  readonly isAnew?: boolean;
  /** Absolute path of a folder for an image that is removed again. */
  readonly workDirectory: string;
}

/** What the stick is made of, apart from where it is put: lib/media/stick_image.ts. */
export interface StickMaker {
  /** @returns what a device must have at least. @throws {UserError} when nothing was built */
  measure(): Promise<number>;
  /** The keys that are put onto it. @throws {UserError} when one of them cannot be used */
  fingerprintKeys(): Promise<KeyFingerprints>;
  makeImage(place: {
    readonly path: string;
    readonly sizeBytes?: number;
    readonly sectorBytes?: number;
  }): Promise<StickImageFile>;
  /** Whether it is worth reading: by its label. */
  looksOurs(device: BlockDevice): boolean;
  planUpdate(
    readAt: (offset: number, sizeBytes: number) => Promise<Uint8Array>,
    device: { readonly sizeBytes: number; readonly sectorBytes: number },
  ): Promise<StickUpdate>;
}

/**
 * Asks for the device, shows what is lost, asks for its name once more, writes, reads back.
 * Runs `id` and what lib/media runs. @throws {UserError}; {StoppedByUser} on an empty answer and Ctrl-C
 */
export async function setupClientUsbdrive(
  system: System,
  ui: Ui,
  { options, maker }: { readonly options: SetupClientUsbdriveOptions; readonly maker: StickMaker },
): Promise<void> {
  if (options.image !== undefined) return await makeImageFile(system, ui, { options, maker, path: options.image });
  if (options.assumeYes && options.device === undefined) {
    throw new UserError("--yes needs the name of the device", {
      hints: [`${commandToType("setup-client-usbdrive", { arguments: "--dry-run" })} lists the devices`],
      exitCode: ExitCode.usage,
    });
  }
  const isRoot = (await system.run(["id", "-u"])).stdout.trim() === "0";
  if (!isRoot && !options.dryRun) throw needsRoot(options);
  const neededBytes = await measure(ui, { options, maker });
  const device = options.device === undefined
    ? await askForDevice(system, ui, { neededBytes, isDryRun: options.dryRun ?? false })
    : await findNamedDevice(system, options.device, neededBytes);
  // A dry run without a name has shown the list.
  if (device === undefined) return;
  // The kernel sees the partitions of a stick that was just written when it is plugged in again: one without any may
  // be ours.
  const mayBeOurs = maker.looksOurs(device) || (isRoot && device.children.length === 0);
  if (!options.isAnew && mayBeOurs) {
    if (!isRoot) ui.say(`${device.path} looks like a stick of ours: as root, this shows what an update would write`);
    else if (await update(system, ui, { device, maker, options })) return;
  }
  await writeAnew(system, ui, { device, maker, options, neededBytes });
}

/** Devices can be looked at before anything was built. */
async function measure(
  ui: Ui,
  { options, maker }: { readonly options: SetupClientUsbdriveOptions; readonly maker: StickMaker },
): Promise<number> {
  try {
    return await maker.measure();
  } catch (error) {
    if (!options.dryRun || !(error instanceof UserError)) throw error;
    sayWrapped(ui, [error.message, ...error.hints.map((hint) => `  ${hint}`), ""]);
    return 0;
  }
}

function needsRoot({ device }: SetupClientUsbdriveOptions): UserError {
  return new UserError("Writing to a device takes root", {
    hints: [
      `Run it as root: ${
        commandToType("setup-client-usbdrive", { asRoot: true, ...device === undefined ? {} : { arguments: device } })
      }`,
      "Without root: --dry-run shows the devices, --image FILE makes an image file",
    ],
    exitCode: ExitCode.usage,
  });
}

// ---- which device
// ----------------------------------------------------------------------------------------------------

async function findNamedDevice(system: System, name: string, neededBytes: number): Promise<BlockDevice> {
  const devices = await lookAtDevices(system);
  return pickDevice(devices, await resolveDeviceName(system, devices, name), neededBytes);
}

/** Shows the devices until one of them is named: what is plugged in meanwhile is there after the next answer. */
async function askForDevice(
  system: System,
  ui: Ui,
  { neededBytes, isDryRun }: { readonly neededBytes: number; readonly isDryRun: boolean },
): Promise<BlockDevice | undefined> {
  let shown = "";
  for (;;) {
    const devices = await lookAtDevices(system);
    const judged = judgeDevices(devices, neededBytes);
    const lines = describeDevices(judged, ui.screen().columns).join("\n");
    if (isDryRun) {
      ui.result(lines);
      return undefined;
    }
    if (judged.candidates.length === 0) {
      ui.say(lines);
      throw new UserError("There is no device to write to", {
        hints: [`Plug in a stick with at least ${formatBytes(neededBytes)}, and run the command again`],
      });
    }
    // A wrong answer does not scroll its reason away.
    if (lines !== shown) ui.say(`${lines}\n`);
    shown = lines;
    const typed = await ui.askText("Name of the device, such as sdb (empty: stop)");
    if (typed === "") throw new StoppedByUser("Nothing was written");
    try {
      // Anew: it takes a while to find the right stick.
      return await findNamedDevice(system, typed, neededBytes);
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      sayWrapped(ui, [error.message, ...error.hints.map((hint) => `  ${hint}`), ""]);
    }
  }
}

// ---- a whole stick
// ---------------------------------------------------------------------------------------------------

interface Job {
  readonly device: BlockDevice;
  readonly maker: StickMaker;
  readonly options: SetupClientUsbdriveOptions;
}

async function writeAnew(
  system: System,
  ui: Ui,
  { device, maker, options, neededBytes }: Job & { readonly neededBytes: number },
): Promise<void> {
  const losses = describeLosses(device, ui.screen().columns).join("\n");
  if (options.dryRun) {
    ui.result(losses);
    ui.say(
      `${neededBytes === 0 ? "" : `A stick of ${formatBytes(neededBytes)} would be written. `}Nothing was written.`,
    );
    return;
  }
  ui.say(`${losses}\n`);
  await sayKeys(ui, maker);
  const folder = { what: "The folder for the image of the stick", path: options.workDirectory };
  await demandWritable(system, { ...folder, option: "--out-dir" });
  if (!options.assumeYes) await askForName(ui, device);
  const path = `${options.workDirectory}/.stick-${device.name}.img`;
  try {
    const image = await maker.makeImage({
      path,
      sizeBytes: device.sizeBytes,
      sectorBytes: device.logicalSectorBytes,
    });
    await writeDevice(system, ui, { device, image });
  } finally {
    await system.remove(path);
  }
  await noteWritten(system, device, { maker, options });
  sayDone(ui, `The stick is written and was read back: ${device.path} can be unplugged now.`);
}

/** Only where there are several: whose laptops it will start a desktop from. */
async function sayKeys(ui: Ui, maker: StickMaker): Promise<void> {
  const { own, others } = await maker.fingerprintKeys();
  if (others.length === 0) return;
  const rows = [`${own}  the key of the image`, ...others.map((key) => `${key.keyFingerprint}  ${key.name}`)];
  sayWrapped(ui, [`The stick gets ${rows.length} keys:`, ...rows.map((row) => `  ${row}`), ""]);
}

/** For doctor, which says when a stick has an older image than the one built last. */
async function noteWritten(
  system: System,
  device: BlockDevice,
  { maker, options: { workDirectory } }: Pick<Job, "maker" | "options">,
): Promise<void> {
  const [manifestPath, path] = [`${workDirectory}/manifest.json`, `${workDirectory}/${writtenSticksName}`];
  if (await system.stat(manifestPath) === undefined) return;
  const manifest = parseManifest(await system.readText(manifestPath));
  if (manifest === undefined) return;
  const before = await system.stat(path) === undefined ? [] : parseWrittenSticks(await system.readText(path));
  const { own, others } = await maker.fingerprintKeys();
  const stick = {
    name: nameStick(device),
    initrdSha256: manifest.initrd.sha256,
    ...others.length === 0 ? {} : { keys: [own, ...others.map(({ keyFingerprint }) => keyFingerprint)] },
  };
  await system.writeFile(path, noteStick(before, stick));
}

/** @throws {StoppedByUser} */
async function askForName(ui: Ui, device: BlockDevice): Promise<void> {
  for (let tries = 0; tries < 3; tries++) {
    const typed = await ui.askText(`Type ${device.name} to erase it (empty: stop)`);
    if (typed === "") break;
    if (namesDevice(typed, device)) return;
    sayWrapped(ui, [`That is not "${device.name}".`]);
  }
  throw new StoppedByUser("Nothing was written");
}

function sayDone(ui: Ui, first: string): void {
  sayWrapped(ui, [
    "",
    first,
    "The desktop: plug the stick and the cable in, switch it on, and choose the stick in its boot menu (often F12, F11, F8 or Esc).",
    "The first start with Secure Boot raises the desktop's revocation level (SBAT, in its firmware): boot loaders that are older than the " +
    "stick's, also on other sticks, may be refused there afterwards (doc/stick.md).",
  ]);
}

// ---- an update
// -------------------------------------------------------------------------------------------------------

/** @returns false when only a whole stick helps */
async function update(system: System, ui: Ui, { device, maker, options }: Job): Promise<boolean> {
  const { path, sizeBytes, logicalSectorBytes } = device;
  await using _held = await holdDevice(system, path);
  await demandSameDevice(system, identityOf(device));
  const readAt = createReader(createDeviceIo(system, path));
  const plan = await maker.planUpdate(readAt, { sizeBytes, sectorBytes: logicalSectorBytes });
  switch (plan.kind) {
    case "foreign":
      if (!maker.looksOurs(device)) return false;
      sayWrapped(ui, [`${path} looks like a stick of ours, but ${plan.reason}: only a new one helps`, ""]);
      return false;
    case "full":
      sayWrapped(ui, [
        `${path} is a stick of ours without room for what is new beside what is old: the whole stick has to be written`,
        "",
      ]);
      return false;
    case "current":
      sayWrapped(ui, [`${path} is a stick of ours, and up to date: nothing was written`]);
      return true;
    case "update":
      sayWrapped(ui, describeUpdate(path, plan));
      await sayKeys(ui, maker);
      if (options.dryRun) {
        ui.say("Nothing was written.");
        return true;
      }
      if (!await ui.confirm(`Update ${device.name}`)) throw new StoppedByUser("Nothing was written");
      await updateDevice(system, ui, { path, groups: plan.groups });
      await noteWritten(system, device, { maker, options });
      sayDone(ui, `The stick is up to date, and what was written was read back: ${path} can be unplugged now.`);
      return true;
  }
}

/** Pure. */
function describeUpdate(
  path: string,
  { writtenBytes, changed, emptiesPlace, silenced, hasNewKey, leaves }: Extract<StickUpdate, { kind: "update" }>,
): readonly string[] {
  return [
    `${path} is a stick of ours. ${formatBytes(writtenBytes)} of it change:`,
    ...changed.map((file) => `  ${file}`),
    ...emptiesPlace ? ["  what a second boot has left"] : [],
    ...leaves === undefined
      ? []
      : [`It starts no desktop with an ${leaves} processor any more: the image is for another (image.architecture).`],
    ...hasNewKey
      ? [
        "It gets another shared key. These laptops will not answer to it any more, until setup-server has given them the new key:",
        ...silenced.map((name) => `  ${name}`),
        "  and every other one that still has the old key",
      ]
      : silenced.length > 0
      ? [
        "It loses the keys of these laptops, which will not answer to it any more:",
        ...silenced.map((name) => `  ${name}`),
      ]
      : [],
    "",
  ];
}

// ---- an image file
// ---------------------------------------------------------------------------------------------------

async function makeImageFile(
  system: System,
  ui: Ui,
  { options, maker, path }: Omit<Job, "device"> & { readonly path: string },
): Promise<void> {
  if (options.device !== undefined) {
    throw new UserError("Both a device and --image were given: name one of them", {
      exitCode: ExitCode.usage,
    });
  }
  const status = await system.stat(path);
  if (status !== undefined && status.kind !== "file") {
    throw new UserError(`"${path}" is no file: --image makes one`, {
      hints: [`For a device: ${commandToType("setup-client-usbdrive", { asRoot: true, arguments: "DEVICE" })}`],
      exitCode: ExitCode.usage,
    });
  }
  const neededBytes = await maker.measure();
  if (options.dryRun) {
    ui.result(
      `Would write "${path}", ${formatBytes(neededBytes)} (sparse)${
        status === undefined ? "" : ", over what is there"
      }`,
    );
    return;
  }
  const folder = { what: "The folder of the image", path: dirname(path) };
  await demandWritable(system, { ...folder, option: "--image", mustExist: true });
  if (status !== undefined && !await ui.confirm(`Write over ${path}`)) throw new StoppedByUser("Nothing was written");
  await sayKeys(ui, maker);
  const { sizeBytes } = await maker.makeImage({ path });
  sayOutcome(ui, { made: [{ what: "image of a stick", path, sizeBytes }], next: [] });
  sayWrapped(ui, [
    "Start a virtual machine from it, or copy it to a stick, with whatever writes images (dd, for one).",
    "It holds the shared key: anyone who has it can use your laptops as you do.",
  ]);
}

function sayWrapped(ui: Ui, lines: readonly string[]): void {
  const { columns } = ui.screen();
  const text = lines.flatMap((line) => line.split("\n")).flatMap((line) =>
    wrapLine(line, line.length - line.trimStart().length, columns)
  );
  for (const line of text) ui.say(line);
}
