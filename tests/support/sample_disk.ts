import type { BlockDevice } from "../../lib/system/facts.ts";

/** A whole disk as lsblk(8) lists it, with nothing on it. */
export const sampleDisk: BlockDevice = {
  name: "sda",
  path: "/dev/sda",
  type: "disk",
  sizeBytes: 500e9,
  isReadOnly: false,
  isRemovable: false,
  logicalSectorBytes: 512,
  mountPoints: [],
  children: [],
};
