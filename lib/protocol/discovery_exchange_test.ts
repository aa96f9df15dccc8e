/** The two sides of discovery against each other: `DiscoverySearch` and `DiscoveryResponder`. */
import assert from "node:assert/strict";
import { counting, otherSharedKey, sharedKey } from "../../tests/support/protocol_samples.ts";
import { createSeededRandom } from "../../tests/support/seeded_random.ts";
import { formatDiscovery, importDiscoveryKey, isAuthentic, type ServerPresence } from "./discovery.ts";
import { type DiscoveryOutcome, DiscoveryResponder } from "./discovery_responder.ts";
import { DiscoverySearch, type OfferMessage } from "./discovery_search.ts";
import { deriveKeys } from "./keys.ts";

const discoveryKey = await importDiscoveryKey((await deriveKeys(sharedKey)).discoveryKey);
const otherDiscoveryKey = await importDiscoveryKey((await deriveKeys(otherSharedKey)).discoveryKey);

function createResponder(state: ServerPresence = "installed-os", key = discoveryKey): DiscoveryResponder {
  const random = createSeededRandom(3).bytes;
  return new DiscoveryResponder({
    discoveryKey: key,
    random,
    currentOffer: () => ({ state, tcpPort: 4644, name: "laptop" }),
  });
}

function createSearch(key = discoveryKey): DiscoverySearch {
  return new DiscoverySearch({ discoveryKey: key, random: createSeededRandom(4).bytes });
}

const from = (nowMs: number, source = "fe80::2%eth0"): { source: string; nowMs: number } => ({ source, nowMs });

function replyOf(outcome: DiscoveryOutcome): Uint8Array {
  assert(outcome.kind !== "ignored", "Nothing was answered");
  return outcome.reply;
}

async function offerOf(search: DiscoverySearch, responder: DiscoveryResponder, nowMs: number): Promise<OfferMessage> {
  const outcome = await responder.receive(await search.formatQuestion(), from(nowMs));
  const finding = await search.receive(replyOf(outcome));
  assert(finding.kind === "offer");
  return finding.offer;
}

/** Why a datagram was ignored. */
function reasonOf(outcome: DiscoveryOutcome): string {
  assert(outcome.kind === "ignored", outcome.kind);
  return typeof outcome.reason === "string" ? outcome.reason : outcome.reason.code;
}

Deno.test("a question finds the server, a claim makes it one", async () => {
  const [search, responder] = [createSearch(), createResponder()];
  const offer = await offerOf(search, responder, 0);
  assert.deepEqual([offer.state, offer.tcpPort, offer.name], ["installed-os", 4644, "laptop"]);
  const outcome = await responder.receive(await search.formatClaim(offer, "desktop"), from(100));
  assert(outcome.kind === "claimed" && outcome.clientName === "desktop");
  assert.deepEqual(await search.receive(outcome.reply), { kind: "claim-accepted" });
});

Deno.test("a claim that is played again changes nothing", async () => {
  const [search, responder] = [createSearch(), createResponder()];
  const claim = await search.formatClaim(await offerOf(search, responder, 0), "desktop");
  assert.equal((await responder.receive(claim, from(100))).kind, "claimed");
  assert.equal(reasonOf(await responder.receive(claim, from(200))), "replay");
  // Nor by another computer, after a restart, or within the time of a new question.
  assert.equal(reasonOf(await createResponder().receive(claim, from(200, "fe80::3%eth0"))), "replay");
  await offerOf(createSearch(), responder, 300);
  assert.equal(reasonOf(await responder.receive(claim, from(400))), "replay");
});

Deno.test("two claims of one challenge at the same moment: one is taken", async () => {
  const [search, responder] = [createSearch(), createResponder()];
  const claim = await search.formatClaim(await offerOf(search, responder, 0), "desktop");
  const outcomes = await Promise.all([1, 2, 3].map((nowMs) => responder.receive(claim, from(nowMs))));
  assert.deepEqual(outcomes.map(({ kind }) => kind).sort(), ["claimed", "ignored", "ignored"]);
});

Deno.test("a claim comes too late after ten seconds", async () => {
  const [search, responder] = [createSearch(), createResponder()];
  const claim = await search.formatClaim(await offerOf(search, responder, 0), "desktop");
  assert.equal(reasonOf(await responder.receive(claim, from(10_000))), "replay");
});

Deno.test("a server that serves already is not claimed", async () => {
  const [search, responder] = [createSearch(), createResponder("serving")];
  const claim = await search.formatClaim(await offerOf(search, responder, 0), "desktop");
  assert.equal(reasonOf(await responder.receive(claim, from(1))), "not-claimable");
});

Deno.test("another key is noticed on both sides, and learns nothing", async () => {
  const [search, responder] = [createSearch(otherDiscoveryKey), createResponder()];
  const outcome = await responder.receive(await search.formatQuestion(), from(0));
  assert.equal(outcome.kind, "other-key");
  const reply = replyOf(outcome);
  assert.deepEqual(await search.receive(reply), { kind: "other-key" });
  // After the nonce of the question, only zeros and the tag.
  assert(reply.subarray(22, 112).every((byte) => byte === 0));
  const claim = await formatDiscovery(
    { kind: "claim", clientNonce: counting(0, 16), challenge: counting(0, 16), name: "x" },
    otherDiscoveryKey,
  );
  assert.equal(reasonOf(await responder.receive(claim, from(0))), "not-for-us");
});

async function nameKeys(count: number): Promise<{ readonly name: string; readonly discoveryKey: CryptoKey }[]> {
  return await Promise.all(Array.from({ length: count }, async (_, index) => {
    const { discoveryKey } = await deriveKeys(counting(0x80 + index, 32));
    return { name: `laptop ${index}`, discoveryKey: await importDiscoveryKey(discoveryKey) };
  }));
}

Deno.test("with several keys each laptop answers to its own, and claims are made with it", async () => {
  const [first, second] = await nameKeys(2);
  assert(first !== undefined && second !== undefined);
  const search = new DiscoverySearch({ discoveryKey, otherKeys: [first, second], random: createSeededRandom(4).bytes });
  for (const [key, keyName] of [[discoveryKey, undefined], [second.discoveryKey, second.name]] as const) {
    const responder = createResponder("installed-os", key);
    const outcomes: DiscoveryOutcome[] = [];
    for (const question of await search.formatRound()) outcomes.push(await responder.receive(question, from(0)));
    const kinds = outcomes.map(({ kind }) => kind);
    assert.equal(kinds.filter((kind) => kind === "offered").length, 1);
    assert.ok(kinds.includes("other-key"));
    const answered = outcomes.filter(({ kind }) => kind !== "ignored");
    const findings = await Promise.all(answered.map((outcome) => search.receive(replyOf(outcome))));
    const refused = findings.flatMap((finding) => finding.kind === "other-key" ? [finding.keyName] : []);
    assert.ok(refused.every((name) => name !== keyName && [undefined, first.name, second.name].includes(name)));
    const offer = findings.find((finding) => finding.kind === "offer")?.offer;
    assert(offer !== undefined);
    assert.equal(offer.keyName, keyName);
    const claimed = await responder.receive(await search.formatClaim(offer, "desktop"), from(100));
    assert(claimed.kind === "claimed");
    assert.deepEqual(await search.receive(claimed.reply), {
      kind: "claim-accepted",
      ...keyName === undefined ? {} : { keyName },
    });
  }
});

Deno.test("the key of one laptop answers no question that was asked with another's", async () => {
  const [key] = await nameKeys(1);
  assert(key !== undefined);
  const search = new DiscoverySearch({ discoveryKey, otherKeys: [key], random: createSeededRandom(4).bytes });
  const own = await search.formatQuestion();
  const [clientNonce, challenge] = [new Uint8Array(own.subarray(6, 22)), counting(0, 16)];
  const offer = await formatDiscovery(
    { kind: "offer", clientNonce, challenge, state: "serving", tcpPort: 4644, name: "laptop" },
    key.discoveryKey,
  );
  assert.deepEqual(await search.receive(offer), { kind: "other-key" });
});

Deno.test("a round has one question with each key; how many there are cannot be counted, but for one", async () => {
  for (const count of [0, 1, 4, 15]) {
    const otherKeys = await nameKeys(count);
    const search = new DiscoverySearch({ discoveryKey, otherKeys, random: createSeededRandom(4).bytes });
    const all = [{ name: "own", discoveryKey }, ...otherKeys];
    const places = new Set<number>();
    for (let round = 0; round < 20; round++) {
      const questions = await search.formatRound();
      assert.equal(questions.length, count === 0 ? 1 : 16);
      const names = await Promise.all(questions.map(async (question) => {
        const fitting = await Promise.all(all.map((key) => isAuthentic(question, key.discoveryKey)));
        return all.filter((_, index) => fitting[index]).map(({ name }) => name).join() || "none";
      }));
      const real = names.filter((name) => name !== "none");
      assert.deepEqual(real.sort(), all.map(({ name }) => name).sort());
      places.add(names.indexOf("own"));
    }
    // No place in a round is that of a key: a server that answers only some does not leave out the same ones.
    assert.equal(places.size > 5, count > 0, [...places].join());
  }
});

Deno.test("what answers a question that was made with no key is not believed", async () => {
  const otherKeys = await nameKeys(1);
  const search = new DiscoverySearch({ discoveryKey, otherKeys, random: createSeededRandom(4).bytes });
  const findings: string[] = [];
  for (const question of await search.formatRound()) {
    const [clientNonce, challenge] = [new Uint8Array(question.subarray(6, 22)), counting(0, 16)];
    const offer = { kind: "offer", clientNonce, challenge, state: "serving", tcpPort: 4644, name: "laptop" } as const;
    findings.push((await search.receive(await formatDiscovery(offer, discoveryKey))).kind);
  }
  assert.deepEqual(findings.sort(), [...Array<string>(14).fill("ignored"), "offer", "other-key"]);
});

Deno.test("answers to the latest sixteen questions with each of sixteen keys are believed", async () => {
  const otherKeys = await nameKeys(15);
  const search = new DiscoverySearch({ discoveryKey, otherKeys, random: createSeededRandom(4).bytes });
  const oldest = await search.formatQuestion();
  const reply = replyOf(await createResponder("serving").receive(oldest, from(0)));
  for (let round = 0; round < 15; round++) await search.formatRound();
  assert.equal((await search.receive(reply)).kind, "offer");
  for (let round = 0; round < 2; round++) await search.formatRound();
  assert.equal((await search.receive(reply)).kind, "ignored");
});

Deno.test("strangers' keys in a round use up nothing of the rate of the laptop's own", async () => {
  const otherKeys = await nameKeys(15);
  const search = new DiscoverySearch({ discoveryKey, otherKeys, random: createSeededRandom(4).bytes });
  const responder = createResponder("serving");
  // As a client asks: after 0.25, 0.5, 1 s and so on.
  for (const nowMs of [0, 250, 750, 1_750, 3_750, 7_750]) {
    const kinds: string[] = [];
    for (const question of await search.formatRound()) {
      kinds.push((await responder.receive(question, from(nowMs))).kind);
    }
    assert.equal(kinds.filter((kind) => kind === "offered").length, 1, `${nowMs}`);
  }
});

Deno.test("only answers to one's own question are believed", async () => {
  const [search, other, responder] = [
    createSearch(),
    new DiscoverySearch({ discoveryKey, random: createSeededRandom(5).bytes }),
    createResponder(),
  ];
  const question = await search.formatQuestion();
  const reply = replyOf(await responder.receive(question, from(0)));
  assert.equal((await other.receive(reply)).kind, "ignored");
  assert.equal((await search.receive(question)).kind, "ignored");
  const accepted = await formatDiscovery(
    { kind: "claim-accepted", clientNonce: new Uint8Array(question.subarray(6, 22)), challenge: counting(0, 16) },
    discoveryKey,
  );
  assert.equal((await search.receive(accepted)).kind, "ignored");
  // An old question is forgotten after sixteen newer ones.
  for (let round = 0; round < 16; round++) await search.formatQuestion();
  assert.equal((await search.receive(reply)).kind, "ignored");
});

Deno.test("no answer is longer than its question, and none beyond the rate", async () => {
  const responder = createResponder();
  const question = await createSearch().formatQuestion();
  const outcomes: DiscoveryOutcome[] = [];
  for (let index = 0; index < 1000; index++) outcomes.push(await responder.receive(question, from(index)));
  const answered = outcomes.filter((outcome) => outcome.kind === "offered");
  assert(answered.length <= 15, `${answered.length}`);
  assert(answered.every((outcome) => replyOf(outcome).length <= question.length));
});

Deno.test("a flood of strangers does not silence the server for its own client", async () => {
  const responder = createResponder();
  const stranger = createSearch(otherDiscoveryKey);
  for (let index = 0; index < 5000; index++) {
    await responder.receive(await stranger.formatQuestion(), from(index / 10, `fe80::${index}%eth0`));
  }
  assert.equal((await offerOf(createSearch(), responder, 500)).name, "laptop");
});

Deno.test("A2: a question or a claim that is played again, from whatever source, uses up nothing of our clients'", async () => {
  const [search, responder] = [createSearch(), createResponder()];
  const question = await search.formatQuestion();
  const offered = await responder.receive(question, from(0));
  assert.equal(offered.kind, "offered");
  const finding = await search.receive(replyOf(offered));
  assert(finding.kind === "offer");
  const claim = await search.formatClaim(finding.offer, "desktop");
  assert.equal((await responder.receive(claim, from(0))).kind, "claimed");
  const found = new Set<string>();
  for (let number = 0; number < 2_000; number++) {
    const recorded = number % 2 === 0 ? question : claim;
    const outcome = await responder.receive(recorded, from(number / 10, `fe80::${number}%eth0`));
    found.add(outcome.kind === "offered" ? `offered ${outcome.isFresh}` : reasonOf(outcome));
  }
  assert.deepEqual([...found].sort(), ["offered false", "rate", "replay"]);
  // within the same moment, and from a source that was forged as well
  for (const source of ["fe80::1999%eth0", "fe80::2%eth0"]) {
    const fresh = await responder.receive(await search.formatQuestion(), from(200, source));
    assert.ok(fresh.kind === "offered" && fresh.isFresh);
  }
});
