/** Values of options, as they are typed. */

import { InvalidArgumentError } from "@commander-js/extra-typings";

/** For an option that may be named several times. */
export function collect(value: string, before: readonly string[] | undefined): readonly string[] {
  return [...before ?? [], value];
}

/** @throws {InvalidArgumentError} */
export function parseRounds(text: string): number {
  if (!/^[1-9]$/.test(text)) throw new InvalidArgumentError("Wanted a number from 1 to 9.");
  return Number(text);
}

/** MiB. @throws {InvalidArgumentError} */
export function parseMemory(text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 128 || value > 1_048_576) {
    throw new InvalidArgumentError("Wanted a whole number of MiB, from 128 to 1048576.");
  }
  return value;
}

/** What `bench` measures. */
export const benchParts = ["boot", "image", "build", "seal", "stick", "netboot", "block", "links"] as const;
export type BenchPart = typeof benchParts[number];
