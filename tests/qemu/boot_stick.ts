/** A desktop that starts from a stick, as `setup-client-usbdrive --image` makes one. */

import { makeStickImage, type StickImage } from "../../lib/media/stick_image.ts";
import { serialConsole } from "../../lib/qemu/machine_pair.ts";
import { prepareSecureBoot } from "../../lib/qemu/uefi_firmware.ts";
import type { UefiFirmware, VmSpec } from "../../lib/qemu/vm_spec.ts";
import type { QemuTest } from "./machines.ts";

/**
 * A stick with the image that was built for the tests: `stick.img` in the run directory. Its kernel speaks over the serial line, too.
 * Whether it is built is for the caller to see to.
 */
export async function makeStick(
  rig: QemuTest,
  options: { readonly sectorBytes?: 512 | 4096 } = {},
): Promise<StickImage> {
  const { system, options: { image, projectDirectory, runDirectory } } = rig;
  await system.makeDirectory(runDirectory);
  return await makeStickImage(system, {
    buildDirectory: image.outDir ?? `${projectDirectory}/build`,
    keyPath: image.keyPath ?? `${projectDirectory}/aes-key`,
    parameters: serialConsole.split(" "),
    ...options,
  }, `${runDirectory}/stick.img`);
}

/** As a stick is plugged in. */
const usbArguments = (path: string): readonly string[] => [
  ...["-drive", `if=none,id=stick,format=raw,readonly=on,file=${path}`],
  ...["-device", "qemu-xhci"],
  ...["-device", "usb-storage,drive=stick,removable=on,bootindex=0"],
];

export interface StickBoot {
  readonly firmware?: UefiFirmware;
  /** Default: virtio, which is quicker when emulated. */
  readonly bus?: "usb";
}

/** The same desktop, started by its firmware from the stick. */
export function fromStick(desktop: VmSpec, stick: StickImage, { firmware, bus }: StickBoot = {}): VmSpec {
  const started = { ...desktop, boot: { kind: "disk" } as const, ...firmware === undefined ? {} : { firmware } };
  if (bus === "usb") return { ...started, disks: [], arguments: usbArguments(stick.path) };
  return {
    ...started,
    disks: [{
      path: stick.path,
      format: "raw",
      serial: "stick",
      // Nothing that starts from a stick writes to it.
      isReadOnly: true,
      ...stick.sectorBytes === 512 ? {} : { logicalBlockSizeBytes: stick.sectorBytes },
    }],
  };
}

/** The same desktop, with firmware that starts signed programs only, from the stick. */
export async function startFromStick(rig: QemuTest, desktop: VmSpec): Promise<VmSpec> {
  const { system, options: { runDirectory } } = rig;
  const firmware = await prepareSecureBoot(system, { runDirectory, name: desktop.name });
  return fromStick(desktop, await makeStick(rig), { firmware });
}
