/** A client's search: what to send, and which answers to believe. No I/O. */
import { ProtocolError } from "../errors.ts";
import {
  DISCOVERY_BYTES,
  type DiscoveryMessage,
  formatDiscovery,
  isAuthentic,
  NONCE_BYTES,
  parseUnproved,
} from "./discovery.ts";

export type OfferMessage = Extract<DiscoveryMessage, { kind: "offer" }> & {
  /** Of the key that the question was asked with, and the answer is authentic by; absent: the client's own. */
  readonly keyName?: string;
};

/** What an answer means. */
export type SearchFinding =
  | { readonly kind: "offer"; readonly offer: OfferMessage }
  /**
   * A stiefelsystem answers with another key than this one. Anyone can forge this: good for a message, nothing else.
   */
  | { readonly kind: "other-key"; readonly keyName?: string }
  | { readonly kind: "claim-accepted"; readonly keyName?: string }
  /** Not an answer to our question. */
  | { readonly kind: "ignored"; readonly reason: "not-for-us" | ProtocolError };

/** A key beside the client's own, by the name of its laptop. */
export interface NamedDiscoveryKey {
  readonly name: string;
  readonly discoveryKey: CryptoKey;
}

/** A client asks once with each of its keys. */
export const DISCOVERY_KEYS_MAX = 16;
/** Bytes at the end of a datagram. */
const TAG_BYTES = 16;
/** How many of the latest questions with one key are still believed an answer to. */
const REMEMBERED_QUESTIONS = 16;

/**
 * One search over any number of links and rounds. Each question is asked with one key, and an answer is looked at with
 * that key only: however many keys there are, an answer costs one tag, and takes the same time for each of them.
 */
export class DiscoverySearch {
  /** By name; the client's own has none. */
  readonly #keys: ReadonlyMap<string | undefined, CryptoKey>;
  readonly #random: (sizeBytes: number) => Uint8Array;
  /** Nonces (hex) of our questions, oldest first, and the key of each. */
  readonly #asked = new Map<string, string | undefined>();
  /** Challenges (hex) of our claims. */
  readonly #claimed = new Map<string, true>();

  constructor(
    options: {
      readonly discoveryKey: CryptoKey;
      readonly otherKeys?: readonly NamedDiscoveryKey[];
      readonly random: (sizeBytes: number) => Uint8Array;
    },
  ) {
    const others = (options.otherKeys ?? []).map(({ name, discoveryKey }) => [name, discoveryKey] as const);
    this.#keys = new Map<string | undefined, CryptoKey>([[undefined, options.discoveryKey], ...others]);
    this.#random = options.random;
  }

  /**
   * The datagram of a new question; may be sent over several links. Answers to the latest 16 questions with a key are
   * believed.
   * @param keyName of the key to ask with; absent: the client's own
   */
  async formatQuestion(keyName?: string): Promise<Uint8Array<ArrayBuffer>> {
    const clientNonce = this.#random(NONCE_BYTES);
    remember(this.#asked, { nonce: clientNonce, value: keyName, most: REMEMBERED_QUESTIONS * this.#keys.size });
    return await formatDiscovery({ kind: "discover", clientNonce }, this.#keyNamed(keyName));
  }

  /**
   * One question with each key, in any order. With several keys there are always as many as there can be, the others
   * made with none: so it cannot be counted how many there are.
   */
  async formatRound(): Promise<readonly Uint8Array<ArrayBuffer>[]> {
    if (this.#keys.size === 1) return [await this.formatQuestion()];
    const questions: Uint8Array<ArrayBuffer>[] = [];
    for (const name of this.#keys.keys()) questions.push(await this.formatQuestion(name));
    while (questions.length < DISCOVERY_KEYS_MAX) questions.push(await this.#formatDecoy());
    // Fisher and Yates.
    for (let last = questions.length - 1; last > 0; last--) {
      const other = (this.#random(1)[0] ?? 0) % (last + 1);
      const [one, two] = [questions[last], questions[other]];
      if (one !== undefined && two !== undefined) [questions[last], questions[other]] = [two, one];
    }
    return questions;
  }

  /** A question that nothing answers but other-key. Without a key its tag looks as random as one made with a key. */
  async #formatDecoy(): Promise<Uint8Array<ArrayBuffer>> {
    const message = { kind: "discover", clientNonce: this.#random(NONCE_BYTES) } as const;
    const bytes = await formatDiscovery(message, this.#keyNamed(undefined));
    bytes.set(this.#random(TAG_BYTES), DISCOVERY_BYTES - TAG_BYTES);
    return bytes;
  }

  /** The datagram that asks an installed system to become a server. */
  async formatClaim(offer: OfferMessage, name: string): Promise<Uint8Array<ArrayBuffer>> {
    const { clientNonce, challenge, keyName } = offer;
    remember(this.#claimed, { nonce: challenge, value: true, most: REMEMBERED_QUESTIONS });
    return await formatDiscovery({ kind: "claim", clientNonce, challenge, name }, this.#keyNamed(keyName));
  }

  /**
   * What a datagram means to this search. Never throws for what a peer sent. Take the next one when this one is done:
   * it keeps a flood waiting.
   */
  async receive(bytes: Uint8Array): Promise<SearchFinding> {
    try {
      const message = parseUnproved(bytes);
      // Our own question comes back to us from the multicast group; others search too.
      if (message.kind === "discover" || message.kind === "claim") return { kind: "ignored", reason: "not-for-us" };
      const nonce = message.clientNonce.toHex();
      if (!this.#asked.has(nonce)) return { kind: "ignored", reason: "not-for-us" };
      const keyName = this.#asked.get(nonce);
      const named = keyName === undefined ? {} : { keyName };
      const authentic = await isAuthentic(bytes, this.#keyNamed(keyName));
      if (!authentic || message.kind === "other-key") return { kind: "other-key", ...named };
      if (message.kind === "offer") return { kind: "offer", offer: { ...message, ...named } };
      const isOurs = this.#claimed.delete(message.challenge.toHex());
      return isOurs ? { kind: "claim-accepted", ...named } : { kind: "ignored", reason: "not-for-us" };
    } catch (error) {
      if (error instanceof ProtocolError) return { kind: "ignored", reason: error };
      throw error;
    }
  }

  /** @throws RangeError when there is none */
  #keyNamed(name: string | undefined): CryptoKey {
    const key = this.#keys.get(name);
    if (key === undefined) throw new RangeError("A search has no key of that name");
    return key;
  }
}

function remember<Value>(
  nonces: Map<string, Value>,
  { nonce, value, most }: { readonly nonce: Uint8Array; readonly value: Value; readonly most: number },
): void {
  nonces.set(nonce.toHex(), value);
  const [oldest] = nonces.keys();
  if (nonces.size > most && oldest !== undefined) nonces.delete(oldest);
}
