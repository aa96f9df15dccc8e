/** A client's search: what to send, and which answers to believe. No I/O. */
import { ProtocolError } from "../errors.ts";
import { type DiscoveryMessage, formatDiscovery, NONCE_BYTES, parseDiscovery } from "./discovery.ts";

export type OfferMessage = Extract<DiscoveryMessage, { kind: "offer" }>;

/** What an answer means. */
export type SearchFinding =
  | { readonly kind: "offer"; readonly offer: OfferMessage }
  /** A stiefelsystem answers with another key. Anyone can forge this: good for a message, nothing else. */
  | { readonly kind: "other-key" }
  | { readonly kind: "claim-accepted" }
  /** Not an answer to our question. */
  | { readonly kind: "ignored"; readonly reason: "not-for-us" | ProtocolError };

/** How many of the latest questions are still believed an answer to. */
const REMEMBERED_QUESTIONS = 16;

/** One search over any number of links and rounds. */
export class DiscoverySearch {
  readonly #discoveryKey: CryptoKey;
  readonly #random: (sizeBytes: number) => Uint8Array;
  /** Nonces (hex) of our questions, oldest first. */
  readonly #asked = new Set<string>();
  /** Challenges (hex) of our claims. */
  readonly #claimed = new Set<string>();

  constructor(options: { readonly discoveryKey: CryptoKey; readonly random: (sizeBytes: number) => Uint8Array }) {
    this.#discoveryKey = options.discoveryKey;
    this.#random = options.random;
  }

  /**
   * The datagram of a new question; may be sent over several links. Answers to the latest 16 questions are believed.
   */
  async formatQuestion(): Promise<Uint8Array<ArrayBuffer>> {
    const clientNonce = this.#random(NONCE_BYTES);
    remember(this.#asked, clientNonce);
    return await formatDiscovery({ kind: "discover", clientNonce }, this.#discoveryKey);
  }

  /** The datagram that asks an installed system to become a server. */
  async formatClaim(offer: OfferMessage, name: string): Promise<Uint8Array<ArrayBuffer>> {
    remember(this.#claimed, offer.challenge);
    const { clientNonce, challenge } = offer;
    return await formatDiscovery({ kind: "claim", clientNonce, challenge, name }, this.#discoveryKey);
  }

  /**
   * What a datagram means to this search. Never throws for what a peer sent. Take the next one when this one is done:
   * it keeps a flood waiting.
   */
  async receive(bytes: Uint8Array): Promise<SearchFinding> {
    try {
      const { message, authentic } = await parseDiscovery(bytes, this.#discoveryKey);
      // Our own question comes back to us from the multicast group; others search too.
      if (message.kind === "discover" || message.kind === "claim") return { kind: "ignored", reason: "not-for-us" };
      if (!this.#asked.has(message.clientNonce.toHex())) return { kind: "ignored", reason: "not-for-us" };
      if (!authentic || message.kind === "other-key") return { kind: "other-key" };
      if (message.kind === "offer") return { kind: "offer", offer: message };
      const isOurs = this.#claimed.delete(message.challenge.toHex());
      return isOurs ? { kind: "claim-accepted" } : { kind: "ignored", reason: "not-for-us" };
    } catch (error) {
      if (error instanceof ProtocolError) return { kind: "ignored", reason: error };
      throw error;
    }
  }
}

function remember(nonces: Set<string>, nonce: Uint8Array): void {
  nonces.add(nonce.toHex());
  const [oldest] = nonces;
  if (nonces.size > REMEMBERED_QUESTIONS && oldest !== undefined) nonces.delete(oldest);
}
