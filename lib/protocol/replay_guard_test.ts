import assert from "node:assert/strict";
import { createSeededRandom } from "../../tests/support/seeded_random.ts";
import { ProtocolError } from "../errors.ts";
import { ChallengeBook, DISCOVERY_RATE_LIMITS, NonceRing, RateLimiter } from "./replay_guard.ts";

const random = createSeededRandom(7).bytes;

function isTaken(book: ChallengeBook, challenge: Uint8Array, nowMs: number): boolean {
  try {
    book.take(challenge, nowMs);
    return true;
  } catch (error) {
    assert(error instanceof ProtocolError && error.code === "replay");
    return false;
  }
}

Deno.test("a challenge is good once, for ten seconds", () => {
  const book = new ChallengeBook();
  const [first, second] = [book.issue(0, random), book.issue(5_000, random)];
  assert(isTaken(book, first, 9_999));
  assert(!isTaken(book, first, 9_999));
  assert(!isTaken(book, second, 15_000));
  assert(!isTaken(book, random(16), 15_000));
  assert.equal(book.size, 0);
});

Deno.test("the book of challenges does not grow beyond its bound", () => {
  const book = new ChallengeBook({ maxSize: 3 });
  const challenges = [0, 1, 2, 3].map((nowMs) => book.issue(nowMs, random));
  assert.equal(book.size, 3);
  assert.deepEqual(challenges.map((challenge) => isTaken(book, challenge, 10)), [false, true, true, true]);
});

Deno.test("A2: a nonce is new once, and the ring does not grow beyond its bound", () => {
  const ring = new NonceRing({ maxSize: 3 });
  const nonces = [0, 1, 2, 3].map(() => random(16));
  assert.deepEqual(nonces.map((nonce) => ring.add(nonce)), [true, true, true, true]);
  assert.deepEqual(nonces.map((nonce) => ring.has(nonce)), [false, true, true, true]);
  assert.deepEqual(nonces.slice(1).map((nonce) => ring.add(nonce)), [false, false, false]);
});

Deno.test("one source gets a burst and then its rate", () => {
  const limiter = new RateLimiter();
  const allowed = (nowMs: number): number =>
    Array.from({ length: 50 }, () => limiter.allow("a", nowMs)).filter(Boolean).length;
  assert.equal(allowed(0), DISCOVERY_RATE_LIMITS.perSourceBurst);
  assert.equal(allowed(1_000), DISCOVERY_RATE_LIMITS.perSourcePerSecond);
  assert.equal(allowed(1_000_000), DISCOVERY_RATE_LIMITS.perSourceBurst);
  // A clock that goes back gives nothing.
  assert.equal(allowed(0), 0);
});

Deno.test("many sources together get the global rate, and are not remembered without bound", () => {
  const limiter = new RateLimiter();
  let allowed = 0;
  for (let index = 0; index < 10_000; index++) {
    if (limiter.allow(`source ${index}`, index / 10)) allowed += 1;
  }
  // A burst of 100 and 50 per second for one second.
  assert(allowed >= 145 && allowed <= 151, `${allowed}`);
  assert(limiter.sources <= DISCOVERY_RATE_LIMITS.maxSources);
});
