/** Why a disk, or a device on it, cannot be had. */

import { CodedUserError } from "../errors.ts";

export type DiskErrorCode =
  /** A named disk is not there, or which one is meant is not clear. */
  | "no-device"
  /** No key slot opens with this passphrase. */
  | "passphrase-wrong"
  /** Found, but of a kind that cannot be read. */
  | "unsupported"
  /** Too little memory to unlock it. */
  | "no-memory";

/** The message is meant for the person at the desktop as well. */
export class DiskError extends CodedUserError<DiskErrorCode> {}
