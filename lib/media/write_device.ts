/**
 * Writes an image to a device so that it is a stick afterwards, or clearly none: the first sector comes last, after
 * all else was written, flushed and read back.
 */

import { describeError, StoppedByUser } from "../errors.ts";
import { formatBytes } from "../format_bytes.ts";
import { findDifference, isFilledWith, sameBytes } from "../formats/bytes.ts";
import type { FilePart } from "../file_part.ts";
import type { BlockDevice } from "../system/facts.ts";
import type { System } from "../system/system.ts";
import { type Progress, showStep, type Ui } from "../ui.ts";
import { DeviceFault } from "./device_fault.ts";
import { type DeviceIdentity, identityOf } from "./device_identity.ts";
import { createDeviceIo, type DeviceIo, sectorBytes } from "./device_io.ts";
import { demandSameDevice, demandUnused, eraseSignatures, findChange, holdDevice } from "./hold_device.ts";

/** What is written. */
export interface StickImageFile {
  readonly path: string;
  /** At most that of the device. */
  readonly sizeBytes: number;
  /**
   * What counts of it, in ascending order and multiples of {@link sectorBytes}, but for the very end of a device; the
   * rest of the device may hold anything.
   */
  readonly extents: readonly FilePart[];
}

/** What is written before the rest is known to be good: nothing starts from a device without it. */
const headBytes = sectorBytes;
const pieceBytes = 4 * 1024 * 1024;
/** Where backups of partition tables, and labels of RAID and ZFS, are at the end of a device. */
const edgeBytes = 1024 * 1024;

/** What is on the device now. */
type State = "untouched" | "erasing" | "erased" | "complete";

/**
 * Holds the device, looks whether it is still the one that was chosen, and writes.
 * @param device as it was chosen
 * @throws {DeviceFault} with the true fault; {StoppedByUser}. Before it says what is on the device.
 * Runs `flock`, `cat`, `lsblk`, `wipefs`, `dd`, `sync`.
 */
export async function writeDevice(
  system: System,
  ui: Ui,
  { device, image }: { readonly device: BlockDevice; readonly image: StickImageFile },
): Promise<void> {
  const chosen = identityOf(device);
  const job: Job = { system, ui, chosen, image, io: createDeviceIo(system, device.path), state: "untouched" };
  await using _held = await holdDevice(system, device.path);
  try {
    await demandSameDevice(system, chosen);
    await demandUnused(system, device.path);
    job.state = "erasing";
    await eraseSignatures(system, device.path);
    await emptyEdges(job);
    job.state = "erased";
    await step(job, "Writing", writePiece);
    await flush(job, "Flushing");
    await step(job, "Reading back", comparePiece);
    await writeHead(job);
  } catch (error) {
    throw await explain(job, error);
  }
}

interface Job {
  readonly system: System;
  readonly ui: Ui;
  readonly chosen: DeviceIdentity;
  readonly image: StickImageFile;
  readonly io: DeviceIo;
  state: State;
}

/**
 * From here on nothing starts from it, also when the power fails; a device that only pretends to write is found out.
 */
async function emptyEdges({ io, chosen }: Job): Promise<void> {
  const zeros = new Uint8Array(edgeBytes);
  const end = chosen.sizeBytes - chosen.sizeBytes % sectorBytes;
  if (end >= 2 * edgeBytes) await io.write(end - edgeBytes, zeros);
  await io.write(0, zeros);
  await io.sync();
  await compare(io, 0, zeros.subarray(0, headBytes));
}

/** Goes through the image in pieces, its first sector left empty. */
async function step(
  job: Job,
  title: string,
  work: (io: DeviceIo, offset: number, piece: Uint8Array<ArrayBuffer>) => Promise<void>,
): Promise<void> {
  const { system, ui, image, io } = job;
  const total = image.extents.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
  const go = async (progress: Progress): Promise<number> => {
    let done = 0;
    for (const part of cutIntoPieces(image.extents)) {
      const piece = await readPiece(system, image.path, part);
      if (part.offset === 0) piece.fill(0, 0, headBytes);
      await work(io, part.offset, piece);
      done += part.sizeBytes;
      progress.update(done, `${Math.floor(100 * done / total)} %`);
    }
    return done;
  };
  await showStep(ui.progress(title, { total, unit: "bytes" }), go, formatBytes);
}

function cutIntoPieces(extents: readonly FilePart[]): readonly FilePart[] {
  return extents.flatMap(({ offset, sizeBytes }) =>
    Array.from({ length: Math.ceil(sizeBytes / pieceBytes) }, (_, index) => ({
      offset: offset + index * pieceBytes,
      sizeBytes: Math.min(pieceBytes, sizeBytes - index * pieceBytes),
    }))
  );
}

async function readPiece(system: System, path: string, part: FilePart): Promise<Uint8Array<ArrayBuffer>> {
  const piece = new Uint8Array(part.sizeBytes);
  let at = 0;
  for await (const bytes of await system.openRead(path, part)) {
    piece.set(bytes, at);
    at += bytes.length;
  }
  if (at !== part.sizeBytes) throw new Error(`"${path}" ends at byte ${part.offset + at}`);
  return piece;
}

/** Much of an image is empty; reading is faster than writing, and wears nothing out. */
async function writePiece(io: DeviceIo, offset: number, piece: Uint8Array<ArrayBuffer>): Promise<void> {
  if (isEmpty(piece) && isEmpty(await io.read(offset, piece.length))) return;
  await io.write(offset, piece);
}

const comparePiece = compare;

async function flush({ ui, io }: Job, title: string): Promise<void> {
  await showStep(ui.progress(title), () => io.sync());
}

async function writeHead(job: Job): Promise<void> {
  const { system, image, io } = job;
  const change = await findChange(system, job.chosen);
  if (change !== undefined) throw swapped(job, change);
  const head = await readPiece(system, image.path, { offset: 0, sizeBytes: headBytes });
  job.state = "complete";
  await io.write(0, head);
  await io.sync();
  await compare(io, 0, head);
}

/** @throws {DeviceFault} with the first byte that differs; what differs is read twice */
export async function compare(io: DeviceIo, offset: number, piece: Uint8Array): Promise<void> {
  const first = await io.read(offset, piece.length);
  const at = findDifference(piece, first);
  if (at === -1) return;
  const second = await io.read(offset, piece.length);
  const about = { device: io.path, doing: "reading back", offset: offset + at };
  const [wrote, got, again] = [piece, first, second].map((bytes) => formatByte(bytes[at]));
  throw new DeviceFault(
    sameBytes(first, second)
      ? { ...about, kind: "differs", detail: `${wrote} was written there, and ${got} came back, twice` }
      : { ...about, kind: "unstable", detail: `${wrote} was written there; ${got} came back, then ${again}` },
  );
}

function isEmpty(bytes: Uint8Array): boolean {
  return isFilledWith(bytes, 0);
}

function formatByte(byte = 0): string {
  return `0x${byte.toString(16).padStart(2, "0")}`;
}

// ---- when it fails
// ---------------------------------------------------------------------------------------------------

/** The true fault, and what is on the device now. */
async function explain(job: Job, error: unknown): Promise<unknown> {
  const { ui, chosen } = job;
  if (job.state === "untouched") {
    if (error instanceof StoppedByUser) ui.say(`Nothing was written to ${chosen.path}`);
    return error instanceof DeviceFault ? error.withState(`Nothing was written to ${chosen.path}`) : error;
  }
  const change = await findChange(job.system, chosen).catch(() => undefined);
  const left = await describeLeft(job, change);
  if (!(error instanceof DeviceFault)) {
    ui.warn(left);
    return error;
  }
  return (change === undefined || error.facts.kind === "swapped" ? error : swapped(job, change, error)).withState(left);
}

/** A device that is pulled out answers with all kinds of errors. */
function swapped({ chosen: { path } }: Job, change: string, cause?: DeviceFault): DeviceFault {
  const isGone = change === "is gone";
  const detail = `it ${change}${cause === undefined ? "" : ` (${cause.facts.detail})`}`;
  const { doing, offset } = cause?.facts ?? { doing: "writing", offset: undefined };
  return new DeviceFault({ kind: isGone ? "gone" : "swapped", device: path, doing, offset, detail }, { cause });
}

/** Of a device that cannot be looked at any more. */
const leftBehind: Readonly<Record<State, string>> = {
  untouched: "Nothing was written to the device",
  erasing: "What was on the device may be lost; it is no stick",
  erased:
    "What was on the device is lost, and it is no stick: its first sector is empty, so that nothing starts from it",
  complete: "The device may look like a stick, but is not known to be a good one: do not start from it",
};

async function describeLeft(job: Job, change: string | undefined): Promise<string> {
  const { system, chosen: { path } } = job;
  const none =
    `${path} is no stick now: what was on it is lost, and its first sector is empty, so that nothing starts from it`;
  if (change !== undefined) return leftBehind[job.state];
  const io = createDeviceIo(system, path, { isCleanup: true });
  try {
    if (job.state === "complete") {
      await io.write(0, new Uint8Array(headBytes));
      await io.sync();
    }
    if (isEmpty(await io.read(0, headBytes))) return none;
    return job.state === "erasing"
      ? `What was on ${path} may be lost in part; it is no stick`
      : `${path} is no good stick, although it may look like one: do not start from it`;
  } catch (error) {
    return `${leftBehind[job.state]} (${describeError(error)})`;
  }
}
