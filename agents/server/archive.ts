/** Sends kernel and initramfs in pieces as large as a frame can carry. */
import { DATA_MAX_BYTES } from "../../lib/protocol/frames.ts";

/**
 * @param bytes exactly as many as the stream must have: fewer means the file has changed under our hands
 * @param send resolves when the piece has left; it may keep the piece no longer than that
 */
export async function sendPart(
  stream: ReadableStream<Uint8Array>,
  bytes: number,
  send: (piece: Uint8Array) => Promise<void>,
): Promise<void> {
  const piece = new Uint8Array(DATA_MAX_BYTES);
  let filled = 0;
  let total = 0;
  for await (const chunk of stream) {
    total += chunk.length;
    if (total > bytes) break;
    for (let taken = 0; taken < chunk.length;) {
      const part = chunk.subarray(taken, taken + piece.length - filled);
      piece.set(part, filled);
      filled += part.length;
      taken += part.length;
      if (filled < piece.length) continue;
      await send(piece);
      filled = 0;
    }
  }
  if (total !== bytes) {
    throw new Error(`A file of the boot entry changed while it was sent: ${total} bytes read, ${bytes} announced`);
  }
  if (filled > 0) await send(piece.subarray(0, filled));
}
