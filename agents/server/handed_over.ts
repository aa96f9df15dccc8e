/**
 * What the laptop's own system has handed over to this image (lib/formats/handover.ts): read, and turned into what
 * desktops start.
 */
import { describeHibernation } from "../../lib/disk/inspect_disk.ts";
import type { BootEntry } from "../../lib/boot/menu/entry.ts";
import { BootError } from "../../lib/boot_error.ts";
import type { ClosableImage } from "../../lib/boot/opened_image.ts";
import { findResumeTarget, isHibernatedInFile } from "../../lib/boot/resume.ts";
import { describeError, UserError } from "../../lib/errors.ts";
import {
  formatHandover,
  type Handover,
  HANDOVER_FILES,
  HANDOVER_MAX_BYTES,
  parseHandover,
} from "../../lib/formats/handover.ts";
import type { System } from "../../lib/system/system.ts";

export type HandoverReading =
  /** The image was started by hand. */
  | { readonly kind: "none" }
  /** It was not, but what came with it cannot be used. */
  | { readonly kind: "unusable"; readonly why: string }
  | { readonly kind: "usable"; readonly handover: Handover };

/** Never rejects: a server without handover reads the disk, as one that was started by hand. */
export async function readHandover(system: System, directory: string): Promise<HandoverReading> {
  const path = `${directory}/${HANDOVER_FILES.description}`;
  try {
    if (await system.stat(directory) === undefined) return { kind: "none" };
    const status = await system.stat(path);
    // The last of the archive: the kernel stops where memory ends.
    if (status === undefined) return { kind: "unusable", why: "it is not complete" };
    if (status.kind !== "file" || status.sizeBytes > HANDOVER_MAX_BYTES) {
      return { kind: "unusable", why: `"${path}" has ${status.sizeBytes} bytes, wanted at most ${HANDOVER_MAX_BYTES}` };
    }
    const handover = parseHandover(await system.readText(path));
    await demandSizes(system, directory, handover);
    return { kind: "usable", handover };
  } catch (error) {
    return { kind: "unusable", why: describeError(error) };
  }
}

async function demandSizes(system: System, directory: string, { pair }: Handover): Promise<void> {
  if (pair === undefined) return;
  const { kernel, initramfs } = HANDOVER_FILES;
  for (const [name, wanted] of [[kernel, pair.kernelBytes], [initramfs, pair.initramfsBytes]] as const) {
    const found = (await system.stat(`${directory}/${name}`))?.sizeBytes ?? 0;
    if (found !== wanted) throw new UserError(`"${name}" has ${found} bytes, wanted ${wanted}`);
  }
}

/** For people at the laptop. */
export function describeHandover({ commandLine, pair }: Handover): string {
  const parts = [
    "its disk",
    ...commandLine === undefined ? [] : ["its kernel command line"],
    ...pair === undefined ? [] : ["kernel and initramfs for desktops"],
  ];
  return `This laptop's own system has handed over ${parts.join(", ")}`;
}

/**
 * Kernel and initramfs out of memory; neither the boot partition nor a passphrase is needed.
 * @returns undefined when only the disk, or the disk and the command line, were handed over
 * @throws {BootError} "hibernated". Runs `lsblk`, `od`
 */
export async function openHandedOver(
  system: System,
  directory: string,
  { title = "The laptop's own system", commandLine, pair, transports, canTunnel }: Handover,
): Promise<ClosableImage | undefined> {
  if (pair === undefined || commandLine === undefined) return undefined;
  const resume = findResumeTarget(commandLine);
  if (resume !== undefined && await isHibernatedInFile(system, resume)) {
    throw new BootError("hibernated", describeHibernation(`${resume.device}, in a swap file`));
  }
  const [kernel, initramfs] = [`${directory}/${HANDOVER_FILES.kernel}`, `${directory}/${HANDOVER_FILES.initramfs}`];
  const entry: BootEntry = {
    title,
    kernel,
    initrds: [initramfs],
    commandLine,
    loader: "handover",
    source: "handed over by the laptop's own system",
    notices: [],
    ...transports === undefined ? {} : { transports },
    ...canTunnel ? { canTunnel } : {},
  };
  return {
    entry,
    kernelBytes: pair.kernelBytes,
    initramfsBytes: pair.initramfsBytes,
    isInMemory: true,
    openKernel: () => system.openRead(kernel),
    openInitramfs: () => system.openRead(initramfs),
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
}

/**
 * A desktop has had the disk, and may have put another kernel and initramfs there: those in memory go, also for an
 * agent after us.
 * @returns what is left of the handover
 */
export async function dropPair(system: System, directory: string, handover: Handover): Promise<Handover> {
  const { pair, transports: _, canTunnel: __, ...rest } = handover;
  if (pair === undefined) return handover;
  await system.writeFile(`${directory}/${HANDOVER_FILES.description}`, formatHandover(rest), { mode: 0o600 });
  for (const name of [HANDOVER_FILES.kernel, HANDOVER_FILES.initramfs]) await system.remove(`${directory}/${name}`);
  return rest;
}
