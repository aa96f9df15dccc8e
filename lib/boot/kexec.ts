/** Replacing the running kernel: kexec-tools does it, we check that it can. */

import { readMemAvailableBytes } from "../system/facts.ts";
import type { System } from "../system/system.ts";
import { CommandError, UserError } from "../errors.ts";
import { BootError } from "../boot_error.ts";

/** Left over for the programs that run until the new kernel starts, and for what kexec needs besides the two files. */
const reserveBytes = 64 * 1024 * 1024;

export interface KernelToLoad {
  /** Path of a file. */
  readonly kernel: string;
  /** Path of a file: all initramfs parts in one. */
  readonly initramfs?: string;
  readonly commandLine: string;
}

/**
 * kexec holds the new kernel and initramfs in memory once more, beside the files in the RAM disk; a machine that runs
 * out then may unpack half an initramfs without a word.
 * @param bytes what will be held: kernel plus initramfs, and as much again for files still to be written to a RAM disk
 * @throws {BootError} "no-memory". Runs `cat`.
 */
export async function checkMemory(system: System, bytes: number): Promise<void> {
  const available = await readMemAvailableBytes(system);
  const needed = bytes + reserveBytes;
  if (available >= needed) return;
  throw new BootError(
    "no-memory",
    `Not enough memory to start the new kernel: ${inMiB(needed)} are needed, ${inMiB(available, "down")} are available`,
    { hints: ["Make the initramfs of the disk's system smaller, or add memory to this machine"] },
  );
}

/**
 * Loads a kernel and checks that the running one has taken it.
 * @throws {UserError} when the running kernel does not trust it, as under Secure Boot; {CommandError} when `kexec`
 *   refuses for another reason. Runs `kexec`, `cat`.
 */
export async function loadKernel(system: System, image: KernelToLoad): Promise<void> {
  const limits = { timeoutMs: 120_000 };
  try {
    await system.run(loadArguments(image, "unchecked"), limits);
  } catch (error) {
    if (!(error instanceof CommandError) || error.failure.notFound) throw error;
    // A locked down kernel takes only what it can check itself.
    await system.run(loadArguments(image, "by-kernel"), limits).catch((refusal) => {
      throw describeRefusal(image, refusal) ?? refusal;
    });
  }
  if (!await isKernelLoaded(system)) {
    throw new UserError(`Loading "${image.kernel}" for kexec had no effect: /sys/kernel/kexec_loaded is not 1`, {
      hints: ["Secure Boot or a locked down kernel refuses kernels that are not signed by a key it trusts"],
    });
  }
}

/**
 * What kexec_file_load(2) fails with when it checks a signature (crypto/asymmetric_keys in the kernel), in the words
 * of strerror(3).
 */
const refusals: readonly (readonly [words: RegExp, reason: string])[] = [
  // ENODATA
  [/No data available/, "it is not signed"],
  // EKEYREJECTED, EBADMSG, and ELIBBAD where the file is too short for what it says of its signature
  [
    /Key was rejected by service|Bad message|Accessing a corrupted shared library/,
    "it is not what was signed, or its key was revoked",
  ],
  // ENOKEY
  [/Required key not available/, "it is signed with a key that this machine does not trust"],
];

/** A kernel that was not taken because of its signature; undefined when it was something else. */
function describeRefusal({ kernel }: KernelToLoad, error: unknown): UserError | undefined {
  const words = error instanceof CommandError ? error.failure.lastLines?.join("\n") ?? "" : "";
  const reason = refusals.find(([pattern]) => pattern.test(words))?.[1];
  if (reason === undefined) return undefined;
  return new UserError(`"${kernel}" cannot be started here: ${reason}`, { cause: error });
}

/**
 * kexec(8). Each option and value in one word, so that a command line may start with "-".
 * @param check "unchecked": the older call, without the sums of kernel and initramfs that are made when loading and
 *   compared before the new kernel starts; what is loaded came in frames whose tags were compared a moment before.
 *   "by-kernel": kexec_file_load, which checks signatures
 */
export function loadArguments(image: KernelToLoad, check: "unchecked" | "by-kernel"): readonly string[] {
  return [
    "kexec",
    "--load",
    ...(check === "unchecked" ? ["--kexec-syscall", "--no-checks"] : ["--kexec-file-syscall"]),
    ...(image.initramfs === undefined ? [] : [`--initrd=${image.initramfs}`]),
    `--command-line=${image.commandLine}`,
    image.kernel,
  ];
}

/** Also when nothing is loaded, and when the caller is about to end. Runs `kexec`. */
export async function unloadKernel(system: System): Promise<void> {
  await system.run(["kexec", "--unload"], { timeoutMs: 30_000, isCleanup: true });
}

/** Whether a kernel is loaded (Documentation/ABI/testing/sysfs-kernel-kexec). Runs `cat`. */
export async function isKernelLoaded(system: System): Promise<boolean> {
  return (await system.run(["cat", "/sys/kernel/kexec_loaded"], { timeoutMs: 5_000 })).stdout.trim() === "1";
}

/**
 * Jumps into the loaded kernel, without a shutdown: only for our own image, where nothing is mounted any more.
 * Does not come back when it works. Runs `cat`, `sync`, `kexec`.
 */
export async function executeKernel(system: System): Promise<never> {
  if (!await isKernelLoaded(system)) throw new UserError("No kernel is loaded for kexec, nothing to start");
  await system.run(["sync"], { timeoutMs: 120_000 });
  await system.run(["kexec", "--exec"], { timeoutMs: 60_000 });
  await system.delay(60_000);
  throw new UserError("The new kernel did not start within 60 seconds");
}

function inMiB(bytes: number, rounded: "up" | "down" = "up"): string {
  const mebibytes = bytes / 1024 / 1024;
  return `${rounded === "up" ? Math.ceil(mebibytes) : Math.floor(mebibytes)} MiB`;
}
