import assert from "node:assert/strict";
import { describeHolder, requestLease } from "./lease.ts";

const desk = { mac: "aa:bb:cc:00:00:01", name: "desk", address: "fe80::1%eth0" };
const other = { mac: "aa:bb:cc:00:00:02", name: "other", address: "fe80::2%eth0" };

Deno.test("a free disk goes to the desktop that asks", () => {
  assert.deepEqual(requestLease(undefined, desk, 5), { kind: "granted", lease: { holder: desk, sinceMs: 5 } });
});

Deno.test("a second machine is refused and told who has the disk", () => {
  const current = { holder: desk, sinceMs: 0 };
  const answer = requestLease(current, other, 9);
  assert.deepEqual(answer, { kind: "refused", holder: desk, sinceMs: 0 });
  assert.equal(
    answer.kind === "refused" && describeHolder(answer),
    '"desk" (aa:bb:cc:00:00:01) has had the disk since 1970-01-01T00:00Z',
  );
});

Deno.test("the same machine takes over from itself, its address may be another and its MAC in capitals", () => {
  const current = { holder: desk, sinceMs: 0 };
  const again = { ...desk, mac: desk.mac.toUpperCase(), address: "fe80::99%eth1" };
  assert.deepEqual(requestLease(current, again, 9), {
    kind: "granted",
    lease: { holder: { ...again, mac: desk.mac }, sinceMs: 9 },
    replaced: current,
  });
});

Deno.test("A13: a dock that was carried to another desktop brings its MAC address, and no lease", () => {
  const current = { holder: { ...desk, machine: "11" }, sinceMs: 0 };
  const { mac } = desk;
  for (const thief of [{ ...other, mac, machine: "22" }, { ...other, mac }]) {
    assert.equal(requestLease(current, thief, 9).kind, "refused");
  }
  assert.equal(requestLease({ holder: desk, sinceMs: 0 }, { ...other, mac, machine: "22" }, 9).kind, "refused");
});

Deno.test("a desktop takes over from itself by another card, too", () => {
  const current = { holder: { ...desk, machine: "11" }, sinceMs: 0 };
  const byOtherCard = { ...desk, mac: other.mac, machine: "11" };
  assert.deepEqual(requestLease(current, byOtherCard, 9), {
    kind: "granted",
    lease: { holder: byOtherCard, sinceMs: 9 },
    replaced: current,
  });
});
