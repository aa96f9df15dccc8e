import assert from "node:assert/strict";
import type { OfferMessage } from "../../lib/protocol/discovery_search.ts";
import { type Place, type SearchDeed, type SearchFact, type SearchState, stepSearch } from "./decide_search.ts";

const place: Place = { address: "fe80::1", linkName: "eth0", mac: "02:00:00:00:00:01" };
const other: Place = { ...place, address: "fe80::2" };
const asked = { host: "fe80::1%eth0", sinceMs: 1_000, hasAgreed: false };
const server = { name: "laptop", host: "fe80::1%eth0", port: 4644, mac: place.mac, linkName: "eth0" };

function offerOf(state: OfferMessage["state"]): OfferMessage {
  const nonce = new Uint8Array(16);
  return { kind: "offer", clientNonce: nonce, challenge: nonce, state, tcpPort: 4644, name: "laptop" };
}

const answer = (state: OfferMessage["state"]): SearchFact => ({
  kind: "answered",
  finding: { kind: "offer", offer: offerOf(state) },
  place,
});
const waited = (state: OfferMessage["state"], where = place): SearchFact => ({
  kind: "waited",
  offer: offerOf(state),
  place: where,
});

interface Case {
  readonly name: string;
  readonly state?: SearchState;
  readonly fact: SearchFact;
  readonly nowMs?: number;
  readonly deeds: readonly (SearchDeed["kind"] | RegExp)[];
  readonly asked?: SearchState["asked"];
}

const cases: readonly Case[] = [
  { name: "a server that is free is taken at once", fact: answer("serving"), deeds: ["take"] },
  { name: "a busy one is not taken at once: a free one may answer", fact: answer("busy"), deeds: ["wait"] },
  { name: "a busy one is better than none", fact: waited("busy"), deeds: ["take"] },
  { name: "a laptop that runs its own system is not asked at once", fact: answer("installed-os"), deeds: ["wait"] },
  {
    name: "it is asked when no server has answered meanwhile",
    fact: waited("installed-os"),
    deeds: [/^"laptop" runs its own system \(link eth0\): asking it/, "claim"],
    asked: { ...asked, sinceMs: 2_000 },
  },
  {
    name: "it is asked again at any time, and what it agreed to stays",
    state: { asked: { ...asked, hasAgreed: true } },
    fact: waited("installed-os"),
    deeds: [/asking/, "claim"],
    asked: { ...asked, sinceMs: 2_000, hasAgreed: true },
  },
  {
    name: "another laptop is not asked while the first may answer",
    state: { asked },
    fact: waited("installed-os", other),
    deeds: [],
    asked,
  },
  {
    name: "another laptop is asked when the first has been silent",
    state: { asked },
    fact: waited("installed-os", other),
    nowMs: 11_000,
    deeds: [/asking/, "claim"],
    asked: { host: "fe80::2%eth0", sinceMs: 11_000, hasAgreed: false },
  },
  {
    name: "a laptop that agrees is waited for",
    state: { asked },
    fact: { kind: "answered", finding: { kind: "claim-accepted" }, place },
    deeds: [/^It agrees/],
    asked: { ...asked, sinceMs: 2_000, hasAgreed: true },
  },
  {
    name: "a laptop that declines makes place for another",
    state: { asked },
    fact: answer("declining"),
    deeds: [/will not restart for now.*journalctl -u stiefel-autokexec$/],
  },
  {
    name: "one that was not asked and declines changes nothing",
    state: { asked: { ...asked, host: "fe80::2%eth0" } },
    fact: answer("declining"),
    deeds: [/will not restart/],
    asked: { ...asked, host: "fe80::2%eth0" },
  },
  {
    name: "another key is worth a word",
    fact: { kind: "answered", finding: { kind: "other-key" }, place },
    deeds: [/another key \(link eth0, fe80::1\).*same aes-key file$/],
  },
  {
    name: "what answers no question of ours is nothing",
    state: { asked },
    fact: { kind: "answered", finding: { kind: "ignored", reason: "not-for-us" }, place },
    deeds: [],
    asked,
  },
];

for (const { name, state = {}, fact, nowMs = 2_000, deeds, asked: wanted } of cases) {
  Deno.test(`a search: ${name}`, () => {
    const step = stepSearch(state, fact, nowMs);
    assert.equal(step.deeds.length, deeds.length, JSON.stringify(step.deeds));
    for (const [index, deed] of step.deeds.entries()) {
      const expected = deeds[index];
      if (expected instanceof RegExp) assert.match(deed.kind === "say" ? deed.text : deed.kind, expected);
      else assert.equal(deed.kind, expected);
      if (deed.kind === "take") assert.deepEqual(deed.server, server);
    }
    assert.deepEqual(step.state.asked, wanted);
  });
}
