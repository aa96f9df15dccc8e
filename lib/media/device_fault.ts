/** What went wrong with a device, named as it is: from what programs say about it. Pure. */

import { capitalize } from "../capitalize.ts";
import { CommandError, StoppedByUser, UserError } from "../errors.ts";

export type FaultKind =
  | "gone"
  | "input-output"
  | "full"
  | "locked"
  | "busy"
  | "no-answer"
  | "short"
  | "differs"
  | "unstable"
  | "swapped"
  | "other";

export interface DeviceFaultFacts {
  readonly kind: FaultKind;
  readonly device: string;
  /** What was done, in words that follow "while": "writing", "reading back". */
  readonly doing: string;
  /** The first byte of the device that is concerned; undefined where there is none. */
  readonly offset?: number | undefined;
  /** What programs or the comparison say. */
  readonly detail: string;
}

/** A device that failed. */
export class DeviceFault extends UserError {
  readonly facts: DeviceFaultFacts;

  constructor(facts: DeviceFaultFacts, options: { readonly left?: string; readonly cause?: unknown } = {}) {
    const { device, doing, offset, detail, kind } = facts;
    const place = offset === undefined ? "" : ` at byte ${offset}`;
    super(`${capitalize(doing)} ${device} failed${place}: ${detail}`, {
      hints: [...options.left === undefined ? [] : [options.left], ...adviceFor[kind]],
      cause: options.cause,
    });
    this.facts = facts;
  }

  /** The same fault, with what is on the device now. */
  withState(left: string): DeviceFault {
    return new DeviceFault(this.facts, { left, cause: this.cause });
  }
}

const adviceFor: Readonly<Record<FaultKind, readonly string[]>> = {
  "gone": ["Plug it in again, into another port if it was not pulled out by hand, and run the command again"],
  "input-output": ["Try another port, without a hub; if it fails again, the device is worn out: take another one"],
  "full": ["The device is smaller than it says (a counterfeit?): take another one"],
  "locked": [
    "Move the lock on the side of the card or stick; without one: devices at the end of their life lock themselves",
  ],
  "busy": ["Another program uses it: close file managers and partition editors, and run the command again"],
  "no-answer": ["Take it out, plug it into another port, and run the command again"],
  "short": ["Run the command again; if it fails again, take another device"],
  "differs": ["The device does not keep what is written to it: take another one"],
  "unstable": ["The device or its contact is bad: try another port, without a hub, then another device"],
  "swapped": ["Run the command again, and choose the device again"],
  "other": [],
};

/**
 * Texts of errno(3) as strerror(3) gives them in the C locale; other implementations of dd(1) add words around them.
 */
const texts: readonly (readonly [RegExp, FaultKind, string])[] = [
  [/No space left on device/i, "full", "it has no more room (ENOSPC)"],
  [/Remote I\/O error/i, "input-output", "it reports an error (EREMOTEIO)"],
  [/(?:Input\/output|\bI\/O) error/i, "input-output", "it reports an input/output error (EIO)"],
  [/No such device or address/i, "gone", "it is gone (ENXIO)"],
  [/No such device/i, "gone", "it is gone (ENODEV)"],
  [/No such file or directory/i, "gone", "it is gone (ENOENT)"],
  [/No medium found/i, "gone", "it has no medium in it any more (ENOMEDIUM)"],
  [/Read-only file system/i, "locked", "it is locked against writing (EROFS)"],
  [/Operation not permitted/i, "locked", "it is locked against writing (EPERM)"],
  [/Permission denied/i, "locked", "it cannot be opened for writing (EACCES)"],
  [/Device or resource busy/i, "busy", "another program has it (EBUSY)"],
  [/(?:Connection|Operation) timed out|Timer expired/i, "no-answer", "it does not answer (ETIMEDOUT)"],
  [/Protocol error/i, "input-output", "it does not follow the protocol (EPROTO)"],
];

/**
 * @param error of a program that works on the device
 * @param offset where what the program was to do began; what it says it has done is added
 */
export function nameFault(
  error: unknown,
  { device, doing, offset }: { readonly device: string; readonly doing: string; readonly offset?: number },
): DeviceFault | StoppedByUser | undefined {
  if (!(error instanceof CommandError) || error.failure.notFound) return undefined;
  // A Ctrl-C on the terminal reaches all programs, and dd may end before it has reached us.
  if (error.failure.signal === "SIGINT") return new StoppedByUser();
  // One that was ended says nothing about the device.
  if (error.failure.signal !== undefined && !error.failure.timedOut) return undefined;
  const { lastLines = [], timedOut } = error.failure;
  const said = lastLines.join("\n");
  const copied = readCopied(said) ?? 0;
  const place = offset === undefined ? {} : { offset: offset + copied };
  if (timedOut) return fault("no-answer", "it does not answer");
  const found = texts.find(([pattern]) => pattern.test(said));
  return found === undefined
    ? fault("other", lastLines.find((line) => !/records (?:in|out)|copied/.test(line)) ?? error.message)
    : fault(found[1], found[2]);

  function fault(kind: FaultKind, detail: string): DeviceFault {
    return new DeviceFault({ kind, device, doing, detail, ...place }, { cause: error });
  }
}

/** dd(1)'s last line: "4194304 bytes (4.2 MB, 4.0 MiB) copied, 0.1 s, 42 MB/s". */
export function readCopied(said: string): number | undefined {
  const count = /^(\d+) bytes?\b/m.exec(said)?.[1];
  return count === undefined ? undefined : Number(count);
}
