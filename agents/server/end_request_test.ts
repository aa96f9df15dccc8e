import assert from "node:assert/strict";
import fc from "fast-check";
import { type EndFact, type EndRequest, noEndRequest, stepEndRequest } from "./end_request.ts";

const key = (text: string): EndFact => ({ kind: "key", text });
const looked: EndFact = { kind: "looked-at" };
const heard: EndFact = { kind: "heard" };
const desktop = { name: "desk", sinceMs: 1_000 };

Deno.test("two keys ask the desktop; anything else does not, and a wish ends by itself", () => {
  const cases:
    readonly (readonly [string, readonly (readonly [number, EndFact])[], EndRequest["kind"], RegExp | ""])[] = [
      ["both keys", [[0, key("e")], [9_999, key("Y")]], "asked", /^Asking "desk" to shut down/],
      ["the second one alone", [[0, key("y")]], "none", ""],
      ["another key between", [[0, key("E")], [1, key("x")], [2, key("y")]], "none", ""],
      ["a key that is held", [[0, key("e")], [1, key("e")]], "none", /^"desk" is not asked$/],
      ["too late", [[0, key("e")], [10_000, key("y")]], "none", ""],
      ["time alone", [[0, key("e")], [5_000, looked]], "confirming", ""],
      ["heard", [[0, key("e")], [1, key("y")], [2, heard]], "asked", /^"desk" has heard it/],
      ["heard twice", [[0, key("e")], [1, key("y")], [2, heard], [3, heard]], "asked", ""],
      ["heard without a wish", [[0, heard]], "none", ""],
      ["declined", [[0, key("e")], [1, key("y")], [180_001, looked]], "none", /^"desk" has not shut down/],
      ["once more", [[0, key("e")], [1, key("y")], [180_001, key("e")]], "confirming", /^"desk" has not shut down/],
    ];
  for (const [name, facts, kind, said] of cases) {
    let request = noEndRequest;
    let say: readonly string[] = [];
    for (const [nowMs, fact] of facts) ({ request, say } = stepEndRequest(request, fact, { nowMs, desktop }));
    assert.equal(request.kind, kind, name);
    if (said === "") assert.deepEqual(say, [], name);
    else assert.match(say[0] ?? "", said, name);
  }
});

Deno.test("without a desktop nothing is asked, and the wish of a session ends with it", () => {
  const asked: EndRequest = { kind: "asked", sinceMs: 0, desktop, isHeard: true };
  assert.deepEqual(stepEndRequest(asked, looked, { nowMs: 1, desktop: undefined }), { request: noEndRequest, say: [] });
  const { request, say } = stepEndRequest(noEndRequest, key("e"), { nowMs: 1, desktop: undefined });
  assert.deepEqual([request.kind, say.length], ["none", 1]);
});

Deno.test("no row of keys without E and then Y asks", () => {
  const letters = fc.array(fc.constantFrom("e", "E", "y", "Y", "q", " ", "é"), { maxLength: 12 });
  fc.assert(fc.property(letters, (row) => {
    let request = noEndRequest;
    for (const text of row) ({ request } = stepEndRequest(request, key(text), { nowMs: 0, desktop }));
    assert.equal(request.kind === "asked", /ey/i.test(row.join("")) && request.kind === "asked");
    if (!/ey/i.test(row.join(""))) assert.notEqual(request.kind, "asked");
  }));
});

Deno.test("a wish is for one session: not for the same desktop started anew, nor for another one", () => {
  const asked: EndRequest = { kind: "asked", sinceMs: 0, desktop, isHeard: false };
  const confirming: EndRequest = { kind: "confirming", sinceMs: 0, desktop };
  for (const next of [{ ...desktop, sinceMs: 2_000 }, { name: "other", sinceMs: 2_000 }]) {
    // No look came between the sessions.
    assert.deepEqual(stepEndRequest(asked, heard, { nowMs: 1, desktop: next }), { request: noEndRequest, say: [] });
    assert.deepEqual(stepEndRequest(confirming, key("y"), { nowMs: 1, desktop: next }), {
      request: noEndRequest,
      say: [],
    });
    assert.equal(stepEndRequest(asked, key("e"), { nowMs: 1, desktop: next }).request.kind, "confirming");
  }
});
