/** What a state of Debian's archive is called. Pure. */

/** Where all states of Debian's archive are kept, each in a folder named by its time. */
export const snapshotService = "http://snapshot.debian.org/archive/debian";

/** As the service writes a time, and as a manifest names a state: "20260905T081400Z". */
const snapshotPattern = /^\d{8}T\d{6}Z$/;

/**
 * Names the state that a Release file belongs to by the time it was made, which no other state of the suite has. Pure.
 * @param date its field Date: "Sat, 05 Sep 2026 08:14:00 UTC"
 */
export function formatSnapshot(date: string): string | undefined {
  const time = Date.parse(date);
  return Number.isNaN(time) ? undefined : formatTime(time);
}

/** Whether an address is one state of an archive: its lists of packages do not expire. Pure. */
export function isSnapshotMirror(mirror: string): boolean {
  return snapshotPattern.test(mirror.replace(/\/$/, "").split("/").at(-1) ?? "");
}

/** For mmdebstrap: apt takes lists that have expired, from a mirror that is one state of an archive. Pure. */
export function snapshotOptions(mirror: string): readonly string[] {
  return isSnapshotMirror(mirror) ? ['--aptopt=Acquire::Check-Valid-Until "false"'] : [];
}

/** @returns ms since 1970 */
export function parseTime(snapshot: string): number {
  return Date.parse(snapshot.replace(/^(....)(..)(..)T(..)(..)(..)Z$/, "$1-$2-$3T$4:$5:$6Z"));
}

/** @param ms since 1970 */
export function formatTime(ms: number): string {
  return new Date(ms).toISOString().replaceAll(/[-:]|\.\d+/g, "");
}
