/** The two sides of discovery against each other: `DiscoverySearch` and `DiscoveryResponder`. */
import assert from "node:assert/strict";
import { counting, otherSharedKey, sharedKey } from "../../tests/support/protocol_samples.ts";
import { createSeededRandom } from "../../tests/support/seeded_random.ts";
import { formatDiscovery, type ServerPresence } from "./discovery.ts";
import { type DiscoveryOutcome, DiscoveryResponder } from "./discovery_responder.ts";
import { DiscoverySearch, type OfferMessage } from "./discovery_search.ts";
import { deriveKeys } from "./keys.ts";

const { discoveryKey } = deriveKeys(sharedKey);
const { discoveryKey: otherDiscoveryKey } = deriveKeys(otherSharedKey);

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

function offerOf(search: DiscoverySearch, responder: DiscoveryResponder, nowMs: number): OfferMessage {
  const finding = search.receive(replyOf(responder.receive(search.formatQuestion(), from(nowMs))));
  assert(finding.kind === "offer");
  return finding.offer;
}

/** Why a datagram was ignored. */
function reasonOf(outcome: DiscoveryOutcome): string {
  assert(outcome.kind === "ignored", outcome.kind);
  return typeof outcome.reason === "string" ? outcome.reason : outcome.reason.code;
}

Deno.test("a question finds the server, a claim makes it one", () => {
  const [search, responder] = [createSearch(), createResponder()];
  const offer = offerOf(search, responder, 0);
  assert.deepEqual([offer.state, offer.tcpPort, offer.name], ["installed-os", 4644, "laptop"]);
  const outcome = responder.receive(search.formatClaim(offer, "desktop"), from(100));
  assert(outcome.kind === "claimed" && outcome.clientName === "desktop");
  assert.deepEqual(search.receive(outcome.reply), { kind: "claim-accepted" });
});

Deno.test("a claim that is played again changes nothing", () => {
  const [search, responder] = [createSearch(), createResponder()];
  const claim = search.formatClaim(offerOf(search, responder, 0), "desktop");
  assert.equal(responder.receive(claim, from(100)).kind, "claimed");
  assert.equal(reasonOf(responder.receive(claim, from(200))), "replay");
  // Nor by another computer, after a restart, or within the time of a new question.
  assert.equal(reasonOf(createResponder().receive(claim, from(200, "fe80::3%eth0"))), "replay");
  offerOf(createSearch(), responder, 300);
  assert.equal(reasonOf(responder.receive(claim, from(400))), "replay");
});

Deno.test("a claim comes too late after ten seconds", () => {
  const [search, responder] = [createSearch(), createResponder()];
  const claim = search.formatClaim(offerOf(search, responder, 0), "desktop");
  assert.equal(reasonOf(responder.receive(claim, from(10_000))), "replay");
});

Deno.test("a server that serves already is not claimed", () => {
  const [search, responder] = [createSearch(), createResponder("serving")];
  const claim = search.formatClaim(offerOf(search, responder, 0), "desktop");
  assert.equal(reasonOf(responder.receive(claim, from(1))), "not-claimable");
});

Deno.test("another key is noticed on both sides, and learns nothing", () => {
  const [search, responder] = [createSearch(otherDiscoveryKey), createResponder()];
  const outcome = responder.receive(search.formatQuestion(), from(0));
  assert.equal(outcome.kind, "other-key");
  const reply = replyOf(outcome);
  assert.deepEqual(search.receive(reply), { kind: "other-key" });
  // After the nonce of the question, only zeros and the tag.
  assert(reply.subarray(22, 112).every((byte) => byte === 0));
  const claim = formatDiscovery(
    { kind: "claim", clientNonce: counting(0, 16), challenge: counting(0, 16), name: "x" },
    otherDiscoveryKey,
  );
  assert.equal(reasonOf(responder.receive(claim, from(0))), "not-for-us");
});

Deno.test("only answers to one's own question are believed", () => {
  const [search, other, responder] = [
    createSearch(),
    new DiscoverySearch({ discoveryKey, random: createSeededRandom(5).bytes }),
    createResponder(),
  ];
  const question = search.formatQuestion();
  const reply = replyOf(responder.receive(question, from(0)));
  assert.equal(other.receive(reply).kind, "ignored");
  assert.equal(search.receive(question).kind, "ignored");
  const accepted = formatDiscovery(
    { kind: "claim-accepted", clientNonce: new Uint8Array(question.subarray(6, 22)), challenge: counting(0, 16) },
    discoveryKey,
  );
  assert.equal(search.receive(accepted).kind, "ignored");
  // An old question is forgotten after sixteen newer ones.
  for (let round = 0; round < 16; round++) search.formatQuestion();
  assert.equal(search.receive(reply).kind, "ignored");
});

Deno.test("no answer is longer than its question, and none beyond the rate", () => {
  const responder = createResponder();
  const question = createSearch().formatQuestion();
  const outcomes = Array.from({ length: 1000 }, (_, index) => responder.receive(question, from(index)));
  const answered = outcomes.filter((outcome) => outcome.kind === "offered");
  assert(answered.length <= 15, `${answered.length}`);
  assert(answered.every((outcome) => replyOf(outcome).length <= question.length));
});

Deno.test("a flood of strangers does not silence the server for its own client", () => {
  const responder = createResponder();
  const stranger = createSearch(otherDiscoveryKey);
  for (let index = 0; index < 5000; index++) {
    responder.receive(stranger.formatQuestion(), from(index / 10, `fe80::${index}%eth0`));
  }
  assert.equal(offerOf(createSearch(), responder, 500).name, "laptop");
});
