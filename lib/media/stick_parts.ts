/** What create-initrd has made, cut into the files of a stick. */

import { grubCoreName, secondStageName } from "../debian/boot_loaders.ts";
import { UserError } from "../errors.ts";
import { commandToType } from "../command_to_type.ts";
import { parseManifest } from "../image/manifest.ts";
import { hashText } from "../hash.ts";
import { archivePaddingBytes } from "../formats/cpio.ts";
import type { System } from "../system/system.ts";
import type { StickParts } from "./stick_content.ts";

export interface BuiltStick extends StickParts {
  readonly isDebug: boolean;
  /** GRUB for a BIOS. */
  readonly grubBoot: Uint8Array;
  readonly grubCore: Uint8Array;
}

/** Parts of the initrd that change when the agents do, and when the key does; what comes before them is the base. */
const agentsPart = "agents";
const secretsPart = "secrets";
const netbootPart = "netboot";

/**
 * @param buildDirectory the folder of the results
 * @throws {UserError} when something is missing, or does not belong together
 */
export async function readBuiltStick(system: System, buildDirectory: string): Promise<BuiltStick> {
  const read = async (name: string): Promise<Uint8Array> => {
    const path = `${buildDirectory}/${name}`;
    if (await system.stat(path) === undefined) throw notBuilt(`"${path}" is not there`);
    return await system.readFile(path);
  };
  const manifest = parseManifest(new TextDecoder().decode(await read("manifest.json")));
  if (manifest === undefined) throw notBuilt(`"${buildDirectory}/manifest.json" is of another version`);
  const [kernel, initrd] = [await read("kernel"), await read("initrd")];
  if (hashText(kernel) !== manifest.kernel.sha256 || hashText(initrd) !== manifest.initrd.sha256) {
    throw notBuilt(`kernel, initrd and manifest.json in "${buildDirectory}" do not belong together`);
  }
  if (!manifest.initrd.holdsSecret) throw notBuilt(`"${buildDirectory}/initrd" was made without the shared key`);
  const loader = (name: string): Promise<Uint8Array> => read(`loaders/${name}`);
  return {
    kernel,
    initrds: cutInitrd(initrd, manifest.parts),
    isDebug: manifest.isDebug,
    shim: await loader("shimx64.efi"),
    mokManager: await loader("mmx64.efi"),
    secondStage: await loader(secondStageName),
    grubBoot: await loader("grub-boot.img"),
    grubCore: await loader(grubCoreName),
  };
}

function notBuilt(what: string): UserError {
  return new UserError(`There is nothing to put onto a stick: ${what}`, {
    hints: [`${commandToType("create-initrd")} makes it`],
  });
}

/**
 * The initrd in pieces that together are the same bytes, but for what only a server needs: what changes seldom, the
 * agents, key and settings. Boot loaders put them together again, each at a multiple of 4 (GRUB,
 * grub-core/loader/linux.c; systemd-boot, src/boot/initrd.c), where our own padding already ends.
 */
function cutInitrd(
  initrd: Uint8Array,
  parts: readonly { readonly name: string; readonly sizeBytes: number }[],
): readonly { readonly name: string; readonly bytes: Uint8Array }[] {
  const starts = new Map<string, number>();
  let position = 0;
  for (const { name, sizeBytes } of parts) {
    starts.set(name, position);
    position += sizeBytes + archivePaddingBytes(sizeBytes);
  }
  const [agents, secrets] = [starts.get(agentsPart), starts.get(secretsPart)];
  if (agents === undefined || secrets === undefined || agents >= secrets || position > initrd.length) {
    throw new RangeError("The initrd is not made of the parts that its manifest names");
  }
  return [
    { name: "base.img", bytes: initrd.subarray(0, agents) },
    // What a server gives to desktops without a stick lies between the two.
    { name: "agents.img", bytes: initrd.subarray(agents, starts.get(netbootPart) ?? secrets) },
    { name: "key.img", bytes: initrd.subarray(secrets) },
  ];
}
