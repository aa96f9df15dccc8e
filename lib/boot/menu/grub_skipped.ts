/** What GRUB cannot read of its files, in words. Pure. */

/** Parts of a file whose faults are named, and characters of each. */
const maximumSkipped = 3;
const maximumReason = 100;

/** A damaged file has hundreds of such parts, and what it holds is no text. */
export class SkippedParts {
  readonly #reasons = new Map<string, Set<string>>();

  /** Notes a part of a file. @returns the notice; the same one for all parts that are not named */
  describe(path: string, reason: string): string {
    const reasons = this.#reasons.get(path) ?? new Set();
    this.#reasons.set(path, reasons.add(reason));
    const short = reason.length <= maximumReason ? reason : `${reason.slice(0, maximumReason)}…`;
    return [...reasons].indexOf(reason) < maximumSkipped
      ? `GRUB skips a part of "${path}" that it cannot read: ${short}`
      : `GRUB cannot read more parts of "${path}", either: the file may be damaged`;
  }
}
