/** Asks on one link, and hears the answers. */
import { createBackoff } from "../../lib/backoff.ts";
import { type Datagram, type DatagramLink, openDatagramLink } from "../../lib/net/datagram_link.ts";
import { DISCOVERY_GROUP, DISCOVERY_PORT } from "../../lib/protocol/discovery.ts";
import type { System } from "../../lib/system/system.ts";
import type { UsableLink } from "../shared/links.ts";

export interface LinkQuestions {
  /** What is sent at once, and again and again. */
  readonly formatRound: () => Promise<readonly Uint8Array[]>;
  readonly onAnswer: (datagram: Datagram, datagrams: DatagramLink) => Promise<void>;
  /** The link can be asked on. */
  readonly onOpen?: () => void;
  /** Nothing is asked any more once it aborts; answers are heard on. */
  readonly quiet?: AbortSignal;
}

/** Where all laptops hear. */
export const everyLaptop = { address: DISCOVERY_GROUP, port: DISCOVERY_PORT } as const;

/** From the first question to the second; then twice as long each time. A link that comes up is asked at once. */
const firstIntervalMs = 250;
const maximumIntervalMs = 4_000;

/** Until the signal aborts. @throws when the link cannot be used, or is gone */
export async function askOnLink(
  system: System,
  link: UsableLink,
  { signal, ...questions }: LinkQuestions & { readonly signal: AbortSignal },
): Promise<void> {
  using datagrams = await openDatagramLink({ ...link, link: link.name, port: 0 });
  const onAbort = (): void => datagrams.close();
  signal.addEventListener("abort", onAbort, { once: true });
  if (signal.aborted) onAbort();
  const { quiet, formatRound } = questions;
  const asking = ask(system, datagrams, {
    formatRound,
    signal: quiet === undefined ? signal : AbortSignal.any([signal, quiet]),
  });
  questions.onOpen?.();
  try {
    for (let datagram = await datagrams.receive(); datagram !== undefined; datagram = await datagrams.receive()) {
      await questions.onAnswer(datagram, datagrams);
    }
  } finally {
    signal.removeEventListener("abort", onAbort);
    datagrams.close();
    await asking;
  }
}

/** Never rejects: what cannot be sent now is asked again. */
async function ask(
  system: System,
  datagrams: DatagramLink,
  { formatRound, signal }: Pick<LinkQuestions, "formatRound"> & { readonly signal: AbortSignal },
): Promise<void> {
  const backoff = createBackoff({ firstMs: firstIntervalMs, maximumMs: maximumIntervalMs });
  while (!signal.aborted) {
    for (const question of await formatRound()) await datagrams.send(question, everyLaptop).catch(() => {});
    await system.delay(backoff.next(), signal).catch(() => {});
  }
}
