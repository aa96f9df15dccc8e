/**
 * The place on a stick for a second boot (doc/decisions/0028): a partition of its own, which is empty but between a
 * desktop's decision and its next start from the stick. Data and decisions; pure.
 */

import type { BlockDevice } from "../system/facts.ts";

/** As the place is known: a FAT of its own takes no less. */
export const placeBytes = 258 * 1024 * 1024;

/**
 * "XBOOTLDR" (UAPI.1 Boot Loader Specification): besides the EFI system partition it was started from, systemd-boot
 * reads entries there, so nothing else on the stick has to change.
 */
export const placePartition = {
  type: "bc13c2ff-59e6-4262-a352-b275fd6f7172",
  name: "stiefelsystem second boot",
} as const;

/** Where a stick has its place, as far as its size and sectors matter. */
export interface PlaceSize {
  readonly sizeBytes: number;
  /** Logical sector of the stick. */
  readonly sectorBytes: 512 | 4096;
}

/** The place as this computer sees it. */
export interface Place extends PlaceSize {
  /** "/dev/sda3" */
  readonly path: string;
  /** Of the whole stick: what would differ if another one had come to have its name. */
  readonly stick: Pick<BlockDevice, "path" | "sizeBytes" | "serial" | "diskSequence">;
}

export type PlaceChoice =
  | { readonly kind: "place"; readonly place: Place }
  | {
    readonly kind: "none";
    readonly why: string;
    /** No device has it: it may not be there yet. */
    readonly isMissing?: true;
  };

/**
 * The partition with the UUID that the stick's menu names, where it is surely the place: nothing else is written to.
 * @param partitionUuid that setup-client-usbdrive has made for this stick
 */
export function choosePlace(disks: readonly BlockDevice[], partitionUuid: string): PlaceChoice {
  const none = (why: string): PlaceChoice => ({ kind: "none", why });
  const found = disks.flatMap((stick) =>
    flatten(stick).filter(({ partUuid }) => partUuid?.toLowerCase() === partitionUuid)
      .map((partition) => ({ stick, partition }))
  );
  const [first, ...others] = found;
  if (first === undefined) return { kind: "none", why: "the stick is not there", isMissing: true };
  if (others.length > 0) return none("two devices have the stick's partition: one is a copy of the other");
  const { stick, partition } = first;
  const { path, sizeBytes, logicalSectorBytes, type, partType, partLabel, fsType } = partition;
  const isOurs = type === "part" && stick.type === "disk" && partType === placePartition.type &&
    partLabel === placePartition.name && sizeBytes === placeBytes && (fsType === undefined || fsType === "vfat");
  if (!isOurs) return none(`"${path}" is not the partition that setup-client-usbdrive makes`);
  if (stick.isReadOnly || partition.isReadOnly) return none("the stick is read-only");
  if (partition.mountPoints.length > 0 || partition.children.length > 0) return none(`"${path}" is in use`);
  if (logicalSectorBytes !== 512 && logicalSectorBytes !== 4096) {
    return none(`the stick has sectors of ${logicalSectorBytes} bytes`);
  }
  const { serial, diskSequence } = stick;
  return {
    kind: "place",
    place: {
      path,
      sizeBytes,
      sectorBytes: logicalSectorBytes,
      stick: {
        path: stick.path,
        sizeBytes: stick.sizeBytes,
        ...serial === undefined ? {} : { serial },
        ...diskSequence === undefined ? {} : { diskSequence },
      },
    },
  };
}

function flatten(device: BlockDevice): readonly BlockDevice[] {
  return [device, ...device.children.flatMap(flatten)];
}

/** Whether it is the same place on the same stick. */
export function isSamePlace(one: Place, other: Place): boolean {
  return JSON.stringify(one) === JSON.stringify(other);
}
