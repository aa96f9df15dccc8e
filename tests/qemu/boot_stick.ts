/** A desktop that starts from a stick, as `setup-client-usbdrive --image` makes one. */

import { runProgram } from "../../lib/cli/program.ts";
import { laptopKeysFolder } from "../../lib/laptop_keys.ts";
import { makeStickImage, type StickImage } from "../../lib/media/stick_image.ts";
import { serialConsole } from "../../lib/qemu/machine_pair.ts";
import { prepareSecureBoot } from "../../lib/qemu/uefi_firmware.ts";
import { fromStick } from "../../lib/qemu/stick_spec.ts";
import type { VmSpec } from "../../lib/qemu/vm_spec.ts";
import type { QemuTest } from "./machines.ts";

/**
 * A stick with the image that was built for the tests, made by the real command: `stick.img` in the run directory. Its
 * kernel speaks over the serial line, too. The command asks a device for its sectors; those of an image file have 512
 * bytes.
 * @param laptopKey that of another laptop, which the stick holds beside its own key
 */
export async function makeStick(
  rig: QemuTest,
  sectorBytes: 512 | 4096 = 512,
  laptopKey?: Uint8Array,
): Promise<Pick<StickImage, "path" | "sectorBytes">> {
  const { system, ui, options: { image, projectDirectory, runDirectory } } = rig;
  const [path, parameters] = [`${runDirectory}/stick.img`, serialConsole.split(" ")];
  const buildDirectory = image.outDir ?? `${projectDirectory}/build`;
  const keyPath = image.keyPath ?? `${projectDirectory}/aes-key`;
  await system.makeDirectory(runDirectory);
  await system.remove(path);
  await using stack = new AsyncDisposableStack();
  if (laptopKey !== undefined) {
    const keyOfLaptop = `${laptopKeysFolder(keyPath)}/of-stick-test`;
    // The folder may have keys of a person who uses this checkout.
    await system.makeDirectory(laptopKeysFolder(keyPath), { mode: 0o700 });
    stack.defer(() => system.remove(keyOfLaptop));
    await system.writeFile(keyOfLaptop, laptopKey, { mode: 0o600 });
  }
  if (sectorBytes === 4096) {
    return await makeStickImage(system, { buildDirectory, keyPath, parameters, sectorBytes }, path);
  }
  const words = ["--out-dir", buildDirectory, "--image", path, "--parameter", ...parameters];
  await runProgram(["setup-client-usbdrive", ...words], {
    projectDir: projectDirectory,
    workingDirectory: projectDirectory,
    environment: image.deno.environment,
    signal: new AbortController().signal,
    createUi: () => ui,
    createSystem: () => system,
  });
  return { path, sectorBytes };
}

/** The same desktop, with firmware that starts signed programs only, from the stick. */
export async function startFromStick(rig: QemuTest, desktop: VmSpec): Promise<VmSpec> {
  const { system, options: { runDirectory } } = rig;
  const firmware = await prepareSecureBoot(system, { runDirectory, name: desktop.name });
  return fromStick(desktop, await makeStick(rig), { firmware });
}
