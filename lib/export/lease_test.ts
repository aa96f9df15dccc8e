import assert from "node:assert/strict";
import { describeHolders, type Lease, type LeaseAnswer, type LeaseClient, requestLease } from "./lease.ts";

const desk = { mac: "aa:bb:cc:00:00:01", name: "desk", address: "fe80::1%eth0" };
const other = { mac: "aa:bb:cc:00:00:02", name: "other", address: "fe80::2%eth0" };

function ask(current: Lease | undefined, client: LeaseClient, nowMs: number): LeaseAnswer {
  return requestLease(current === undefined ? [] : [current], { client, isGuest: false, nowMs });
}

Deno.test("a free disk goes to the desktop that asks", () => {
  assert.deepEqual(ask(undefined, desk, 5), { kind: "granted", lease: { holder: desk, sinceMs: 5 } });
});

Deno.test("a second machine is refused and told who has the disk", () => {
  const current = { holder: desk, sinceMs: 0 };
  const answer = ask(current, other, 9);
  assert.deepEqual(answer, { kind: "refused", holders: [current] });
  assert.equal(
    answer.kind === "refused" && describeHolders(answer.holders),
    '"desk" (aa:bb:cc:00:00:01) has had the disk since 1970-01-01T00:00Z',
  );
});

Deno.test("the same machine takes over from itself, its address may be another and its MAC in capitals", () => {
  const current = { holder: desk, sinceMs: 0 };
  const again = { ...desk, mac: desk.mac.toUpperCase(), address: "fe80::99%eth1" };
  assert.deepEqual(ask(current, again, 9), {
    kind: "granted",
    lease: { holder: { ...again, mac: desk.mac }, sinceMs: 9 },
    replaced: current,
  });
});

Deno.test("A13: a dock that was carried to another desktop brings its MAC address, and no lease", () => {
  const current = { holder: { ...desk, machine: "11" }, sinceMs: 0 };
  const { mac } = desk;
  for (const thief of [{ ...other, mac, machine: "22" }, { ...other, mac }]) {
    assert.equal(ask(current, thief, 9).kind, "refused");
  }
  assert.equal(ask({ holder: desk, sinceMs: 0 }, { ...other, mac, machine: "22" }, 9).kind, "refused");
});

Deno.test("a desktop takes over from itself by another card, too", () => {
  const current = { holder: { ...desk, machine: "11" }, sinceMs: 0 };
  const byOtherCard = { ...desk, mac: other.mac, machine: "11" };
  assert.deepEqual(ask(current, byOtherCard, 9), {
    kind: "granted",
    lease: { holder: byOtherCard, sinceMs: 9 },
    replaced: current,
  });
});

const guest = (client: LeaseClient, sinceMs = 0): Lease => ({ holder: client, sinceMs, isGuest: true });

Deno.test("guests share the disk; one writer or guests, never both", () => {
  const asGuest = { client: other, isGuest: true, nowMs: 9 };
  assert.deepEqual(requestLease([guest(desk)], asGuest), { kind: "granted", lease: guest(other, 9) });
  assert.equal(requestLease([{ holder: desk, sinceMs: 0 }], asGuest).kind, "refused");
  const third = { ...other, mac: "aa:bb:cc:00:00:03", name: "third" };
  const answer = requestLease([guest(desk), guest(third)], { client: other, isGuest: false, nowMs: 9 });
  assert.equal(
    answer.kind === "refused" && describeHolders(answer.holders),
    '"desk" (aa:bb:cc:00:00:01) has been trying the laptop\'s system since 1970-01-01T00:00Z, and ' +
      '"third" (aa:bb:cc:00:00:03) has been trying the laptop\'s system since 1970-01-01T00:00Z',
  );
});

Deno.test("a guest starts anew beside others, and as a writer only when it was the last one", () => {
  const again = { client: desk, isGuest: true, nowMs: 9 };
  const [mine, theirs] = [guest(desk), guest(other)];
  assert.deepEqual(requestLease([mine, theirs], again), { kind: "granted", lease: guest(desk, 9), replaced: mine });
  const asWriter = { ...again, isGuest: false };
  assert.deepEqual(requestLease([mine, theirs], asWriter), { kind: "refused", holders: [theirs] });
  assert.deepEqual(requestLease([mine], asWriter), {
    kind: "granted",
    lease: { holder: desk, sinceMs: 9 },
    replaced: mine,
  });
});

Deno.test("there are eight guests at most", () => {
  const current = Array.from({ length: 8 }, (_, index) => guest({ ...desk, mac: `aa:bb:cc:00:01:0${index}` }));
  assert.equal(requestLease(current, { client: other, isGuest: true, nowMs: 9 }).kind, "refused");
  assert.equal(requestLease(current.slice(1), { client: other, isGuest: true, nowMs: 9 }).kind, "granted");
});
