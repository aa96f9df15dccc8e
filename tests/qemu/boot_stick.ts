/** A desktop that starts from a stick, as `setup-client-usbdrive --image` makes one. */

import { makeStickImage, type StickImage } from "../../lib/media/stick_image.ts";
import { serialConsole } from "../../lib/qemu/machine_pair.ts";
import { prepareSecureBoot } from "../../lib/qemu/uefi_firmware.ts";
import { fromStick } from "../../lib/qemu/stick_spec.ts";
import type { VmSpec } from "../../lib/qemu/vm_spec.ts";
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

/** The same desktop, with firmware that starts signed programs only, from the stick. */
export async function startFromStick(rig: QemuTest, desktop: VmSpec): Promise<VmSpec> {
  const { system, options: { runDirectory } } = rig;
  const firmware = await prepareSecureBoot(system, { runDirectory, name: desktop.name });
  return fromStick(desktop, await makeStick(rig), { firmware });
}
