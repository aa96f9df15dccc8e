/** Sends kernel and initramfs in the pieces they are read in; one that is too large for a frame is cut. */
import { DATA_MAX_BYTES } from "../../lib/protocol/frames.ts";

/**
 * @param bytes exactly as many as the stream must have: fewer or more means the file has changed under our hands
 * @param send resolves when the piece has left; it may keep the piece no longer than that
 */
export async function sendPart(
  stream: ReadableStream<Uint8Array>,
  bytes: number,
  send: (piece: Uint8Array) => Promise<void>,
): Promise<void> {
  let total = 0;
  for await (const chunk of stream) {
    total += chunk.length;
    if (total > bytes) break;
    for (let start = 0; start < chunk.length; start += DATA_MAX_BYTES) {
      await send(chunk.subarray(start, start + DATA_MAX_BYTES));
    }
  }
  if (total !== bytes) {
    throw new Error(`A file of the boot entry changed while it was sent: ${total} bytes read, ${bytes} announced`);
  }
}
