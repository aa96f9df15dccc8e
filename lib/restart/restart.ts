/** From the running system into the image: what is loaded. */
import { checkMemory, loadKernel } from "../boot/kexec.ts";
import { CommandError, describeError, UserError } from "../errors.ts";
import { type Handover, planHandoverArchive, type SizedFile } from "../formats/handover.ts";
import type { AutokexecSettings } from "../formats/autokexec_settings.ts";
import { RETAIN_INITRD } from "../formats/public_initrd.ts";
import { readLockdown, readMemory } from "../system/facts.ts";
import type { System } from "../system/system.ts";
import { type Gathered, gatherHandover, readStamp } from "./gather_handover.ts";
import { demandNoInhibitor } from "./inhibitor.ts";
import { joinInitrd } from "./join_initrd.ts";
import { type HandoverExtent, listExtents } from "./plan_memory.ts";
import { findObstacle } from "./shut_down.ts";

export interface LoadOptions {
  /** A tmpfs of our own, see {@link joinInitrd}. */
  readonly directory: string;
  /** Told what is handed over, or why not. */
  readonly say: (line: string) => void;
}

export interface LoadedImage {
  /** Reads what kernel and initramfs for desktops are like by now. */
  readonly gathered: Gathered | undefined;
  /** What they were like when they were handed over. */
  readonly stamp: string;
}

/**
 * Loads the image and what is handed over to it; from then on a restart leads into it. What cannot be handed over, the
 * server reads from the disk as if it had been started by hand. Runs `stat`, `cat`, `kexec`, `busctl`, `lsblk`, `dd`.
 * @throws {UserError} or {CommandError} when it cannot be loaded; nothing is loaded then
 */
export async function loadImage(
  system: System,
  settings: Pick<AutokexecSettings, "kernel" | "initrd" | "commandLine">,
  options: LoadOptions,
): Promise<LoadedImage> {
  const obstacle = await findObstacle(system);
  if (obstacle !== undefined) throw new UserError(`This machine cannot become a stiefelsystem: ${obstacle}`);
  await demandNoInhibitor(system);
  const image = await readSizes(system, settings);
  const gathered = await gatherHandover(system).catch((error) => {
    options.say(`Nothing is handed over: ${describeError(error)}; the server looks for its disk itself`);
    return undefined;
  });
  for (const notice of gathered?.notices ?? []) options.say(notice);
  const stamp = await readStamp(system, gathered?.files).catch(() => "");
  const extent = await loadLargest(system, { ...image, commandLine: settings.commandLine }, gathered, options);
  const isLoaded = extent !== "nothing" && gathered !== undefined;
  if (isLoaded) options.say(`Handed over to the image: ${describeExtent(gathered.handover, extent)}`);
  return { gathered: isLoaded && extent === "everything" ? gathered : undefined, stamp };
}

interface ImageFiles {
  readonly kernel: SizedFile;
  readonly initrd: SizedFile;
}

/** Not by reading them: they may be anywhere, and the agent may read its own settings only. */
async function readSizes(
  system: System,
  { kernel, initrd }: Pick<AutokexecSettings, "kernel" | "initrd">,
): Promise<ImageFiles> {
  const argv = ["stat", "--dereference", "--format=%s", "--", kernel, initrd];
  const [kernelBytes = 0, initrdBytes = 0] = (await system.run(argv, { timeoutMs: 10_000 })).stdout.trim().split("\n")
    .map(Number);
  return { kernel: { path: kernel, sizeBytes: kernelBytes }, initrd: { path: initrd, sizeBytes: initrdBytes } };
}

/** Tries with less as long as the kernel does not take more. */
async function loadLargest(
  system: System,
  image: ImageFiles & { readonly commandLine: string },
  gathered: Gathered | undefined,
  options: LoadOptions,
): Promise<HandoverExtent> {
  const { kernel, initrd } = image;
  const { pair } = gathered?.handover ?? {};
  const pairBytes = pair === undefined ? 0 : pair.kernelBytes + pair.initramfsBytes;
  const memory = await readMemory(system);
  const extents = gathered === undefined ? ["nothing"] as const : listExtents({
    ...memory,
    kernelBytes: kernel.sizeBytes,
    initrdBytes: initrd.sizeBytes,
    pairBytes,
    isInitrdKept: image.commandLine.split(" ").includes(RETAIN_INITRD),
  });
  if (pairBytes > 0 && extents[0] !== "everything") {
    options.say("Kernel and initramfs for desktops are not handed over, memory is short: the server reads its disk");
  }
  for (const extent of extents) {
    if (extent === "nothing" || gathered === undefined) break;
    try {
      await loadWith(system, image, { gathered, extent, directory: options.directory });
      return extent;
    } catch (error) {
      // A kernel that is refused is refused with less, too.
      if (error instanceof UserError && error.cause instanceof CommandError) throw await explainLockdown(system, error);
      options.say(`Cannot hand over ${describeExtent(gathered.handover, extent)}: ${describeError(error)}`);
    }
  }
  await checkMemory(system, kernel.sizeBytes + initrd.sizeBytes);
  try {
    await loadKernel(system, { kernel: kernel.path, initramfs: initrd.path, commandLine: image.commandLine });
  } catch (error) {
    throw await explainLockdown(system, error);
  }
  return "nothing";
}

async function loadWith(
  system: System,
  { kernel, initrd, commandLine }: ImageFiles & { readonly commandLine: string },
  { gathered, extent, directory }: {
    readonly gathered: Gathered;
    readonly extent: HandoverExtent;
    readonly directory: string;
  },
): Promise<void> {
  const { pair: _, ...description } = gathered.handover;
  const pieces = extent === "everything"
    ? planHandoverArchive({ initrd, handover: gathered.handover, files: gathered.files })
    : planHandoverArchive({ initrd, handover: description });
  await using joined = await joinInitrd(system, pieces, directory);
  await loadKernel(system, { kernel: kernel.path, initramfs: joined.path, commandLine });
}

function describeExtent({ commandLine }: Handover, extent: HandoverExtent): string {
  const parts = [
    "this disk",
    ...commandLine === undefined ? [] : ["the kernel command line"],
    ...extent === "everything" ? ["kernel and initramfs for desktops"] : [],
  ];
  return [parts.slice(0, -1).join(", "), parts.at(-1)].filter((part) => part !== "").join(" and ");
}

/**
 * Loads the image anew when kernel or initramfs for desktops have changed since: an update of the system meanwhile.
 */
export async function reloadIfChanged(
  system: System,
  loaded: LoadedImage,
  settings: Pick<AutokexecSettings, "kernel" | "initrd" | "commandLine">,
  options: LoadOptions,
): Promise<void> {
  const stamp = await readStamp(system, loaded.gathered?.files).catch(() => "gone");
  if (loaded.gathered === undefined || stamp === loaded.stamp) return;
  options.say("What desktops start has changed meanwhile: loading the image again");
  await loadImage(system, settings, options);
}

/** Runs `cat`. */
async function explainLockdown(system: System, error: unknown): Promise<unknown> {
  const lockdown = await readLockdown(system);
  if (lockdown === undefined) return error;
  return new UserError(
    `The kernel is locked down (${lockdown}, Secure Boot) and does not take the image: ${describeError(error)}`,
    {
      cause: error,
      hints: ["doctor says what can be done; with Secure Boot switched off in the firmware any image is taken"],
    },
  );
}
