/** Why a disk, or what is on it, cannot be started from. */

import { CodedUserError } from "./errors.ts";

export type BootErrorCode =
  /** Nothing that could be started was found. */
  | "no-boot-entry"
  /** A configured disk, partition or volume is not there. */
  | "no-device"
  | "passphrase-needed"
  | "passphrase-wrong"
  /** A hibernated system is inside what had to be unlocked first. */
  | "hibernated"
  /** Found, but of a kind that cannot be used. */
  | "unsupported"
  /** Too little memory to go on. */
  | "no-memory";

/** Why no boot entry could be had. The message is meant for the person at the desktop as well. */
export class BootError extends CodedUserError<BootErrorCode> {}
