/** What is at a path, in a form that can be compared, written to the journal and put into words. Pure. */

import * as v from "valibot";

const NumberSchema = v.pipe(v.number(), v.safeInteger("a whole number"), v.minValue(0, "a number from 0 on"));

export const FileStateSchema = v.variant("kind", [
  v.strictObject({ kind: v.literal("absent") }),
  v.strictObject({
    kind: v.literal("file"),
    sha256: v.pipe(v.string(), v.regex(/^[0-9a-f]{64}$/, "a SHA-256 in hexadecimal")),
    sizeBytes: NumberSchema,
    /** Permission bits and owner; absent where the file system has none of its own (FAT). */
    mode: v.exactOptional(NumberSchema),
    uid: v.exactOptional(NumberSchema),
    gid: v.exactOptional(NumberSchema),
  }),
  v.strictObject({
    kind: v.literal("symlink"),
    target: v.pipe(v.string(), v.check((text) => text !== "" && !text.includes("\0"), "a path")),
  }),
  /** A directory, a device, a socket: never replaced. */
  v.strictObject({ kind: v.literal("other") }),
]);

export type FileState = Readonly<v.InferOutput<typeof FileStateSchema>>;

/** Whether two observations are of the same thing; a mode or owner that one of them does not know is not compared. */
export function isSameState(one: FileState, other: FileState): boolean {
  if (one.kind === "symlink" && other.kind === "symlink") return one.target === other.target;
  if (one.kind !== "file" || other.kind !== "file") return one.kind === other.kind && one.kind === "absent";
  const agree = (a: number | undefined, b: number | undefined): boolean =>
    a === undefined || b === undefined || a === b;
  return one.sha256 === other.sha256 && agree(one.mode, other.mode) && agree(one.uid, other.uid) &&
    agree(one.gid, other.gid);
}

export function formatMode(mode: number): string {
  return mode.toString(8).padStart(4, "0");
}

/** "file, 12 bytes, mode 0644", "link to /x", "nothing". */
export function describeState(state: FileState): string {
  switch (state.kind) {
    case "absent":
      return "nothing";
    case "symlink":
      return `symbolic link to ${state.target}`;
    case "other":
      return "no file";
    case "file": {
      const owner = state.uid === undefined || (state.uid === 0 && state.gid === 0)
        ? ""
        : `, owner ${state.uid}:${state.gid}`;
      return `${state.sizeBytes} bytes${state.mode === undefined ? "" : `, mode ${formatMode(state.mode)}`}${owner}`;
    }
  }
}
