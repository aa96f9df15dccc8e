/** The devices of a computer, and what is lost on one of them, in lines for people. Pure. */

import { wrapLine } from "../wrap_line.ts";
import type { BlockDevice } from "../system/facts.ts";
import {
  describeDevice,
  type JudgedDevice,
  type JudgedDevices,
  listContents,
  listLabels,
  looksBuiltIn,
} from "./choose_device.ts";

/** @param columns of the terminal */
export function describeDevices({ candidates, refused }: JudgedDevices, columns: number): readonly string[] {
  const lines = [
    // What can be chosen stands beside the question for it.
    ...refused.length === 0 ? [] : ["Not possible:", "", ...refused.flatMap(describeRefused), ""],
    ...candidates.length === 0
      ? ["No device that is plugged in can become the stick."]
      : ["Devices that can become the stick:", "", ...candidates.flatMap(describeCandidate)],
  ];
  return lines.flatMap((line) => wrapLine(line, indentOf(line), columns));
}

/** What will be destroyed on a device. */
export function describeLosses(device: BlockDevice, columns: number): readonly string[] {
  const serial = device.serial === undefined ? "no serial number" : `serial ${device.serial}`;
  const lines = [
    `Everything on ${device.path} will be destroyed:`,
    `  ${describeDevice(device)}, ${serial}`,
    ...looksBuiltIn(device) ? ["  It looks like a disk that is built in: is it the right one?"] : [],
    ...listContents(device).map((line) => `    ${line}`),
  ];
  return lines.flatMap((line) => wrapLine(line, indentOf(line), columns));
}

function describeCandidate({ device }: JudgedDevice): readonly string[] {
  const labels = listLabels(device);
  return [
    `  ${device.name}: ${describeDevice(device)}`,
    ...device.serial === undefined ? [] : [`    serial ${device.serial}`],
    labels.length === 0
      ? `    ${
        listContents(device).length === 1
          ? listContents(device)[0]
          : `${listContents(device).length} parts without labels`
      }`
      : `    labels: ${labels.join(", ")}`,
    ...looksBuiltIn(device) ? ["    looks like a disk that is built in"] : [],
  ];
}

function describeRefused({ device, refusals }: JudgedDevice): readonly string[] {
  return [
    `  ${device.name}: ${describeDevice(device)}`,
    ...refusals.flatMap(({ reason, cure }) => [`    ${reason}`, `      ${cure}`]),
  ];
}

/** Of the second and later lines. */
function indentOf(line: string): number {
  const own = line.length - line.trimStart().length;
  return own === 0 ? 0 : own === 2 ? 4 : own;
}
