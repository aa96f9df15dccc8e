import assert from "node:assert/strict";
import type { OfferMessage } from "../../lib/protocol/discovery_search.ts";
import {
  type SearchDeed,
  type SearchFact,
  type SearchState,
  type SearchWishes,
  startSearchState,
  stepSearch,
} from "./decide_search.ts";
import type { HeardLaptop, Place } from "./heard_laptops.ts";

const place: Place = { address: "fe80::1", linkName: "eth0", mac: "02:00:00:00:00:01" };
const other: Place = { ...place, address: "fe80::2" };
const asked = { host: "fe80::1%eth0", sinceMs: 1_000, hasAgreed: false };
const server = { name: "laptop", host: "fe80::1%eth0", port: 4644, mac: place.mac, linkName: "eth0" };
const nowMs = 2_000;

function offerOf(state: OfferMessage["state"], name = "laptop"): OfferMessage {
  const nonce = new Uint8Array(16);
  return { kind: "offer", clientNonce: nonce, challenge: nonce, state, tcpPort: 4644, name };
}

/** By the key of this name on the stick. */
const withKey = (keyName: string, state: OfferMessage["state"], name = "laptop", where = place): SearchFact => ({
  kind: "answered",
  finding: { kind: "offer", offer: { ...offerOf(state, name), keyName } },
  place: where,
});

const answer = (state: OfferMessage["state"], name = "laptop", where = place): SearchFact => ({
  kind: "answered",
  finding: { kind: "offer", offer: offerOf(state, name) },
  place: where,
});
const waited = (state: OfferMessage["state"], where = place, name = "laptop"): SearchFact => ({
  kind: "waited",
  offer: offerOf(state, name),
  place: where,
});
const heard = (name: string, state: HeardLaptop["state"], heardMs = 1_500, where = other): HeardLaptop => ({
  name,
  state,
  place: where,
  fastest: { place: where, heardMs },
  heardMs,
  nonce: "ff",
});

interface Case {
  readonly name: string;
  readonly state?: Partial<SearchState>;
  readonly wishes?: SearchWishes;
  readonly fact: SearchFact;
  readonly nowMs?: number;
  readonly deeds: readonly (SearchDeed["kind"] | RegExp | number)[];
  readonly asked?: SearchState["asked"];
}

const cases: readonly Case[] = [
  { name: "a server that is free is taken at once", fact: answer("serving"), deeds: ["take"] },
  { name: "a busy one is not taken at once: a free one may answer", fact: answer("busy"), deeds: [500] },
  { name: "a busy one is better than none", fact: waited("busy"), deeds: ["take"] },
  { name: "a laptop that runs its own system is not asked at once", fact: answer("installed-os"), deeds: [500] },
  {
    name: "it is asked when no server has answered meanwhile",
    fact: waited("installed-os"),
    deeds: [/^"laptop" runs its own system \(link eth0\): asking it/, "claim"],
    asked: { ...asked, sinceMs: nowMs },
  },
  {
    name: "it is asked again at any time, and what it agreed to stays",
    state: { asked: { ...asked, hasAgreed: true } },
    fact: waited("installed-os"),
    deeds: [/asking/, "claim"],
    asked: { ...asked, sinceMs: nowMs, hasAgreed: true },
  },
  {
    name: "another address is not asked while the first may answer",
    state: { asked },
    fact: waited("installed-os", other),
    deeds: [],
    asked,
  },
  {
    name: "another address is asked when the first has been silent",
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
    asked: { ...asked, sinceMs: nowMs, hasAgreed: true },
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
  // ---- several laptops
  {
    name: "a second laptop that serves: a person chooses",
    state: { heard: [heard("first", "serving")] },
    fact: answer("serving"),
    deeds: ["choose"],
  },
  {
    name: "one that serves, and one that would have to restart: a person chooses",
    state: { heard: [heard("first", "installed-os")] },
    fact: answer("serving"),
    deeds: ["choose"],
  },
  {
    name: "one that has lent its disk may be the one that is meant: its desktop may have crashed",
    state: { heard: [heard("first", "busy")] },
    fact: answer("serving"),
    deeds: ["choose"],
  },
  {
    name: "while one restarts as a server, another one serves",
    state: { heard: [heard("first", "restarting", -100_000)] },
    fact: answer("serving", "laptop", { ...place, linkName: "eth1" }),
    deeds: ["choose"],
  },
  {
    name: "one that restarts, and comes back on its link by another name, is one",
    state: { heard: [heard("host-name", "restarting", -20_000)] },
    fact: answer("serving", "Model 9000"),
    deeds: ["take"],
  },
  {
    name: "two that would have to restart: neither is asked before a person chooses",
    state: { heard: [heard("laptop", "installed-os", 1_900, place), heard("second", "installed-os")] },
    fact: waited("installed-os"),
    deeds: ["choose"],
  },
  {
    name: "one that declines is none",
    state: { heard: [heard("first", "declining")] },
    fact: answer("serving"),
    deeds: ["take"],
  },
  {
    name: "one that is not heard any more is none",
    state: { heard: [heard("first", "serving", -11_001)] },
    fact: answer("serving"),
    deeds: ["take"],
  },
  {
    name: "a laptop whose address changed is one",
    state: { heard: [heard("laptop", "installed-os")] },
    fact: answer("serving"),
    deeds: ["take"],
  },
  {
    name: "two of one name that answer the same question on one link are two",
    state: { heard: [{ ...heard("laptop", "serving"), nonce: "00".repeat(16) }] },
    fact: answer("serving"),
    deeds: ["choose"],
  },
  {
    name: "one that answers on two links is one",
    state: {
      heard: [{ ...heard("laptop", "serving"), nonce: "00".repeat(16), place: { ...other, linkName: "eth1" } }],
    },
    fact: answer("serving"),
    deeds: ["take"],
  },
  // ---- keys of several laptops
  {
    name: "a laptop with a key of its own on the stick is taken, and its key noted",
    state: { keys: 3 },
    fact: withKey("bell", "serving"),
    deeds: ["take"],
  },
  {
    name: "two of one name with different keys are two, also at one address",
    state: { keys: 2, heard: [heard("laptop", "serving", 1_500, place)] },
    fact: withKey("bell", "serving"),
    deeds: ["choose"],
  },
  {
    name: "one with another key does not come back in place of one that restarts",
    state: { keys: 2, heard: [heard("laptop", "restarting", -20_000)] },
    fact: withKey("bell", "serving"),
    deeds: ["choose"],
  },
  {
    name: "one that says the name of the chosen one is another one with another key",
    wishes: { chosen: { name: "laptop" } },
    fact: withKey("bell", "serving"),
    deeds: [],
  },
  {
    name: "the chosen one has a key of its own",
    wishes: { chosen: { name: "laptop", keyName: "bell" } },
    fact: withKey("bell", "serving"),
    deeds: ["take"],
  },
  {
    name: "one with the own key is not the chosen one that has another",
    wishes: { chosen: { name: "laptop", keyName: "bell" } },
    fact: answer("serving"),
    deeds: [],
  },
  {
    name: "the default has a key of its own, whatever it calls itself",
    wishes: { preferred: "bell", preferredKey: "bell" },
    fact: withKey("bell", "serving"),
    deeds: ["take"],
  },
  {
    name: "one that calls itself as the default has no key of it",
    wishes: { preferred: "bell", preferredKey: "bell" },
    fact: answer("serving", "bell"),
    deeds: [5_000],
  },
  {
    name: "one with another key that calls itself as the default is not it",
    wishes: { preferred: "laptop" },
    fact: withKey("bell", "serving"),
    deeds: [5_000],
  },
  {
    name: "one with a key of its own that has to restart is asked by it",
    fact: { kind: "waited", offer: { ...offerOf("installed-os"), keyName: "bell" }, place },
    deeds: [/^"laptop" runs its own system \(link eth0, key bell\): asking it/, "claim"],
    asked: { ...asked, sinceMs: nowMs },
  },
  {
    name: "that one of two keys is another one is no news: it may have the other",
    state: { keys: 2 },
    fact: { kind: "answered", finding: { kind: "other-key", keyName: "bell" }, place },
    deeds: [],
  },
  {
    name: "that it has none of two keys is",
    state: { keys: 2, refusals: [{ host: "fe80::1%eth0", keyNames: ["bell"] }] },
    fact: { kind: "answered", finding: { kind: "other-key" }, place },
    deeds: [/another key \(link eth0, fe80::1\).*same aes-key file, or one of the 1 keys beside it/],
  },
  {
    name: "two laptops with another key than one each have not refused both",
    state: { keys: 2, refusals: [{ host: "fe80::2%eth0", keyNames: ["bell"] }] },
    fact: { kind: "answered", finding: { kind: "other-key" }, place },
    deeds: [],
  },
  // ---- one is chosen
  {
    name: "the chosen one is taken, whoever else answers",
    wishes: { chosen: { name: "laptop" } },
    state: { heard: [heard("first", "serving")] },
    fact: answer("serving"),
    deeds: ["take"],
  },
  {
    name: "another one is not taken while the chosen one may come",
    wishes: { chosen: { name: "first" } },
    fact: answer("serving"),
    deeds: [],
  },
  {
    name: "the chosen one is asked to restart, whoever else serves",
    wishes: { chosen: { name: "laptop" } },
    state: { heard: [heard("first", "serving")] },
    fact: waited("installed-os"),
    deeds: [/asking/, "claim"],
    asked: { ...asked, sinceMs: nowMs },
  },
  {
    name: "of two with one name, the address tells",
    wishes: { chosen: { name: "laptop", host: "fe80::2%eth0" } },
    fact: answer("serving"),
    deeds: [],
  },
  {
    name: "of two with one name, the address tells: the other one",
    wishes: { chosen: { name: "laptop", host: "fe80::1%eth0" } },
    fact: answer("serving"),
    deeds: ["take"],
  },
  {
    name: "the chosen one is waited for as long as a restart takes",
    wishes: { chosen: { name: "first" } },
    state: { heard: [heard("first", "restarting", 0)] },
    nowMs: 179_999,
    fact: answer("serving"),
    deeds: [],
  },
  {
    name: "the chosen one does not come back: another one will do",
    wishes: { chosen: { name: "first" } },
    state: { heard: [heard("first", "restarting", 0)] },
    nowMs: 180_000,
    fact: answer("serving"),
    deeds: ["take"],
  },
  // ---- the stick's default
  {
    name: "the default is taken at once",
    wishes: { preferred: "laptop" },
    fact: answer("serving"),
    deeds: ["take"],
  },
  {
    name: "the default is known by the word that its name is on the stick",
    wishes: { preferred: "My_laptop__2_" },
    fact: answer("serving", "My laptop (2)"),
    deeds: ["take"],
  },
  {
    name: "another one waits for the default",
    wishes: { preferred: "first" },
    fact: answer("serving"),
    deeds: [5_000],
  },
  {
    name: "another one that would have to restart waits for it as long",
    wishes: { preferred: "first" },
    fact: answer("installed-os"),
    deeds: [5_000],
  },
  {
    name: "when the default has not come, the other one is taken",
    wishes: { preferred: "first" },
    fact: waited("serving"),
    deeds: ["take"],
  },
  {
    name: "the default and another one: a person may choose",
    wishes: { preferred: "laptop" },
    state: { heard: [heard("first", "serving")] },
    fact: answer("serving"),
    deeds: ["choose"],
  },
];

for (const { name, state, wishes = {}, fact, nowMs: at = nowMs, deeds, asked: wanted } of cases) {
  Deno.test(`a search: ${name}`, () => {
    const step = stepSearch({ ...startSearchState(0), ...state }, fact, { nowMs: at, wishes, fastestMbps: 0 });
    assert.equal(step.deeds.length, deeds.length, JSON.stringify(step.deeds));
    for (const [index, deed] of step.deeds.entries()) {
      const expected = deeds[index];
      if (expected instanceof RegExp) assert.match(deed.kind === "say" ? deed.text : deed.kind, expected);
      else if (typeof expected === "number") {
        assert.deepEqual([deed.kind, "waitMs" in deed && deed.waitMs], ["wait", expected]);
      } else assert.equal(deed.kind, expected);
      if (deed.kind === "take") {
        const { offer } = fact.kind === "waited" ? fact : fact.finding.kind === "offer" ? fact.finding : assert.fail();
        const { name, keyName } = offer;
        assert.deepEqual(deed.server, { ...server, name, ...keyName === undefined ? {} : { keyName } });
      }
    }
    assert.deepEqual(step.state.asked, wanted);
  });
}

Deno.test("a search: a laptop that has agreed counts for as long as a restart takes, whatever it says meanwhile", () => {
  let state = startSearchState(0);
  const tell = (fact: SearchFact, at: number): readonly SearchDeed[] => {
    const step = stepSearch(state, fact, { nowMs: at, wishes: {}, fastestMbps: 0 });
    state = step.state;
    return step.deeds;
  };
  tell(answer("installed-os"), 0);
  tell(waited("installed-os"), 500);
  tell({ kind: "answered", finding: { kind: "claim-accepted" }, place }, 600);
  tell(answer("installed-os"), 4_000); // it counts down
  assert.deepEqual(state.heard.map((laptop) => [laptop.name, laptop.state]), [["laptop", "restarting"]]);
  const elsewhere = { ...other, linkName: "eth1" };
  assert.deepEqual(tell(answer("serving", "second", elsewhere), 60_000).map(({ kind }) => kind), ["choose"]);
  // not heard for three minutes: it is gone
  assert.deepEqual(tell(answer("serving", "second", elsewhere), 180_600).map(({ kind }) => kind), ["take"]);
});

Deno.test("a search: thousands of names are forgotten but for the latest", () => {
  let state = startSearchState(0);
  for (let number = 0; number < 5_000; number++) {
    ({ state } = stepSearch(state, answer("serving", `laptop ${number}`), { nowMs, wishes: {}, fastestMbps: 0 }));
  }
  assert.ok(state.heard.length <= 20);
  assert.equal(state.heard.at(-1)?.name, "laptop 4999");
});

Deno.test("a search: a yes counts for the laptop that has proved its key, not for another one at its address", () => {
  let state = startSearchState(0, 2);
  const tell = (fact: SearchFact): void => {
    ({ state } = stepSearch(state, fact, { nowMs, wishes: { chosen: { name: "laptop" } }, fastestMbps: 0 }));
  };
  tell(answer("installed-os"));
  tell(withKey("bell", "installed-os"));
  tell({ kind: "answered", finding: { kind: "claim-accepted", keyName: "bell" }, place });
  assert.deepEqual(state.heard.map((laptop) => [laptop.keyName, laptop.state]), [
    [undefined, "installed-os"],
    ["bell", "restarting"],
  ]);
});

Deno.test("a search: thousands who refuse are forgotten but for the latest", () => {
  let state = startSearchState(0, 2);
  for (let number = 0; number < 5_000; number++) {
    const fact = { kind: "answered", finding: { kind: "other-key" }, place: { ...place, address: `fe80::${number}` } };
    ({ state } = stepSearch(state, fact as SearchFact, { nowMs, wishes: {}, fastestMbps: 0 }));
  }
  assert.ok(state.refusals.length <= 20);
});

Deno.test("a search: of a laptop's two cables the fastest that is usable wins", () => {
  const slow: Place = { ...place, speedMbps: 1_000 };
  const fast: Place = { address: "fe80::9", linkName: "eth1", mac: "02:00:00:00:00:09", speedMbps: 10_000 };
  const run = (facts: readonly (readonly [SearchFact, atMs: number, fastestMbps: number])[]): readonly string[] => {
    let state = startSearchState(0);
    return facts.flatMap(([fact, at, fastestMbps]) => {
      const step = stepSearch(state, fact, { nowMs: at, wishes: {}, fastestMbps });
      state = step.state;
      return step.deeds.map((deed) =>
        deed.kind === "take" ? `take ${deed.server.host}` : deed.kind === "wait" ? `wait ${deed.waitMs}` : deed.kind
      );
    });
  };
  const onSlow = answer("serving", "laptop", slow);
  const onFast = answer("serving", "laptop", fast);
  const takeSlow = `take ${slow.address}%eth0`;
  const takeFast = `take ${fast.address}%eth1`;
  // Nothing is waited for where no faster link is asked, or no driver says how fast one is.
  assert.deepEqual(run([[onSlow, 0, 1_000]]), [takeSlow]);
  assert.deepEqual(run([[answer("serving"), 0, 0]]), [takeSlow]);
  assert.deepEqual(run([[onFast, 0, 10_000]]), [takeFast]);
  // The faster one is another network: the laptop is not there.
  assert.deepEqual(run([[onSlow, 0, 10_000], [waited("serving", slow), 200, 10_000]]), ["wait 200", takeSlow]);
  assert.deepEqual(run([[onSlow, 0, 10_000], [onFast, 5, 10_000]]), ["wait 200", takeFast]);
  assert.deepEqual(
    run([[onSlow, 0, 10_000], [answer("busy", "laptop", fast), 5, 10_000], [waited("serving", slow), 200, 10_000]]),
    ["wait 200", "wait 500", takeFast],
  );
  // A link on which it was heard long ago counts no more.
  assert.deepEqual(run([[answer("busy", "laptop", fast), 0, 10_000], [onSlow, 60_000, 1_000]]), ["wait 500", takeSlow]);
});
