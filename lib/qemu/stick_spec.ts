/** A desktop that its firmware starts from a stick. Pure. */

import type { StickImage } from "../media/stick_image.ts";
import type { UefiFirmware, VmSpec } from "./vm_spec.ts";

export interface StickBoot {
  /** Default: a BIOS. */
  readonly firmware?: UefiFirmware;
  /** Default: virtio, which is quicker when emulated. */
  readonly bus?: "usb";
}

/** The same desktop, started from the stick. Nothing that starts from a stick writes to it, and nothing can here. */
export function fromStick(
  desktop: VmSpec,
  stick: Pick<StickImage, "path" | "sectorBytes">,
  { firmware, bus }: StickBoot = {},
): VmSpec {
  const started = { ...desktop, boot: { kind: "disk" } as const, ...firmware === undefined ? {} : { firmware } };
  if (bus === "usb") return { ...started, disks: [], arguments: usbArguments(stick.path) };
  const sectors = stick.sectorBytes === 512 ? {} : { logicalBlockSizeBytes: stick.sectorBytes };
  return { ...started, disks: [{ path: stick.path, format: "raw", serial: "stick", isReadOnly: true, ...sectors }] };
}

/** As a stick is plugged in. */
function usbArguments(path: string): readonly string[] {
  return [
    ...["-drive", `if=none,id=stick,format=raw,readonly=on,file=${path.replaceAll(",", ",,")}`],
    ...["-device", "qemu-xhci"],
    ...["-device", "usb-storage,drive=stick,removable=on,bootindex=0"],
  ];
}
