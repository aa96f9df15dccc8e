/** From a new connection to a sealed channel: a stranger gets no further. */
import type { ProtocolError } from "../../lib/errors.ts";
import type { ByteStream } from "../../lib/net/stream.ts";
import { answerClientOpening, type SecureChannel } from "../../lib/protocol/secure_channel.ts";
import type { Console } from "../shared/console.ts";
import type { FrameSource } from "../shared/frame_source.ts";

/** From the connection to the opening, which a client sends at once: a client that has the key needs no longer. */
export const OPENING_TIMEOUT_MS = 5_000;

interface ChannelOptions {
  readonly console: Console;
  readonly bootPsk: Uint8Array;
}

/**
 * Reads the client's opening and answers it.
 * @returns undefined for a peer that is no client of ours; logged only when the key or the version differs
 */
export async function openChannel(
  stream: ByteStream,
  frames: FrameSource,
  { console, bootPsk }: ChannelOptions,
): Promise<SecureChannel | undefined> {
  try {
    const opening = await frames.next(OPENING_TIMEOUT_MS);
    if (opening === undefined) return undefined;
    const answer = await answerClientOpening(opening, { psk: bootPsk });
    await stream.write(answer.reply);
    if (answer.kind === "accepted") return answer.channel;
    sayDeclined(stream, console, answer.error);
    await stream.closeWrite();
  } catch {
    // Garbage, silence or a reset.
  }
  return undefined;
}

function sayDeclined(stream: ByteStream, console: Console, error: ProtocolError): void {
  if (error.code === "wrong-key") {
    console.sayRarely(
      `A desktop asks with another key (${stream.remoteAddress}): both images must be built with the same aes-key ` +
        "file; one that has several keys tries each",
      error.code,
    );
  } else if (error.code === "unknown-version") {
    console.sayRarely(
      `A desktop asks with another version of the protocol (${stream.remoteAddress}): ${error.message}`,
      error.code,
    );
  }
}
