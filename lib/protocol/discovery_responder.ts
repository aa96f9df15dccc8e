/** What a server (or the autokexec service of an installed system) does with the datagrams that reach it. No I/O. */
import { ProtocolError } from "../errors.ts";
import { type DiscoveryMessage, formatDiscovery, parseDiscovery, type ServerPresence } from "./discovery.ts";
import { ChallengeBook, NonceRing, RateLimiter } from "./replay_guard.ts";

/** What an offer says at the moment. */
export interface Offer {
  readonly state: ServerPresence;
  /** Port of the boot exchange; 0 when there is none. */
  readonly tcpPort: number;
  readonly name: string;
}

/** What a datagram led to. `reply` goes to its sender, unicast. */
export type DiscoveryOutcome =
  | {
    readonly kind: "offered";
    readonly reply: Uint8Array<ArrayBuffer>;
    /** The question was not heard before: who asked has the key. */
    readonly isFresh: boolean;
  }
  /** A desktop searches with another key; say so on the console, once in a while. */
  | { readonly kind: "other-key"; readonly reply: Uint8Array<ArrayBuffer> }
  /** Send the reply, then become a server. Comes at most once per challenge. */
  | { readonly kind: "claimed"; readonly reply: Uint8Array<ArrayBuffer>; readonly clientName: string }
  /** Nothing to send; the reason is for a debug log. */
  | { readonly kind: "ignored"; readonly reason: "rate" | "not-for-us" | "not-claimable" | ProtocolError };

export interface DiscoveryResponderOptions {
  readonly discoveryKey: CryptoKey;
  readonly random: (sizeBytes: number) => Uint8Array;
  /** Asked for each answer. */
  readonly currentOffer: () => Offer;
}

export class DiscoveryResponder {
  readonly #options: DiscoveryResponderOptions;
  readonly #challenges = new ChallengeBook();
  readonly #nonces = new NonceRing();
  /**
   * Strangers have their own rates, so that they cannot use up those of our clients. Who plays a recorded datagram
   * again is a stranger, too.
   */
  readonly #ownRates = new RateLimiter();
  readonly #strangerRates = new RateLimiter();

  constructor(options: DiscoveryResponderOptions) {
    this.#options = options;
  }

  /**
   * Never throws for what a peer sent. The next datagram should be taken when this one is done: so one tag at a time
   * is computed, however many come. A challenge is good once all the same, since nothing is waited for between looking
   * for it and taking it.
   * @param source the sender's address, with the link it came over
   * @param nowMs a clock that never goes back
   */
  async receive(
    bytes: Uint8Array,
    { source, nowMs }: { readonly source: string; readonly nowMs: number },
  ): Promise<DiscoveryOutcome> {
    try {
      const { message, authentic } = await parseDiscovery(bytes, this.#options.discoveryKey);
      if (message.kind !== "discover" && message.kind !== "claim") return { kind: "ignored", reason: "not-for-us" };
      const isFresh = authentic && this.#isFresh(message, nowMs);
      if (!(isFresh ? this.#ownRates : this.#strangerRates).allow(source, nowMs)) {
        return { kind: "ignored", reason: "rate" };
      }
      if (!authentic) return await this.#onStranger(message);
      if (message.kind === "claim") return await this.#onClaim(message, nowMs);
      return { kind: "offered", isFresh, reply: await this.#offer(message, nowMs) };
    } catch (error) {
      if (error instanceof ProtocolError) return { kind: "ignored", reason: error };
      throw error;
    }
  }

  /** Whether an authentic message can come from a machine that has the key, and not from a record. */
  #isFresh(message: DiscoveryMessage & { kind: "discover" | "claim" }, nowMs: number): boolean {
    if (message.kind === "discover") return this.#nonces.add(message.clientNonce);
    return this.#challenges.has(message.challenge, nowMs);
  }

  async #onStranger(message: DiscoveryMessage): Promise<DiscoveryOutcome> {
    if (message.kind !== "discover") return { kind: "ignored", reason: "not-for-us" };
    return { kind: "other-key", reply: await this.#format({ kind: "other-key", clientNonce: message.clientNonce }) };
  }

  async #offer(
    { clientNonce }: DiscoveryMessage & { kind: "discover" },
    nowMs: number,
  ): Promise<Uint8Array<ArrayBuffer>> {
    const challenge = this.#challenges.issue(nowMs, this.#options.random);
    const { state, tcpPort, name } = this.#options.currentOffer();
    return await this.#format({ kind: "offer", clientNonce, challenge, state, tcpPort, name });
  }

  async #onClaim(
    { clientNonce, challenge, name }: DiscoveryMessage & { kind: "claim" },
    nowMs: number,
  ): Promise<DiscoveryOutcome> {
    // A challenge is used up by a claim, whatever comes of it.
    this.#challenges.take(challenge, nowMs);
    if (this.#options.currentOffer().state !== "installed-os") return { kind: "ignored", reason: "not-claimable" };
    return {
      kind: "claimed",
      reply: await this.#format({ kind: "claim-accepted", clientNonce, challenge }),
      clientName: name,
    };
  }

  async #format(message: DiscoveryMessage): Promise<Uint8Array<ArrayBuffer>> {
    return await formatDiscovery(message, this.#options.discoveryKey);
  }
}
