/** Knowing a disk again on another system of the same machine, where `/dev/sda` may be another one. Pure. */
import { formatBytes } from "../format_bytes.ts";
import type { DiskIdentity } from "../formats/handover.ts";
import type { BlockDevice } from "../system/facts.ts";
import { isRealDisk, withDescendants } from "./decide_disk.ts";

/**
 * The one disk that the running system's root file system is on; undefined where it is on none, or on several (RAID,
 * btrfs).
 */
export function findRootDisk(devices: readonly BlockDevice[]): BlockDevice | undefined {
  const holders = devices.filter((disk) =>
    isRealDisk(disk) && withDescendants(disk).some(({ mountPoints }) => mountPoints.includes("/"))
  );
  return holders.length === 1 ? holders[0] : undefined;
}

export function identifyDisk(disk: BlockDevice): DiskIdentity {
  const { sizeBytes, path, model, serial, wwn, tableUuid, uuid } = disk;
  const texts = { model, serial, wwn, tableUuid, uuid: tableUuid === undefined ? uuid : undefined };
  const present = Object.entries(texts).filter(([, text]) => text !== undefined && text !== "");
  return { sizeBytes, path, ...Object.fromEntries(present) };
}

/**
 * What tells disks apart, the most telling together: a copy of a disk has its table and what is in it, two of a batch
 * only their model.
 */
const marks = ["tableUuid", "uuid", "serial", "wwn"] as const;

/**
 * The disk with this identity: of its size, and with more of its marks than any other. What one of the two systems
 * does not see of a disk counts for nothing; a disk of which both see nothing in common has to be the only one of its
 * size.
 * @returns undefined when there is none, or two are equally like it
 */
export function findIdentifiedDisk(devices: readonly BlockDevice[], identity: DiskIdentity): BlockDevice | undefined {
  const candidates = devices.filter((disk) => isRealDisk(disk) && disk.sizeBytes === identity.sizeBytes)
    .map((disk) => ({ disk, ...compare(identifyDisk(disk), identity) }))
    .filter(({ equal, different }) => equal > 0 || different === 0)
    .toSorted((one, other) => other.equal - one.equal || one.different - other.different);
  const [best, second] = candidates;
  if (best === undefined) return undefined;
  const isClear = second === undefined || best.equal > second.equal || best.different < second.different;
  return isClear ? best.disk : undefined;
}

function compare(one: DiskIdentity, other: DiskIdentity): { readonly equal: number; readonly different: number } {
  const both = marks.filter((mark) => one[mark] !== undefined && other[mark] !== undefined);
  const equal = both.filter((mark) => one[mark] === other[mark]).length;
  return { equal, different: both.length - equal };
}

/** "Samsung SSD 980, 1000.2 GB, serial S5…": without the name, which may be another disk's here. */
export function describeIdentity({ model, sizeBytes, serial }: DiskIdentity): string {
  const facts = [model ?? "unknown model", formatBytes(sizeBytes), serial && `serial ${serial}`];
  return facts.filter((fact) => fact !== undefined).join(", ");
}
