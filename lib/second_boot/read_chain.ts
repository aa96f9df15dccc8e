/** Reads the laptop's signed boot loaders from its EFI system partition, without changing a byte. */

import { atPath, lookAtPlaces } from "../boot/boot_places.ts";
import type { MountedFiles } from "../boot/boot_files.ts";
import type { KernelSignature } from "../boot/kernel_signers.ts";
import { findDisk } from "../disk/inspect_disk.ts";
import { probeSignature } from "../disk/signature.ts";
import { GRUB_MAX_BYTES, SHIM_MAX_BYTES } from "../protocol/boot_exchange.ts";
import type { System } from "../system/system.ts";
import { type ChainChoice, chooseChain, type LoaderPair } from "./choose_chain.ts";

/** Directories below EFI that are looked into. */
const maximumDirectories = 32;
/** As distributions name it, and where firmware looks by itself (UEFI specification 3.5.1.1). */
const shimNames = ["shimx64.efi", "BOOTX64.EFI"];
/** What shim starts: shim, DEFAULT_LOADER. */
const grubName = "grubx64.efi";

/**
 * @param disk path of the laptop's disk; undefined: the only one
 * @param kernel of the kernel that they shall start
 * Runs `lsblk`, `blkid`, `od`, `mount`, `umount`, `rmdir`; reads below the work directory.
 */
export async function readChain(
  system: System,
  { disk, workDirectory }: { readonly disk: string | undefined; readonly workDirectory?: string | undefined },
  kernel: KernelSignature | undefined,
): Promise<ChainChoice> {
  await using scope = new AsyncDisposableStack();
  const places = [];
  for (const { path } of (await findDisk(system, disk)).children) {
    if ((await probeSignature(system, path))?.type === "vfat") places.push(atPath(path, "vfat"));
  }
  const context = { system, settings: { disk, workDirectory }, reasons: [] };
  const pairs: LoaderPair[] = [];
  for (const { views } of await lookAtPlaces(context, scope, places)) {
    for (const { device, files } of views) pairs.push(...await readPairs(device, files));
  }
  return chooseChain(pairs, kernel);
}

async function readPairs(device: string, files: MountedFiles): Promise<readonly LoaderPair[]> {
  const pairs: LoaderPair[] = [];
  for (const name of (await files.list("EFI")).slice(0, maximumDirectories)) {
    const directory = `EFI/${name}`;
    const grub = await readBounded(files, `${directory}/${grubName}`, GRUB_MAX_BYTES);
    if (grub === undefined) continue;
    for (const shimName of shimNames) {
      const shim = await readBounded(files, `${directory}/${shimName}`, SHIM_MAX_BYTES);
      if (shim !== undefined) pairs.push({ place: `${device}, ${directory}`, shim, grub });
    }
  }
  return pairs;
}

/** @returns undefined for what is no file, or too large */
async function readBounded(files: MountedFiles, path: string, maximumBytes: number): Promise<Uint8Array | undefined> {
  const status = await files.status?.(path);
  if (status?.kind !== "file" || status.sizeBytes === 0 || status.sizeBytes > maximumBytes) return undefined;
  return await files.readBytes?.(path, { offset: 0, sizeBytes: status.sizeBytes });
}
