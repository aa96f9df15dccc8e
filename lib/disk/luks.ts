/** Opening an encrypted partition for reading, by cryptsetup. */

import { CommandError } from "../errors.ts";
import { DiskError } from "./disk_error.ts";
import type { System } from "../system/system.ts";

export interface OpenedDevice extends AsyncDisposable {
  /** Path of the device to read from. */
  readonly path: string;
}

const namePrefix = "stiefelsystem-";

/** Whether a device of this name was unlocked by {@link openLuks}. */
export function isOwnMapping(name: string): boolean {
  return name.startsWith(namePrefix);
}

/** cryptsetup(8), "RETURN CODES". */
const exitNoPermission = 2;
const exitOutOfMemory = 3;

/**
 * Disposing of the result locks the device again.
 * @throws {DiskError} "passphrase-wrong", "no-memory". Runs `cryptsetup`.
 */
export async function openLuks(system: System, device: string, passphrase: string): Promise<OpenedDevice> {
  const name = `${namePrefix}${[...system.randomBytes(4)].map((byte) => byte.toString(16).padStart(2, "0")).join("")}`;
  try {
    await system.run(
      [
        "cryptsetup",
        "open",
        "--type=luks",
        "--readonly",
        // the whole of standard input, no newline taken off
        "--key-file=-",
        "--tries=1",
        device,
        name,
      ],
      { stdin: passphrase, timeoutMs: 5 * 60_000 },
    );
  } catch (error) {
    throw explain(error, device);
  }
  return {
    path: `/dev/mapper/${name}`,
    [Symbol.asyncDispose]: async () => {
      await system.run(["cryptsetup", "close", name], { isCleanup: true, timeoutMs: 60_000 });
    },
  };
}

function explain(error: unknown, device: string): unknown {
  if (!(error instanceof CommandError)) return error;
  switch (error.failure.exitCode) {
    case exitNoPermission:
      return new DiskError("passphrase-wrong", `No key slot of "${device}" can be opened with this passphrase`, {
        cause: error,
      });
    case exitOutOfMemory:
      return new DiskError("no-memory", `Not enough memory to unlock "${device}"`, {
        hints: ["The key slot's memory cost is chosen when it is made: cryptsetup luksConvertKey --pbkdf-memory"],
        cause: error,
      });
    default:
      return error;
  }
}
