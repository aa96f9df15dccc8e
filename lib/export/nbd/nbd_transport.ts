/** NBD as a transport: nbdkit on the laptop, the kernel's own client on the desktop. */
import type { Transport } from "../transport.ts";
import { adoptNbdExport, readKeptLog } from "./adopt_export.ts";
import { startNbdExport } from "./nbd_export.ts";
import type { NbdExportSettings } from "./nbdkit_arguments.ts";
import { mayBelieveToHaveDisk } from "./nbdkit_log.ts";

/** Port of the export (IANA, "nbd"). */
const nbdPort = 10809;
/** Connections of the desktop's block device: one cannot keep a fast disk busy. */
const connections = 4;
const nameBytes = 16;

export interface NbdSettings extends NbdExportSettings {
  readonly transport: "nbd";
}

export const nbdTransport: Transport<NbdSettings> = {
  randomBytes: nameBytes,
  plan: ({ ends, disk, random, slot }) => {
    const exportName = random.subarray(0, nameBytes).toHex();
    const { logicalBlockSize: blockSizeBytes } = disk;
    const { serverAddress, allowAddress } = ends;
    const shared = { transport: "nbd", port: nbdPort + slot, exportName, blockSizeBytes } as const;
    return {
      parameters: { ...shared, address: serverAddress, sizeBytes: disk.sizeBytes, connections },
      settings: { ...shared, disk: disk.path, listenAddress: serverAddress, allowAddress },
    };
  },
  start: (system, settings, { directory, ...events }) =>
    startNbdExport(system, settings, { logPath: logPath(directory), ...events }),
  adopt: (system, state, { directory, ...events }) =>
    adoptNbdExport(system, state, { logPath: logPath(directory), ...events }),
  mayBeHeld: async (system, { directory }) =>
    mayBelieveToHaveDisk(await readKeptLog(system, logPath(directory), false)),
  forget: (system, { directory }) => system.remove(logPath(directory)),
};

/** The log that run-nbdkit keeps. */
function logPath(directory: string): string {
  return `${directory}/nbdkit.log`;
}
