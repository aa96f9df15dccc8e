/** What is served: a disk, and what boots from it. Tests bring their own. */
import { findUses } from "../../lib/disk/decide_disk.ts";
import { type DiskReport, findDisk, inspectDisk } from "../../lib/disk/inspect_disk.ts";
import { type BootSettings, openBootPartition } from "../../lib/boot/boot_partition.ts";
import type { ClosableImage } from "../../lib/boot/opened_image.ts";
import type { Handover } from "../../lib/formats/handover.ts";
import type { KernelSignature } from "../../lib/boot/kernel_signers.ts";
import type { ChainChoice } from "../../lib/second_boot/choose_chain.ts";
import { readChain } from "../../lib/second_boot/read_chain.ts";
import type { System } from "../../lib/system/system.ts";
import { dropPair, openHandedOver } from "./handed_over.ts";
import { lookAtKernel } from "./look_at_kernel.ts";
import { findServedDisk, type ServedDisk } from "./served_disk.ts";

export interface DiskSource {
  /** @throws {DiskError} "no-device" */
  inspect(): Promise<DiskReport>;
  /** @throws {BootError} "passphrase-needed", "passphrase-wrong", "no-boot-entry", … */
  openBoot(passphrase?: string): Promise<ClosableImage>;
  /** The signed boot loaders of the laptop's own system. @param kernel that they shall start */
  readChain(kernel: KernelSignature | undefined): Promise<ChainChoice>;
  /** A desktop has got all it needs and may write to the disk: what was known of it before counts no more. */
  noteLent?(): Promise<void>;
}

/** The disk as a source that can also say, in one look, who uses it. */
export interface WatchedSource extends DiskSource {
  /** Words that are the same as long as no program began or ended using the disk. */
  listUses(): Promise<string>;
}

/** What the laptop's own system has handed over, and where it lies. */
export interface HandedOver {
  readonly directory: string;
  readonly handover: Handover;
}

/** The real disk of this machine. */
export function createDiskSource(system: System, settings: BootSettings, handedOver?: HandedOver): WatchedSource {
  let handover = handedOver?.handover;
  const find = (): Promise<ServedDisk> => findServedDisk(system, settings.disk, handover?.disk);
  return {
    inspect: async () => {
      const { path, isHandedOver, notices } = await find();
      const hasJustRun = isHandedOver && handover?.pair !== undefined;
      const report = await inspectDisk(system, path, { hasJustRun });
      return { ...report, notices: [...notices, ...report.notices] };
    },
    openBoot: async (passphrase) => {
      const { path, isHandedOver } = await find();
      // What boot.load names wins.
      const mine = isHandedOver && settings.load === undefined ? handover : undefined;
      const image = mine && handedOver && await openHandedOver(system, handedOver.directory, mine);
      if (image !== undefined) return image;
      if (settings.workDirectory !== undefined) await system.makeDirectory(settings.workDirectory, { mode: 0o700 });
      const load = mine?.commandLine === undefined ? settings.load : { cmdline: mine.commandLine };
      return await openBootPartition(system, { ...settings, disk: path, load }, { passphrase });
    },
    readChain: async (kernel) => {
      const { workDirectory } = settings;
      return await readChain(system, { disk: (await find()).path, workDirectory }, kernel);
    },
    listUses: async () => {
      const disk = await findDisk(system, (await find()).path);
      return [disk.path, ...findUses(disk).map(({ message }) => message)].join("\n");
    },
    noteLent: async () => {
      if (handedOver === undefined || handover === undefined) return;
      handover = await dropPair(system, handedOver.directory, handover);
    },
  };
}

interface Prepared {
  readonly disk: DiskReport;
  readonly image: ClosableImage;
  /** With the image open. */
  readonly uses: string;
}

/**
 * Looks at the disk and opens its boot partition before a desktop asks, so that it need not wait for that: it takes
 * seconds on a slow machine. What was prepared is for one exchange, and only if no other program has begun to use the
 * disk since; else all is done when it is asked for.
 */
export class PreparedSource implements DiskSource, AsyncDisposable {
  readonly #source: WatchedSource;
  #next: Promise<Prepared | undefined> = Promise.resolve(undefined);
  #image: ClosableImage | undefined;

  constructor(source: WatchedSource) {
    this.#source = source;
  }

  /**
   * Prepares the next exchange; to be called while no desktop has the disk. Never rejects: the exchange itself reports
   * what is wrong.
   * @param disk what `inspect` has just said, to save another look
   */
  async prepare(disk?: DiskReport): Promise<void> {
    this.#next = this.#next.then(async (prepared) => prepared ?? await this.#prepare(disk).catch(() => undefined));
    await this.#next;
  }

  async inspect(): Promise<DiskReport> {
    await this.#closeImage();
    const prepared = await this.#take();
    if (prepared === undefined) return await this.#source.inspect();
    if (await this.#source.listUses().catch(() => undefined) === prepared.uses) {
      this.#image = prepared.image;
      return prepared.disk;
    }
    await prepared.image[Symbol.asyncDispose]();
    return await this.#source.inspect();
  }

  async openBoot(passphrase?: string): Promise<ClosableImage> {
    const image = this.#image;
    this.#image = undefined;
    return image ?? await this.#source.openBoot(passphrase);
  }

  async readChain(kernel: KernelSignature | undefined): Promise<ChainChoice> {
    return await this.#source.readChain(kernel);
  }

  async noteLent(): Promise<void> {
    await (await this.#take())?.image[Symbol.asyncDispose]();
    await this.#source.noteLent?.();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#closeImage();
    await (await this.#take())?.image[Symbol.asyncDispose]();
  }

  async #prepare(known: DiskReport | undefined): Promise<Prepared | undefined> {
    const disk = known ?? await this.#source.inspect();
    if (disk.problems.length > 0) return undefined;
    const image = await this.#source.openBoot();
    try {
      // Once through the files, so that they lie in memory when a desktop waits for them.
      const kernelSignature = await lookAtKernel(image);
      if (image.isInMemory !== true) await drain(await image.openInitramfs());
      const known = kernelSignature === undefined ? image : { ...image, kernelSignature };
      return { disk, image: known, uses: await this.#source.listUses() };
    } catch (error) {
      await image[Symbol.asyncDispose]();
      throw error;
    }
  }

  async #take(): Promise<Prepared | undefined> {
    const next = this.#next;
    this.#next = Promise.resolve(undefined);
    return await next;
  }

  async #closeImage(): Promise<void> {
    const image = this.#image;
    this.#image = undefined;
    await image?.[Symbol.asyncDispose]();
  }
}

async function drain(stream: ReadableStream<Uint8Array>): Promise<void> {
  for await (const _piece of stream);
}
