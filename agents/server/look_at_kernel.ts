/** What a desktop has to know of the laptop's kernel before it fetches it: who has signed it. */
import { type KernelSignature, readKernelSigners } from "../../lib/boot/kernel_signers.ts";
import type { BootImage } from "../../lib/boot/opened_image.ts";

/** A kernel is a tenth of this; one beyond it is sent without a look at it. */
const maximumKernelBytes = 256 * 1024 * 1024;

/**
 * Reads the whole kernel, unless that was done before.
 * @returns undefined when it cannot be read, which its transfer will report, or is too large
 */
export async function lookAtKernel(image: BootImage): Promise<KernelSignature | undefined> {
  if (image.kernelSignature !== undefined) return image.kernelSignature;
  if (image.kernelBytes > maximumKernelBytes) return undefined;
  try {
    return readKernelSigners(await readAll(await image.openKernel(), image.kernelBytes));
  } catch {
    return undefined;
  }
}

async function readAll(stream: ReadableStream<Uint8Array>, sizeBytes: number): Promise<Uint8Array> {
  const bytes = new Uint8Array(sizeBytes);
  let at = 0;
  for await (const piece of stream) {
    bytes.set(piece, at); // a file that is longer than announced: RangeError
    at += piece.length;
  }
  return bytes.subarray(0, at);
}
