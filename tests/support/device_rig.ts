/**
 * A stick in memory behind the programs that write to one: dd, sync, wipefs, flock, lsblk. It fails as the test
 * demands.
 */

import { isFilledWith } from "../../lib/formats/bytes.ts";
import { createMemorySystem, type MemorySystem } from "./memory_system.ts";
import type { RunningProcess, RunOptions, System } from "../../lib/system/system.ts";

export interface DeviceFaults {
  /** Writing stops at this byte of the device with this text of errno(3). */
  readonly writeFailsAt?: { readonly byte: number; readonly text: string };
  /** Writing stops there, and dd says that all is well. */
  readonly shortWriteAt?: number;
  readonly syncFails?: { readonly text: string; readonly nth: number };
  /** Read at this byte: another bit, for so many reads of it (Infinity: always). */
  readonly flip?: { readonly byte: number; readonly times: number };
  readonly readFailsAt?: { readonly byte: number; readonly text: string };
  /** It takes everything, and keeps nothing. */
  readonly keepsNothing?: boolean;
  /** It is smaller than it says: what is written behind this byte goes to its start. */
  readonly wrapsAt?: number;
  /** It is pulled out when this byte is written. */
  readonly pulledAt?: number;
  /** Another one comes into its place: when it is opened, or when this byte is written. */
  readonly swappedAt?: number | "opening";
  /** It is mounted by the desktop between choosing and opening. */
  readonly mountedAtOpening?: boolean;
  readonly wipefsFails?: string;
  readonly flockFails?: { readonly exitCode: number; readonly text?: string };
  /** Called before each piece is written, with its offset. */
  readonly onWrite?: (offset: number) => void;
}

export interface DeviceRig {
  readonly system: System;
  readonly memory: MemorySystem;
  readonly bytes: Uint8Array;
  /**
   * All that was done to the device, in order: "wipe", "write 0 1048576", "sync", "read 0 4096", "hold", "release".
   */
  readonly done: readonly string[];
}

/** What it is full of before anything is written. */
export const oldByte = 0x5a;

export const devicePath = "/dev/sdb";
export const imagePath = "/build/stick.img";

export function createDeviceRig(
  { sizeBytes, claimedBytes = sizeBytes, others = [], columns = {}, uid = 0, image, faults = {}, signal }: {
    /** What it keeps, of its start and of its last mebibyte. */
    readonly sizeBytes: number;
    readonly claimedBytes?: number;
    /** More devices of this computer, and more columns of this one, as lsblk writes them. */
    readonly others?: readonly unknown[];
    readonly columns?: Readonly<Record<string, unknown>>;
    readonly uid?: number;
    readonly image?: Uint8Array;
    readonly faults?: DeviceFaults;
    readonly signal?: AbortSignal;
  },
): DeviceRig {
  const bytes = new Uint8Array(sizeBytes).fill(oldByte);
  const done: string[] = [];
  let [syncs, flips] = [0, 0];
  let state: "there" | "gone" | "swapped" = "there";
  let isOpened = false;

  const place = (offset: number): number =>
    offset >= claimedBytes - 1024 * 1024 ? offset - claimedBytes + sizeBytes : offset;
  const fail = (text: string, program = "dd"): { exitCode: number; stdout: string; stderr: string } => ({
    exitCode: 1,
    stdout: "",
    stderr: `${program}: error writing '${devicePath}': ${text}\n`,
  });
  const copied = (count: number): string =>
    `0+1 records in\n0+1 records out\n${count} bytes (${count} B) copied, 0.1 s, 1 B/s\n`;

  function write(offset: number, data: Uint8Array): ReturnType<typeof fail> {
    const upTo = (byte: number | undefined): byte is number =>
      byte !== undefined && byte >= offset && byte < offset + data.length;
    const put = (count: number): void => {
      if (faults.keepsNothing) return;
      const at = faults.wrapsAt === undefined ? place(offset) : offset % faults.wrapsAt;
      bytes.set(data.subarray(0, Math.min(count, bytes.length - at)), at);
    };
    faults.onWrite?.(offset);
    const { writeFailsAt, shortWriteAt, pulledAt, swappedAt } = faults;
    if (upTo(pulledAt)) state = "gone";
    if (typeof swappedAt === "number" && upTo(swappedAt)) state = "swapped";
    if (state === "gone") return fail("Input/output error");
    if (writeFailsAt !== undefined && upTo(writeFailsAt.byte)) {
      const count = writeFailsAt.byte - offset;
      put(count);
      const { stderr, ...rest } = fail(writeFailsAt.text);
      return { ...rest, stderr: `${stderr}${copied(count)}` };
    }
    const count = upTo(shortWriteAt) ? shortWriteAt - offset : data.length;
    put(count);
    return { exitCode: 0, stdout: "", stderr: copied(count) };
  }

  function read(offset: number, length: number, { onBytes }: RunOptions): ReturnType<typeof fail> {
    if (state === "gone") return fail("No such file or directory");
    const { readFailsAt, flip } = faults;
    if (readFailsAt !== undefined && readFailsAt.byte >= offset && readFailsAt.byte < offset + length) {
      return {
        exitCode: 1,
        stdout: "",
        stderr: `dd: error reading '${devicePath}': ${readFailsAt.text}\n${copied(0)}`,
      };
    }
    const data = bytes.slice(place(offset), place(offset) + length);
    if (flip !== undefined && flip.byte >= offset && flip.byte < offset + length && flips++ < flip.times) {
      data[flip.byte - offset] = (data[flip.byte - offset] ?? 0) ^ 0x10;
    }
    onBytes?.(data);
    return { exitCode: 0, stdout: "", stderr: copied(data.length) };
  }

  const lsblk = (): string => {
    const isSwapped = state === "swapped" || (isOpened && faults.swappedAt === "opening");
    const disk = {
      ...{ name: "sdb", path: devicePath, type: "disk", size: claimedBytes, ro: false, rm: true, "log-sec": 512 },
      ...{ vendor: "SanDisk ", model: "Ultra", tran: "usb", "disk-seq": isSwapped ? 12 : 11 },
      serial: isSwapped && faults.swappedAt === "opening" ? "OTHER" : "4C530001",
      mountpoints: [isOpened && faults.mountedAtOpening ? "/media/me/DATA" : null],
      ...columns,
    };
    return JSON.stringify({ blockdevices: [...state === "gone" ? [] : [disk], ...others] });
  };

  const memory = createMemorySystem({
    files: { "/home/me/.profile": "", ...image === undefined ? {} : { [imagePath]: image } },
    commands: [(argv, options) => {
      if (signal?.aborted && !options.isCleanup) throw signal.reason;
      const value = (name: string): string =>
        argv.find((word) => word.startsWith(`${name}=`))?.slice(name.length + 1) ?? "";
      switch (argv[0]) {
        case "id":
          return `${uid}\n`;
        case "lsblk":
          return argv.includes("--output=PATH")
            ? argv.at(-1)?.endsWith("usb-SanDisk_Ultra") ? `${devicePath}\n` : 32
            : lsblk();
        case "stat":
          return state === "gone" ? 1 : "block special file\n";
        case "cat":
          // No kernel has numbered the other disks.
          return 1;
        case "wipefs":
          if (faults.wipefsFails !== undefined) {
            return {
              exitCode: 1,
              stdout: "",
              stderr: `wipefs: error: ${devicePath}: probing initialization failed: ${faults.wipefsFails}\n`,
            };
          }
          done.push(argv.includes("--no-act") ? "try" : "wipe");
          return "";
        case "dd": {
          if (value("of") !== "") {
            const data = options.stdin as Uint8Array;
            done.push(`write ${value("seek")} ${data.length}`);
            return write(Number(value("seek")), data);
          }
          const length = Number(value("bs")) * Number(value("count"));
          done.push(`read ${value("skip")} ${length}`);
          return read(Number(value("skip")), length, options);
        }
        case "sync":
          done.push("sync");
          if (state === "gone") return fail("No such file or directory", "sync");
          return ++syncs === faults.syncFails?.nth
            ? { exitCode: 1, stdout: "", stderr: `sync: error syncing '${devicePath}': ${faults.syncFails.text}\n` }
            : "";
        default:
          return undefined;
      }
    }],
  });

  const system: System = {
    ...memory,
    spawn: (argv, { input, onLine } = {}): RunningProcess => {
      if (argv[0] !== "flock") throw new Error(`Not expected: ${argv.join(" ")}`);
      isOpened = true;
      const { flockFails } = faults;
      const exited = (async () => {
        if (flockFails !== undefined) {
          if (flockFails.text !== undefined) onLine?.(flockFails.text, "stderr");
          return { exitCode: flockFails.exitCode, signal: undefined };
        }
        done.push("hold");
        // cat
        for await (const piece of input ?? []) onLine?.(new TextDecoder().decode(piece).trim(), "stdout");
        done.push("release");
        return { exitCode: 0, signal: undefined };
      })();
      return { pid: 1, exited, kill: () => {}, [Symbol.asyncDispose]: async () => void await exited };
    },
  };
  return { system, memory, bytes, done };
}

export function isUntouched({ bytes }: DeviceRig): boolean {
  return isFilledWith(bytes, oldByte);
}
