/**
 * Claims a laptop, as a desktop does and as none would.
 *
 * claim LINK INDEX ADDRESS KEY-FILE TIMES: asks and claims, and plays the same claim again; prints what was sent, for
 * a replay. attack LINK INDEX ADDRESS KEY-FILE DISCOVER CLAIM: a thousand messages that must have no effect. Forged
 * ones (another key, mutated), the two recorded ones of another session (hex) over and over, claims of challenges that
 * no server gave out, and claims of stale challenges.
 */
import { openDatagramLink } from "../../lib/net/datagram_link.ts";
import { DISCOVERY_GROUP, DISCOVERY_PORT, formatDiscovery, importDiscoveryKey } from "../../lib/protocol/discovery.ts";
import { DiscoverySearch, type OfferMessage } from "../../lib/protocol/discovery_search.ts";
import { deriveKeys } from "../../lib/protocol/keys.ts";
import { CHALLENGE_LIFETIME_MS } from "../../lib/protocol/replay_guard.ts";
import { createSeededRandom } from "../support/seeded_random.ts";

const [mode = "", link = "", index = "", address = "", keyPath = "", ...more] = Deno.args;
const discoveryKey = await importDiscoveryKey((await deriveKeys(await Deno.readFile(keyPath))).discoveryKey);
const random = createSeededRandom(61570);
const search = new DiscoverySearch({ discoveryKey, random: (size) => crypto.getRandomValues(new Uint8Array(size)) });
using datagrams = await openDatagramLink({ link, index: Number(index), address, port: 0 });

let replies = 0;
const offers: OfferMessage[] = [];
let wakeOffer = Promise.withResolvers<void>();
let wakeAccepted = Promise.withResolvers<void>();
const receiving = (async () => {
  for (let datagram = await datagrams.receive(); datagram !== undefined; datagram = await datagrams.receive()) {
    replies++;
    const finding = await search.receive(datagram.bytes);
    if (finding.kind === "offer") {
      offers.push(finding.offer);
      wakeOffer.resolve();
    }
    if (finding.kind === "claim-accepted") wakeAccepted.resolve();
  }
})();

const send = (bytes: Uint8Array): Promise<void> =>
  datagrams.send(bytes, { address: DISCOVERY_GROUP, port: DISCOVERY_PORT });

/** Whether it came within a moment: what is above the rates is not answered, and asked again as every desktop does. */
async function comes(event: Promise<void>): Promise<boolean> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<false>((resolve) => timer = setTimeout(() => resolve(false), 300));
  try {
    return await Promise.race([event.then(() => true as const), late]);
  } finally {
    clearTimeout(timer);
  }
}

async function ask(): Promise<{ readonly question: Uint8Array; readonly offer: OfferMessage }> {
  for (;;) {
    wakeOffer = Promise.withResolvers<void>();
    const question = await search.formatQuestion();
    await send(question);
    const offer = await comes(wakeOffer.promise) ? offers.at(-1) : undefined;
    if (offer !== undefined) return { question, offer };
  }
}

async function claim(times: number): Promise<void> {
  let sent = { discover: "", claim: "" };
  for (let round = 0; round < times;) {
    const { question, offer } = await ask();
    const bytes = await search.formatClaim(offer, "claimant");
    wakeAccepted = Promise.withResolvers<void>();
    await send(bytes);
    if (!await comes(wakeAccepted.promise)) continue;
    round++;
    for (let again = 0; again < 20; again++) await send(bytes);
    sent = { discover: question.toHex(), claim: bytes.toHex() };
  }
  console.log(`claimed discover=${sent.discover} claim=${sent.claim}`);
}

async function forged(): Promise<Uint8Array> {
  const [clientNonce, challenge] = [random.bytes(16), random.bytes(16)];
  const otherKey = await importDiscoveryKey(random.bytes(32));
  switch (random.below(4)) {
    case 0:
      return await formatDiscovery({ kind: "discover", clientNonce }, otherKey);
    case 1:
      return await formatDiscovery({ kind: "claim", clientNonce, challenge, name: "forger" }, otherKey);
    default: {
      const kind = random.below(2) === 0 ? "discover" : "claim";
      const mutated = await formatDiscovery(
        kind === "discover" ? { kind, clientNonce } : { kind, clientNonce, challenge, name: "forger" },
        discoveryKey,
      );
      const place = random.below(mutated.length);
      mutated[place] = (mutated[place] ?? 0) ^ (1 + random.below(255));
      return mutated;
    }
  }
}

async function attack(recorded: readonly Uint8Array[]): Promise<void> {
  const { offer } = await ask();
  const startMs = performance.now();
  let sent = 0;
  const throwAt = async (make: () => Uint8Array | Promise<Uint8Array>, count: number): Promise<void> => {
    for (let times = 0; times < count; times++, sent++) await send(await make()).catch(() => {}); // the link's queue may be full
  };
  await throwAt(forged, 400);
  await throwAt(() => recorded[random.below(recorded.length)] ?? new Uint8Array(), 300);
  const nobodys = { kind: "claim", name: "guesser" } as const;
  await throwAt(
    () => formatDiscovery({ ...nobodys, clientNonce: random.bytes(16), challenge: random.bytes(16) }, discoveryKey),
    200,
  );
  const leftMs = startMs + CHALLENGE_LIFETIME_MS + 100 - performance.now();
  await new Promise((resolve) => setTimeout(resolve, leftMs));
  // no question meanwhile: nothing but the answers to the above
  await throwAt(() => search.formatClaim(offer, "latecomer"), 100);
  // an answer to this question comes after all others
  await ask();
  console.log(`done sent=${sent} replies=${replies}`);
}

if (mode === "claim") await claim(Number(more[0]));
else await attack(more.map((hex) => Uint8Array.fromHex(hex)));
datagrams.close();
await receiving;
