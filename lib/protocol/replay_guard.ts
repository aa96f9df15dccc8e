/**
 * What keeps discovery from being repeated or used as a lever: single-use challenges and bounded rates. No clock of
 * its own, no I/O.
 */
import { ProtocolError } from "../errors.ts";

/** How long a challenge may be answered. */
export const CHALLENGE_LIFETIME_MS = 10_000;
/**
 * More than the two global rates of offers, for clients and for strangers who play theirs again, can issue in a
 * lifetime (50/s, burst 100 each), so that none is pushed out before its time.
 */
export const CHALLENGES_MAX = 2048;

/** The challenges that were given out and not yet answered. */
export class ChallengeBook {
  /** Challenge (hex) -> when it was issued; in the order of issue. */
  readonly #issued = new Map<string, number>();
  readonly #maxSize: number;

  constructor(options: { readonly maxSize?: number } = {}) {
    this.#maxSize = options.maxSize ?? CHALLENGES_MAX;
  }

  get size(): number {
    return this.#issued.size;
  }

  /**
   * A new challenge. When the book is full, the oldest one is forgotten.
   * @param nowMs a clock that never goes back
   * @param random gives so many random bytes
   */
  issue(nowMs: number, random: (sizeBytes: number) => Uint8Array): Uint8Array {
    this.#forgetExpired(nowMs);
    const challenge = random(16);
    this.#issued.set(challenge.toHex(), nowMs);
    const [oldest] = this.#issued.keys();
    if (this.#issued.size > this.#maxSize && oldest !== undefined) this.#issued.delete(oldest);
    return challenge;
  }

  /**
   * Takes an answered challenge out of the book.
   * @throws ProtocolError replay, when it was never issued, is used up or has expired
   */
  take(challenge: Uint8Array, nowMs: number): void {
    this.#forgetExpired(nowMs);
    if (!this.#issued.delete(challenge.toHex())) {
      throw new ProtocolError("replay", "An answer is to a challenge that is used up, expired or not ours");
    }
  }

  /** Whether a challenge could be taken now. */
  has(challenge: Uint8Array, nowMs: number): boolean {
    this.#forgetExpired(nowMs);
    return this.#issued.has(challenge.toHex());
  }

  #forgetExpired(nowMs: number): void {
    for (const [challenge, issuedMs] of this.#issued) {
      if (nowMs - issuedMs < CHALLENGE_LIFETIME_MS) return;
      this.#issued.delete(challenge);
    }
  }
}

/**
 * More than clients ask in hours (one every 4 s each), and no peer without the key can put one in. What was recorded
 * before this server was started counts as new once.
 */
const NONCES_MAX = 8192;

/** The nonces of the authentic questions that were heard last: who repeats one has no key. */
export class NonceRing {
  /** In hexadecimal; in the order they came in. */
  readonly #seen = new Set<string>();
  readonly #maxSize: number;

  constructor(options: { readonly maxSize?: number } = {}) {
    this.#maxSize = options.maxSize ?? NONCES_MAX;
  }

  has(nonce: Uint8Array): boolean {
    return this.#seen.has(nonce.toHex());
  }

  /** Remembers the nonce of a question that is authentic. @returns whether it is new */
  add(nonce: Uint8Array): boolean {
    const text = nonce.toHex();
    if (this.#seen.has(text)) return false;
    this.#seen.add(text);
    const [oldest] = this.#seen;
    if (this.#seen.size > this.#maxSize && oldest !== undefined) this.#seen.delete(oldest);
    return true;
  }
}

/** How many answers there may be. */
export interface RateLimits {
  readonly perSourcePerSecond: number;
  readonly perSourceBurst: number;
  readonly globalPerSecond: number;
  readonly globalBurst: number;
  /** How many sources are remembered; beyond it the one that was silent longest is forgotten. */
  readonly maxSources: number;
}

export const DISCOVERY_RATE_LIMITS: RateLimits = {
  perSourcePerSecond: 5,
  perSourceBurst: 10,
  globalPerSecond: 50,
  globalBurst: 100,
  maxSources: 256,
};

interface Bucket {
  tokens: number;
  filledMs: number;
}

/**
 * Token buckets for each source and for all together. Sources can be forged, so the bound that holds is the global
 * one.
 */
export class RateLimiter {
  readonly #limits: RateLimits;
  readonly #sources = new Map<string, Bucket>();
  readonly #global: Bucket;

  constructor(limits: RateLimits = DISCOVERY_RATE_LIMITS) {
    this.#limits = limits;
    this.#global = { tokens: limits.globalBurst, filledMs: -Infinity };
  }

  get sources(): number {
    return this.#sources.size;
  }

  /** Whether one more answer to this source is within the rates; counts it when so. */
  allow(source: string, nowMs: number): boolean {
    const { perSourcePerSecond, perSourceBurst, globalPerSecond, globalBurst, maxSources } = this.#limits;
    const bucket = this.#sources.get(source) ?? { tokens: perSourceBurst, filledMs: nowMs };
    // Out and in again: the map's order is the order of last use.
    this.#sources.delete(source);
    this.#sources.set(source, bucket);
    const [leastRecent] = this.#sources.keys();
    if (this.#sources.size > maxSources && leastRecent !== undefined) this.#sources.delete(leastRecent);
    fill(bucket, { nowMs, perSecond: perSourcePerSecond, burst: perSourceBurst });
    fill(this.#global, { nowMs, perSecond: globalPerSecond, burst: globalBurst });
    if (bucket.tokens < 1 || this.#global.tokens < 1) return false;
    bucket.tokens -= 1;
    this.#global.tokens -= 1;
    return true;
  }
}

function fill(bucket: Bucket, { nowMs, perSecond, burst }: { nowMs: number; perSecond: number; burst: number }): void {
  const elapsedMs = Math.max(0, nowMs - bucket.filledMs);
  bucket.tokens = Math.min(burst, bucket.tokens + elapsedMs / 1000 * perSecond);
  bucket.filledMs = Math.max(bucket.filledMs, nowMs);
}
