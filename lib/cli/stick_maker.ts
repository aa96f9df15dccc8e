/** What `setup-client-usbdrive` puts onto a stick: what create-initrd has made. */

import { AUTOKEXEC_KEY_PATH } from "../formats/autokexec_settings.ts";
import { formatUuid } from "../formats/uuid.ts";
import { fingerprintKeys, readKey } from "../key_file.ts";
import { flatten } from "../media/device_refusals.ts";
import { makeStickImage, measureStick, type StickOptions } from "../media/stick_image.ts";
import { stickNames } from "../media/stick_layout.ts";
import { planStickUpdate } from "../media/update_stick.ts";
import type { System } from "../system/system.ts";
import type { StickMaker } from "./commands/setup_client_usbdrive.ts";

/** @param options of every stick, whatever its size. @throws {UserError} when the key cannot be read */
export async function createStickMaker(
  system: System,
  options: Pick<StickOptions, "buildDirectory" | "keyPath" | "parameters" | "defaultLaptop">,
): Promise<StickMaker> {
  const laptopName = await findLaptopName(system, options.keyPath);
  const common = { ...options, ...laptopName === undefined ? {} : { laptopName } };
  return {
    measure: () => measureStick(system, common),
    fingerprintKeys: () => fingerprintKeys(system, options.keyPath),
    makeImage: ({ path, sectorBytes, ...size }) =>
      makeStickImage(system, {
        ...common,
        ...size,
        sectorBytes: sectorBytes === 4096 ? 4096 : 512,
        // An image file is the same for the same inputs, and copied to several sticks.
        ...size.sizeBytes === undefined ? {} : { placeUuid: formatUuid(system.randomBytes(16)) },
      }, path),
    looksOurs: (device) => flatten(device).some(({ label }) => label === stickNames.label),
    planUpdate: (readAt, { sizeBytes, sectorBytes }) =>
      planStickUpdate(system, readAt, { ...common, sizeBytes, sectorBytes: sectorBytes === 4096 ? 4096 : 512 }),
  };
}

/**
 * This computer's name, when it is a laptop that was set up with the same key: the stick notes who will answer to it.
 */
async function findLaptopName(system: System, keyPath: string): Promise<string | undefined> {
  try {
    const [key, own] = [await readKey(system, keyPath), await readKey(system, AUTOKEXEC_KEY_PATH)];
    if (!key.every((byte, index) => byte === own[index])) return undefined;
    const name = (await system.readText("/etc/hostname")).trim();
    return /^[A-Za-z0-9._-]{1,64}$/.test(name) ? name : undefined;
  } catch {
    // Not set up, or not root: nothing is noted. A key that is missing is an error when the stick is made.
    return undefined;
  }
}
