/**
 * Writes to the place for a second boot, and empties it. Nothing else of this computer's disks is opened for writing:
 * before each program that writes, the place is looked for anew, and has to be the same.
 *
 * Deno opens no device files under scoped grants; dd(1) does, with what busybox' dd has, too.
 */

import { createBackoff } from "../backoff.ts";
import { UserError } from "../errors.ts";
import { blockBytes } from "../fat/geometry.ts";
import { concatenate, sameBytes } from "../formats/bytes.ts";
import { listBlockDevicesInFull } from "../system/facts.ts";
import type { System } from "../system/system.ts";
import { choosePlace, isSamePlace, type Place, type PlaceChoice } from "./place.ts";
import { type PlacePlan, readUsedBytes } from "./plan_place.ts";

/** A slow stick writes 3 MB a second. */
const timeoutMs = 180_000;

/** Runs `lsblk`. @param partitionUuid of the stick that this image was started from */
export async function findPlace(system: System, partitionUuid: string): Promise<PlaceChoice> {
  return choosePlace(await listBlockDevicesInFull(system), partitionUuid);
}

/** Pauses between two looks. */
const lookPauses = { firstMs: 1_000, maximumMs: 8_000 } as const;

/**
 * Waits for a stick that is not there yet: the kernel takes seconds to find devices on USB, and half a minute and more
 * when it is emulated.
 * @throws the signal's reason while it waits. Runs `lsblk`
 */
export async function awaitPlace(
  system: System,
  partitionUuid: string,
  { waitMs, signal }: { readonly waitMs: number; readonly signal: AbortSignal },
): Promise<PlaceChoice> {
  const endMs = system.monotonicMs() + waitMs;
  const pauses = createBackoff(lookPauses);
  for (;;) {
    const choice = await findPlace(system, partitionUuid);
    const leftMs = endMs - system.monotonicMs();
    if (choice.kind === "place" || !choice.isMissing || leftMs <= 0) return choice;
    await system.delay(Math.min(pauses.next(), leftMs), signal);
  }
}

export interface UsedPlace {
  readonly partitionUuid: string;
  readonly place: Place;
}

/**
 * Empties what a second boot has left. What starts from it goes first; the mark that says how much there is, last.
 * @returns false when it was empty. Runs `dd`, `lsblk`
 */
export async function emptyPlace(system: System, used: UsedPlace): Promise<boolean> {
  const { path, sizeBytes } = used.place;
  const usedBytes = readUsedBytes(await readStart(system, path, blockBytes), sizeBytes);
  if (usedBytes === 0) return false;
  const zero = async (first: number, count: number): Promise<void> => {
    if (count > 0) await writeTo(system, used, ["if=/dev/zero", `seek=${first}`, `count=${count}`]);
  };
  await zero(1, usedBytes / blockBytes - 1);
  await zero(0, 1);
  return true;
}

/**
 * Writes all but the switch, and reads it back.
 * @throws {UserError} when the stick does not keep it. Runs `dd`, `lsblk`, `blockdev`, `cmp`
 */
export async function fillPlace(system: System, used: UsedPlace, { mark, head, copies }: PlacePlan): Promise<void> {
  await emptyPlace(system, used);
  await writeBytes(system, used, mark, 0);
  for (const { from, offset } of copies) {
    await writeTo(system, used, [`if=${from}`, `seek=${offset / blockBytes}`]);
  }
  await writeBytes(system, used, head.subarray(blockBytes), blockBytes);
  const { path } = used.place;
  await system.run(["blockdev", "--flushbufs", path], { timeoutMs });
  for (const { from, offset, sizeBytes } of copies) {
    const argv = ["cmp", "-s", "-n", String(sizeBytes), from, path, "0", String(offset)];
    const { exitCode } = await system.run(argv, { acceptExitCodes: [0, 1], timeoutMs });
    if (exitCode !== 0) throw keepsNot(path);
  }
  await demandWritten(system, path, head, { from: blockBytes });
}

/** The switch: from here on the stick's menu starts what is on the place, once. Runs `dd`, `lsblk`, `blockdev` */
export async function armPlace(system: System, used: UsedPlace, { head }: PlacePlan): Promise<void> {
  await writeBytes(system, used, head.subarray(0, blockBytes), 0);
  await system.run(["blockdev", "--flushbufs", used.place.path], { timeoutMs });
  await demandWritten(system, used.place.path, head.subarray(0, blockBytes), { from: 0 });
}

async function demandWritten(
  system: System,
  path: string,
  expected: Uint8Array,
  { from }: { readonly from: number },
): Promise<void> {
  const stored = await readStart(system, path, expected.length);
  if (!sameBytes(stored.subarray(from), expected.subarray(from))) throw keepsNot(path);
}

function keepsNot(path: string): UserError {
  return new UserError(`The stick ("${path}") does not give back what was written to it`, {
    hints: ["Use another stick: setup-client-usbdrive makes one"],
  });
}

async function writeBytes(system: System, used: UsedPlace, bytes: Uint8Array, offset: number): Promise<void> {
  await writeTo(system, used, ["iflag=fullblock", `seek=${offset / blockBytes}`], bytes);
}

/** @param operands of dd(1), in blocks of 4096 bytes */
async function writeTo(
  system: System,
  { partitionUuid, place }: UsedPlace,
  operands: readonly string[],
  stdin?: Uint8Array,
): Promise<void> {
  const choice = await findPlace(system, partitionUuid);
  if (choice.kind === "none") throw new UserError(`Nothing is written to the stick: ${choice.why}`);
  if (!isSamePlace(choice.place, place)) throw new UserError("Nothing is written to the stick: it is another one now");
  const argv = ["dd", `of=${place.path}`, `bs=${blockBytes}`, ...operands, "conv=notrunc,fsync"];
  await system.run(argv, { timeoutMs, ...stdin === undefined ? {} : { stdin } });
}

async function readStart(system: System, path: string, sizeBytes: number): Promise<Uint8Array> {
  const pieces: Uint8Array[] = [];
  await system.run(["dd", `if=${path}`, `bs=${blockBytes}`, `count=${sizeBytes / blockBytes}`], {
    timeoutMs,
    onBytes: (piece) => pieces.push(Uint8Array.from(piece)),
  });
  const bytes = concatenate(pieces);
  if (bytes.length < sizeBytes) throw new UserError(`"${path}" gave ${bytes.length} of ${sizeBytes} bytes`);
  return bytes.subarray(0, sizeBytes);
}
