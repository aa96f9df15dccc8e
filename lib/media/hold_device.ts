/** A device that is ours while it is written to. */

import { CommandError, UserError } from "../errors.ts";
import type { System } from "../system/system.ts";
import { findDevice } from "./choose_device.ts";
import { DeviceFault, nameFault } from "./device_fault.ts";
import { describeDifference, type DeviceIdentity, identityOf } from "./device_identity.ts";
import { findRefusals } from "./device_refusals.ts";
import { lookAtDevices } from "./look_at_devices.ts";

/** What udev needs to look at a device that was just plugged in. */
const lockSeconds = 10;

/**
 * Opens the device and keeps it open, locked (flock(2)), until disposed of. The lock keeps udev, and all that waits
 * for it, from looking at half of a stick (https://systemd.io/BLOCK_DEVICE_LOCKING). A name that is held open goes to
 * no other device, so what is looked at afterwards is what will be written to. Runs `flock`, `cat`, `stat`.
 * @throws {DeviceFault} when it cannot be opened or locked
 */
export async function holdDevice(system: System, path: string): Promise<AsyncDisposable> {
  if (await readKind(system, path) !== blockDevice) throw isGone(path);
  const input = new TransformStream<Uint8Array<ArrayBuffer>, Uint8Array<ArrayBuffer>>();
  const writer = input.writable.getWriter();
  const said: string[] = [];
  const held = Promise.withResolvers<true>();
  const argv = ["flock", "--exclusive", "--timeout", String(lockSeconds), path, "cat"];
  const holder = system.spawn(argv, {
    input: input.readable,
    // Ctrl-C is for us: the device is looked at once more before it is given up.
    isDetached: true,
    onLine: (line, from) => {
      if (from === "stdout" && line === "held") held.resolve(true);
      else said.push(line);
    },
  });
  const end = async (): Promise<void> => {
    await writer.close().catch(() => {}); // it has ended already
    await holder.exited;
  };
  // Comes back when the lock is ours: `cat` is started then.
  writer.write(new TextEncoder().encode("held\n")).catch(() => {});
  const ended = await Promise.race([held.promise, holder.exited]);
  if (ended === true) {
    const kind = await readKind(system, path);
    if (kind === blockDevice) return { [Symbol.asyncDispose]: end };
    await end();
    // flock(1) makes a file where there is nothing any more: it would keep the name from the next device.
    if (kind === emptyFile) await system.removeOne(path);
    throw isGone(path);
  }
  const exitCode = ended.exitCode ?? 1;
  if (said.length === 0 && exitCode === 1) {
    const detail = `another program keeps it locked (waited ${lockSeconds} s)`;
    throw new DeviceFault({ kind: "busy", device: path, doing: "opening", detail });
  }
  const error = new CommandError({ argv, exitCode, lastLines: said });
  throw nameFault(error, { device: path, doing: "opening" }) ?? error;
}

/** As stat(1) names them. */
const [blockDevice, emptyFile] = ["block special file", "regular empty file"];

/** @returns undefined when there is nothing. Runs `stat`. */
async function readKind(system: System, path: string): Promise<string | undefined> {
  const argv = ["stat", "--dereference", "--format=%F", path];
  const { exitCode, stdout } = await system.run(argv, { acceptExitCodes: [0, 1], timeoutMs: 10_000 });
  return exitCode === 0 ? stdout.trim() : undefined;
}

function isGone(device: string): DeviceFault {
  return new DeviceFault({ kind: "gone", device, doing: "opening", detail: "it is gone" });
}

/**
 * Looks whether a device that is held is the one that was chosen, and still free.
 * @throws {DeviceFault} "swapped" or "gone"; {UserError} when something uses it by now
 */
export async function demandSameDevice(system: System, chosen: DeviceIdentity): Promise<void> {
  const devices = await lookAtDevices(system);
  const device = findDevice(devices, chosen.path);
  const detail = describeDifference(chosen, device && identityOf(device));
  if (device === undefined || detail !== undefined) {
    const kind = device === undefined ? "gone" : "swapped";
    throw new DeviceFault({ kind, device: chosen.path, doing: "opening", detail: `it ${detail}` });
  }
  const [refusal] = findRefusals(device, { devices, neededBytes: 0 });
  if (refusal === undefined) return;
  throw new UserError(`${chosen.path} is in use since it was chosen: it ${refusal.reason}`, { hints: [refusal.cure] });
}

/**
 * Takes the device for a moment as a mount would, and changes nothing: wipefs(8) opens with O_EXCL (open(2)).
 * @throws {DeviceFault} "busy". Runs `wipefs`.
 */
export async function demandUnused(system: System, path: string): Promise<void> {
  await openAlone(system, path, ["--no-act"]);
}

/**
 * @returns what became of a device, in words that follow "it"; undefined when it is there as before. Runs `lsblk`,
 * `cat`.
 */
export async function findChange(system: System, chosen: DeviceIdentity): Promise<string | undefined> {
  const device = findDevice(await lookAtDevices(system), chosen.path);
  return describeDifference(chosen, device && identityOf(device));
}

/**
 * Erases the signatures of what was on the device, which takes it for a moment as a mount would: wipefs(8) opens with
 * O_EXCL, which the kernel refuses while any part of the device is mounted or held (open(2), EBUSY). The kernel
 * forgets the old partitions, so that nothing is left to be mounted. @throws {DeviceFault} "busy" and others; nothing
 * was written then. Runs `wipefs`.
 */
export async function eraseSignatures(system: System, path: string): Promise<void> {
  await openAlone(system, path, []);
}

async function openAlone(system: System, path: string, options: readonly string[]): Promise<void> {
  try {
    await system.run(["wipefs", "--all", "--quiet", ...options, path], { timeoutMs: 60_000 });
  } catch (error) {
    throw nameFault(error, { device: path, doing: "opening" }) ?? error;
  }
}
