/** A laptop in QEMU that runs the system on its disk. */

import { cableSocket, linkId, serverMac } from "../../lib/qemu/machine_pair.ts";
import type { UefiFirmware, VmSpec } from "../../lib/qemu/vm_spec.ts";
import { autologinCredentials } from "./console_shell.ts";

/**
 * The laptop in its own system: started by the boot loader on its disk, and starting again when that system restarts.
 */
export function ownLaptopSpec(
  settings: {
    readonly diskPath: string;
    /** The disk that project_disk.ts makes. */
    readonly projectDiskPath: string;
    readonly memoryMiB: number;
    readonly firmware?: UefiFirmware;
  },
): VmSpec {
  return {
    name: "laptop",
    memoryMiB: settings.memoryMiB,
    boot: { kind: "disk" },
    disks: [
      { path: settings.diskPath, format: "raw", serial: "stiefel-demo" },
      { path: settings.projectDiskPath, format: "raw", serial: "stiefel-project", isReadOnly: true },
    ],
    links: [{ id: linkId, mac: serverMac, socketPath: cableSocket, end: "listening" }],
    credentials: autologinCredentials,
    console: "pipe",
    restarts: true,
    ...settings.firmware === undefined ? {} : { firmware: settings.firmware },
    // Without a screen, the BIOS shows on the serial console what a boot loader says and asks, and takes what is typed
    // there.
    arguments: ["-machine", "graphics=off"],
  };
}
