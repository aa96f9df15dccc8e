/**
 * Paths in GRUB's scripts, "(hd0,gpt2)/vmlinuz" or "/vmlinuz" on $root, and the partitions that they may mean. Pure.
 */

import { type GrubDevices, splitDevice } from "./grub_devices.ts";
import { type GrubFiles, isBlockList } from "./grub_files.ts";

/** What a GrubMachine is made with. */
export interface GrubSources {
  /** Path of the configuration on the first of the devices: "/boot/grub/grub.cfg". */
  readonly path: string;
  /** Directory that is /boot, of the same partition: BLS entries are looked for there, too. */
  readonly bootDirectory: string;
  readonly devices: GrubDevices;
  readonly files: GrubFiles;
}

/** A file that GRUB would load. */
export interface GrubPath {
  readonly device: string;
  readonly path: string;
}

/** Finds the files that a script names. Remembers the first device that a script needs and that we do not have. */
export class GrubPaths {
  #missing: string | undefined;

  /** @param rootDevice value of the script's variable "root": the device of paths that name none */
  constructor(private readonly sources: GrubSources, private readonly rootDevice: () => string) {}

  get missing(): string | undefined {
    return this.#missing;
  }

  forgetMissing(): void {
    this.#missing = undefined;
  }

  /** Where a file is that GRUB reads; the first of the possible partitions that has it. */
  place(name: string): { readonly partition: string; readonly path: string } | undefined {
    const { device, path } = this.#toDevicePath(name);
    const { devices, files } = this.sources;
    const possible = devices.resolve(device);
    if (possible.length === 0) this.noteMissing(device);
    // A path that does not begin with "/" is a block list to GRUB.
    if (!path.startsWith("/") && !isBlockList(path)) return undefined;
    const places = possible.map((partition) => ({ partition, path }));
    return places.find(({ partition }) => files.look(partition, path) !== undefined);
  }

  look(name: string): { readonly kind: "file" | "directory"; readonly sizeBytes: number } | undefined {
    const place = this.place(name);
    const file = place === undefined ? undefined : this.sources.files.look(place.partition, place.path);
    return file?.kind === "directory" ? { kind: "directory", sizeBytes: 0 } : file;
  }

  read(name: string): string | undefined {
    const place = this.place(name);
    return place === undefined ? undefined : this.sources.files.read(place.partition, place.path);
  }

  #toDevicePath(name: string): GrubPath {
    const { device, path } = splitDevice(name);
    return { device: device === undefined || device === "" ? this.rootDevice() : device, path };
  }

  toGrubPath(name: string): GrubPath {
    const found = this.#toDevicePath(name);
    this.noteMissing(found.device);
    return found;
  }

  noteMissing(device: string): void {
    if (this.sources.devices.resolve(device).length === 0) this.#missing ??= device;
  }
}
