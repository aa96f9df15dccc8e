/** A desktop that its firmware starts from a stick. Pure. */

import type { StickImage } from "../media/stick_image.ts";
import type { UefiFirmware, VmSpec } from "./vm_spec.ts";

export interface StickBoot {
  /** Default: a BIOS. */
  readonly firmware?: UefiFirmware;
  /** Default: virtio, which is quicker when emulated. */
  readonly bus?: "usb";
  /** What starts from it may write to it: a second boot does. */
  readonly isWritable?: boolean;
}

/** The same desktop, started from the stick. But for a second boot nothing writes to a stick, and nothing can here. */
export function fromStick(
  desktop: VmSpec,
  stick: Pick<StickImage, "path" | "sectorBytes">,
  { firmware, bus, isWritable = false }: StickBoot = {},
): VmSpec {
  const started = { ...desktop, boot: { kind: "disk" } as const, ...firmware === undefined ? {} : { firmware } };
  if (bus === "usb") return { ...started, disks: [], arguments: usbArguments(stick.path, isWritable) };
  const sectors = stick.sectorBytes === 512 ? {} : { logicalBlockSizeBytes: stick.sectorBytes };
  return {
    ...started,
    disks: [{ path: stick.path, format: "raw", serial: "stick", isReadOnly: !isWritable, ...sectors }],
  };
}

/** As a stick is plugged in. */
function usbArguments(path: string, isWritable: boolean): readonly string[] {
  return [
    ...[
      "-drive",
      `if=none,id=stick,format=raw,readonly=${isWritable ? "off" : "on"},file=${path.replaceAll(",", ",,")}`,
    ],
    ...["-device", "qemu-xhci"],
    ...["-device", "usb-storage,drive=stick,removable=on,bootindex=0"],
  ];
}
