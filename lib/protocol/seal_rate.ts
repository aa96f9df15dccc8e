/** How fast this machine seals and opens the boot exchange's bulk data; for the bench. */
import { DATA_MAX_BYTES, FRAME_HEADER_BYTES } from "./frames.ts";
import { giveBack } from "./primitives.ts";
import { answerClientOpening, type SecureChannel, startClientHandshake } from "./secure_channel.ts";

export interface SealRate {
  /** 10^6 bytes per second. */
  readonly sealMBps: number;
  readonly openMBps: number;
}

export interface SealRateOptions {
  /** A clock in milliseconds, with fractions: `() => performance.now()`. */
  readonly nowMs: () => number;
  /** How much is sealed and opened in each round. Default 32 MiB. */
  readonly roundBytes?: number;
  /**
   * The best of so many rounds counts: others may use the machine at the same time. Default 10, the first ones warm
   * the code up.
   */
  readonly rounds?: number;
}

/** Measures the path of real bulk data: frames of full size through a `SecureChannel`. */
export async function measureSealRate(
  { nowMs, roundBytes = 32 * 1024 * 1024, rounds = 10 }: SealRateOptions,
): Promise<SealRate> {
  const { client, server } = await connect();
  const piece = new Uint8Array(DATA_MAX_BYTES);
  const pieces = Math.max(1, Math.floor(roundBytes / DATA_MAX_BYTES));
  let sealMs = Infinity;
  let openMs = Infinity;
  for (let round = 0; round < rounds; round++) {
    let roundSealMs = 0;
    let roundOpenMs = 0;
    for (let count = 0; count < pieces; count++) {
      const startMs = nowMs();
      const frame = await server.sealData(piece);
      const sealedMs = nowMs();
      giveBack(await client.open(frame.subarray(FRAME_HEADER_BYTES)));
      roundSealMs += sealedMs - startMs;
      roundOpenMs += nowMs() - sealedMs;
    }
    sealMs = Math.min(sealMs, roundSealMs);
    openMs = Math.min(openMs, roundOpenMs);
  }
  const megabytes = pieces * DATA_MAX_BYTES / 1e6;
  return { sealMBps: megabytes / (sealMs / 1000), openMBps: megabytes / (openMs / 1000) };
}

/** Two ends of a channel within this process; the key does not matter. */
async function connect(): Promise<{ client: SecureChannel; server: SecureChannel }> {
  const psk = new Uint8Array(32);
  const handshake = await startClientHandshake({ psk });
  const answer = await answerClientOpening(handshake.opening.subarray(FRAME_HEADER_BYTES), { psk });
  if (answer.kind !== "accepted") throw new Error("The handshake with ourselves failed");
  return { client: await handshake.finish(answer.reply.subarray(FRAME_HEADER_BYTES)), server: answer.channel };
}
