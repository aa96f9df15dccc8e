/** NVMe/TCP as a transport: the kernels of both ends, and no process in the way of a block. */
import { formatUuid } from "../../formats/uuid.ts";
import type { Transport } from "../transport.ts";
import { adoptNvmeExport, type NvmeExportSettings, startNvmeExport } from "./nvme_export.ts";

/** Port of the export (IANA, "nvme-tcp"). */
const nvmePort = 4420;
/** Queues of the desktop's block device; it makes no more than it has processors. */
const queues = 4;
const uuidBytes = 16;

export interface NvmeSettings extends NvmeExportSettings {
  readonly transport: "nvme-tcp";
  /** For the note that an agent leaves to the next one: the subsystem's. */
  readonly exportName: string;
}

export const nvmeTransport: Transport<NvmeSettings> = {
  randomBytes: 2 * uuidBytes,
  plan: ({ ends, disk, random, slot }) => {
    const subsystem = formatUuid(random.subarray(0, uuidBytes));
    const host = formatUuid(random.subarray(uuidBytes, 2 * uuidBytes));
    const shared = { transport: "nvme-tcp", port: nvmePort + slot, subsystem, host } as const;
    const { logicalBlockSize: blockSizeBytes, sizeBytes } = disk;
    return {
      parameters: { ...shared, address: ends.serverAddress, blockSizeBytes, sizeBytes, queues },
      settings: { ...shared, disk: disk.path, listenAddress: ends.serverAddress, exportName: subsystem },
    };
  },
  start: (system, settings, events) => startNvmeExport(system, settings, events),
  adopt: (system, { disk, exportName, wasUsed }, events) =>
    adoptNvmeExport(system, { disk, subsystem: exportName, wasUsed }, events),
  // The kernel goes on lending without an agent: what is noted down says the rest.
  mayBeHeld: () => Promise.resolve(true),
  forget: () => Promise.resolve(),
};
