/** How long a packet takes to another machine's kernel and back. */
import { connectStream } from "./stream.ts";

const tries = 5;
const timeoutMs = 2_000;

/**
 * By connections to a port where something listens: it is the kernel there that answers the first packet of each.
 * @param now milliseconds of a clock that only goes on
 * @returns milliseconds, the least of several; undefined when there is no answer in 2 s
 */
export async function measureRoundTrip(
  { address, port }: { readonly address: string; readonly port: number },
  now: () => number,
): Promise<number | undefined> {
  let least: number | undefined;
  for (let number = 0; number < tries; number++) {
    const startMs = now();
    try {
      using _stream = await connectStream({ host: address, port, timeoutMs });
      const tookMs = now() - startMs;
      least = Math.min(least ?? tookMs, tookMs);
    } catch {
      return least;
    }
  }
  return least;
}
