/** Which devices can become the stick, which one was meant, and what is lost on it. Pure. */

import { UserError } from "../errors.ts";
import { formatBytes } from "../format_bytes.ts";
import type { BlockDevice } from "../system/facts.ts";
import { findRefusals, flatten, type Refusal } from "./device_refusals.ts";

export interface JudgedDevice {
  readonly device: BlockDevice;
  /** Empty for a candidate. */
  readonly refusals: readonly Refusal[];
}

export interface JudgedDevices {
  /** Those that do not look built in come first. None is preselected, not even the only one. */
  readonly candidates: readonly JudgedDevice[];
  /** Whole devices that people may look for in the list: no memory, no loop devices. */
  readonly refused: readonly JudgedDevice[];
}

/** @param devices a forest of whole disks: `listBlockDevicesInFull` */
export function judgeDevices(devices: readonly BlockDevice[], neededBytes: number): JudgedDevices {
  const disks = devices.filter((device, index) => devices.findIndex(({ path }) => path === device.path) === index);
  const judged = disks.map((device) => ({ device, refusals: findRefusals(device, { devices, neededBytes }) }));
  const candidates = judged.filter(({ refusals }) => refusals.length === 0);
  return {
    candidates: [
      ...candidates.filter(({ device }) => !looksBuiltIn(device)),
      ...candidates.filter(({ device }) => looksBuiltIn(device)),
    ],
    refused: judged.filter(({ refusals }) => refusals.length > 0 && refusals[0]?.code !== "no-disk"),
  };
}

/**
 * Only a hint for people: flags lie in both directions (a card in a slot with RM=0, a USB disk that is called
 * removable).
 */
export function looksBuiltIn({ isRemovable, transport, name }: BlockDevice): boolean {
  return !isRemovable && transport !== "usb" && !name.startsWith("mmcblk") && transport !== "mmc";
}

/**
 * The device that a name means.
 * @param name as typed: "sdb", "/dev/sdb"; links such as /dev/disk/by-id/… are resolved before
 * @throws {UserError} when there is no such device, or it must not be written to: with every reason and its cure
 */
export function pickDevice(devices: readonly BlockDevice[], name: string, neededBytes: number): BlockDevice {
  const device = findDevice(devices, name);
  if (device === undefined) {
    const { candidates } = judgeDevices(devices, neededBytes);
    throw new UserError(`There is no device "${name}" on this computer`, {
      hints: candidates.length === 0
        ? ["Plug a stick in, and run the command again"]
        : [`Devices that can become the stick: ${candidates.map((one) => one.device.path).join(", ")}`],
    });
  }
  const refusals = findRefusals(device, { devices, neededBytes });
  const [first, ...others] = refusals;
  if (first === undefined) return device;
  throw new UserError(
    [
      `${device.path} cannot become the stick: it ${first.reason}`,
      ...others.map(({ reason }) => `  also: it ${reason}`),
    ]
      .join("\n"),
    { hints: [...new Set(refusals.map(({ cure }) => cure))] },
  );
}

/** "sdb" and "/dev/sdb" are the same; kernel names have no other slashes but cciss's, which has "!" there. */
export function findDevice(devices: readonly BlockDevice[], name: string): BlockDevice | undefined {
  const typed = name.trim();
  return devices.flatMap(flatten).find(({ path, name }) =>
    path === typed || path === `/dev/${typed}` || name === typed
  );
}

/** Whether what was typed names this device. */
export function namesDevice(typed: string, { path, name }: BlockDevice): boolean {
  const word = typed.trim();
  return word !== "" && (word === path || `/dev/${word}` === path || word === name);
}

/** "SanDisk Ultra, 30.8 GB, usb" */
export function describeDevice({ vendor, model, sizeBytes, transport }: BlockDevice): string {
  // Some sticks say the vendor in the model, too.
  const isNamed = vendor !== undefined && model !== undefined && model.toLowerCase().startsWith(vendor.toLowerCase());
  const words = [
    isNamed || vendor === "ATA" || vendor === "Generic-" || vendor?.startsWith("0x") ? undefined : vendor,
    model,
  ]
    .filter((word) => word !== undefined);
  return [words.length === 0 ? "unknown model" : words.join(" "), formatBytes(sizeBytes), transport]
    .filter((fact) => fact !== undefined).join(", ");
}

/** What is on a device now, one line each; a table that cannot be read gets a line, too. */
export function listContents(device: BlockDevice): readonly string[] {
  const whole = device.fsType === undefined ? [] : [describePart(device, "the whole device")];
  const parts = flatten(device).filter((part) => part !== device).map((part) => describePart(part, part.name));
  if (whole.length + parts.length > 0) return [...whole, ...parts];
  return [
    device.tableType === undefined
      ? "nothing that this system can read: no partition table, no file system"
      : `a partition table (${device.tableType}) without partitions`,
  ];
}

/** 'sdb1: exfat "DATA", 30.8 GB' */
function describePart({ fsType, label, partLabel, sizeBytes }: BlockDevice, name: string): string {
  const title = label ?? partLabel;
  const kind = fsType ?? "no file system that this system can read";
  return `${name}: ${kind}${title === undefined ? "" : ` "${title}"`}, ${formatBytes(sizeBytes)}`;
}

/** Labels on a device, for the list. */
export function listLabels(device: BlockDevice): readonly string[] {
  return [...new Set(flatten(device).flatMap(({ label, partLabel }) => label ?? partLabel ?? []))];
}
