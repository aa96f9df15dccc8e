/** What create-initrd has made, cut into the files of a stick. */

import { grubBootName, grubCoreName, hasBios, loaderNames } from "../debian/boot_loaders.ts";
import { UserError } from "../errors.ts";
import { commandToType } from "../command_to_type.ts";
import { parseManifest } from "../image/manifest.ts";
import { hashText } from "../hash.ts";
import { AGENT_KEY_PATH } from "../formats/agent_settings.ts";
import { archivePaddingBytes, buildCpio } from "../formats/cpio.ts";
import { type LaptopKey, laptopKeysFolder } from "../laptop_keys.ts";
import type { System } from "../system/system.ts";
import type { StickParts } from "./stick_content.ts";

export interface BuiltStick extends StickParts {
  readonly isDebug: boolean;
  /** GRUB for a BIOS, where there is such. */
  readonly grubBoot?: Uint8Array;
  readonly grubCore?: Uint8Array;
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
  const { architecture } = manifest;
  const names = loaderNames(architecture);
  const loader = (name: string): Promise<Uint8Array> => read(`loaders/${name}`);
  return {
    architecture,
    kernel,
    initrds: cutInitrd(initrd, manifest.parts),
    isDebug: manifest.isDebug,
    shim: await loader(names.shim),
    mokManager: await loader(names.mokManager),
    secondStage: await loader(names.secondStage),
    ...hasBios(architecture) ? { grubBoot: await loader(grubBootName), grubCore: await loader(grubCoreName) } : {},
  };
}

/**
 * The same with the keys of other laptops, in a file of their own: what create-initrd has made, which a laptop serves
 * with, has none of them. Before the own key, with which the file ends that tells whether all was unpacked. Pure.
 */
export function addLaptopKeys<Parts extends Pick<StickParts, "initrds">>(
  parts: Parts,
  keys: readonly LaptopKey[],
): Parts {
  if (keys.length === 0) return parts;
  const folder = laptopKeysFolder(AGENT_KEY_PATH).slice(1);
  const bytes = buildCpio([
    { kind: "directory", path: "etc", mode: 0o755 },
    { kind: "directory", path: "etc/stiefelsystem", mode: 0o700 },
    { kind: "directory", path: folder, mode: 0o700 },
    ...keys.map(({ name, key }) => ({ kind: "file", path: `${folder}/${name}`, mode: 0o600, content: key }) as const),
  ]);
  const { initrds } = parts;
  return { ...parts, initrds: [...initrds.slice(0, -1), { name: "keys.img", bytes }, ...initrds.slice(-1)] };
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
