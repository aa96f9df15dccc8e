/** Who holds a lock of flock(2), by what the kernel says. Pure. */

export interface LockedPlace {
  /** `st_dev` and `st_ino` of what is locked. */
  readonly device: number;
  readonly inode: number;
}

/**
 * @param procLocks /proc/locks (proc_locks(5))
 * @returns the holder's process id; undefined when it is not among them (another namespace, another machine)
 */
export function findFlockHolder(procLocks: string, { device, inode }: LockedPlace): number | undefined {
  const holders = procLocks.split("\n").flatMap((line) => {
    // "3: FLOCK  ADVISORY  WRITE 1234 fe:01:2 0 EOF"; a line with "->" waits for the lock.
    const match = /^\d+: FLOCK +\S+ +WRITE +(\d+) ([0-9a-f]+):([0-9a-f]+):(\d+) /.exec(line);
    if (match === null || Number(match[4]) !== inode || match[1] === "0") return [];
    const [major, minor] = [parseInt(match[2] ?? "", 16), parseInt(match[3] ?? "", 16)];
    return [{ pid: Number(match[1]), isSameDevice: (device & 0xff) === (minor & 0xff) && majorOf(device) === major }];
  });
  // Subvolumes of btrfs and overlays give stat(2) another device than the lock has.
  return (holders.find(({ isSameDevice }) => isSameDevice) ?? holders[0])?.pid;
}

/** makedev(3), Linux: bits 8 to 19 of the lower half. */
function majorOf(device: number): number {
  return (device >>> 8) & 0xfff;
}
