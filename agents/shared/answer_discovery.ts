/**
 * Answers the datagrams of desktops on one link. What each gets, a stranger's among them, is decided in
 * lib/protocol/discovery_responder.ts.
 */
import { openDatagramLink } from "../../lib/net/datagram_link.ts";
import { DISCOVERY_GROUP, DISCOVERY_PORT } from "../../lib/protocol/discovery.ts";
import {
  type DiscoveryOutcome,
  DiscoveryResponder,
  type DiscoveryResponderOptions,
} from "../../lib/protocol/discovery_responder.ts";
import type { Console } from "./console.ts";
import { ForeignAskers } from "./foreign_askers.ts";
import type { UsableLink } from "./links.ts";

export interface AnsweringOptions extends DiscoveryResponderOptions {
  readonly link: UsableLink;
  readonly signal: AbortSignal;
  readonly console: Console;
  /** A clock that never goes back. */
  readonly nowMs: () => number;
  /** A desktop without a key can get it on this link. */
  readonly givesKey?: boolean;
  readonly onListening?: () => void;
  /** @param source the sender, with the link it came over */
  readonly onAnswered: (outcome: DiscoveryOutcome, source: string) => void;
}

/** Until `signal` aborts. @throws when the link cannot be listened on, or is gone */
export async function answerDiscovery(options: AnsweringOptions): Promise<void> {
  const { link, signal, console, nowMs, onAnswered } = options;
  using datagrams = await openDatagramLink({
    link: link.name,
    index: link.index,
    group: DISCOVERY_GROUP,
    port: DISCOVERY_PORT,
  });
  const onAbort = (): void => datagrams.close();
  signal.addEventListener("abort", onAbort, { once: true });
  if (signal.aborted) onAbort();
  options.onListening?.();
  const responder = new DiscoveryResponder(options);
  const askers = new ForeignAskers();
  try {
    for (let datagram = await datagrams.receive(); datagram !== undefined; datagram = await datagrams.receive()) {
      const source = `${datagram.address}%${link.name}`;
      const outcome = await responder.receive(datagram.bytes, { source, nowMs: nowMs() });
      if (outcome.kind === "offered" && outcome.isFresh) askers.noteOurs(source, nowMs());
      if (outcome.kind === "other-key" && askers.noteForeign(source, nowMs())) {
        console.sayRarely(
          options.givesKey
            ? `A desktop asks without our key (link ${link.name}): it gets the key for the code that is shown here`
            : `A desktop asks with another key (link ${link.name}): both images must be built with the same aes-key file`,
          "other-key",
        );
      }
      // An answer that cannot be sent is asked for again.
      if (outcome.kind !== "ignored") await datagrams.send(outcome.reply, datagram).catch(() => {});
      onAnswered(outcome, source);
    }
  } finally {
    signal.removeEventListener("abort", onAbort);
  }
}
