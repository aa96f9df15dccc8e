/** Bytes that are put together and compared. Pure. */

/** All parts one after the other, in memory of their own. */
export function concatenate(parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let offset = 0;
  for (const part of parts) {
    whole.set(part, offset);
    offset += part.length;
  }
  return whole;
}

/** For large pieces, too: a callback for each byte would take ten times as long. @returns -1 when all are the same */
export function findDifference(one: ArrayLike<number>, other: ArrayLike<number>): number {
  const length = Math.min(one.length, other.length);
  for (let index = 0; index < length; index++) if (one[index] !== other[index]) return index;
  return one.length === other.length ? -1 : length;
}

/** Not for secrets: how long it takes says where they differ. */
export function sameBytes(one: ArrayLike<number>, other: ArrayLike<number>): boolean {
  return findDifference(one, other) === -1;
}

/** Whether each byte has this value. */
export function isFilledWith(bytes: Uint8Array, value: number): boolean {
  for (let index = 0; index < bytes.length; index++) if (bytes[index] !== value) return false;
  return true;
}

/** As String.indexOf: where `part`, which is not empty, first stands from there on; -1 where it does not. */
export function findBytes(bytes: Uint8Array, part: ArrayLike<number>, from = 0): number {
  for (let at = bytes.indexOf(part[0] ?? 0, from); at >= 0; at = bytes.indexOf(part[0] ?? 0, at + 1)) {
    let same = 1;
    while (same < part.length && bytes[at + same] === part[same]) same++;
    if (same >= part.length) return at;
  }
  return -1;
}
