import assert from "node:assert/strict";
import type { Link } from "../../lib/system/facts.ts";
import { BOOT_SECONDS, createCardWatch } from "./card_watch.ts";

const mac = "52:54:00:00:00:01";
const link = (name: string, index: number, address: string): Link => ({
  name,
  index,
  mac: address,
  isUp: false,
  hasCarrier: false,
  isLoopback: false,
  mtu: 1500,
  addresses: [],
});
const wanted = link("enx0", 3, mac);
const other = link("eth0", 2, "52:54:00:00:00:02");

Deno.test("a card of the settings counts when it is plugged in, not while it stays", () => {
  const watch = createCardWatch([mac]);
  const late = BOOT_SECONDS + 1;
  assert.equal(watch([other], late), undefined);
  assert.equal(watch([other, wanted], late + 1), mac);
  assert.equal(watch([other, wanted], late + 2), undefined);
  assert.equal(watch([other], late + 3), undefined);
  assert.equal(watch([{ ...wanted, index: 4 }], late + 4), mac);
});

Deno.test("a card that stays does not count when its address changes and comes back", () => {
  const watch = createCardWatch([mac]);
  const late = BOOT_SECONDS + 1;
  assert.equal(watch([wanted], late), undefined);
  assert.equal(watch([{ ...wanted, mac: "02:00:00:00:00:01" }], late + 1), undefined);
  assert.equal(watch([wanted], late + 2), undefined);
});

Deno.test("a card that was there when the agent or the system started does not count", () => {
  const started = createCardWatch([mac]);
  assert.equal(started([wanted], 10_000), undefined);
  const booted = createCardWatch([mac]);
  assert.equal(booted([], 5), undefined);
  assert.equal(booted([wanted], BOOT_SECONDS - 1), undefined);
  assert.equal(booted([wanted], BOOT_SECONDS + 1), undefined);
  const passphraseWaitedFor = createCardWatch([mac], 190);
  assert.equal(passphraseWaitedFor([], 190), undefined);
  assert.equal(passphraseWaitedFor([wanted], 194), undefined);
});

Deno.test("no other card counts", () => {
  const watch = createCardWatch([]);
  assert.equal(watch([], 10_000), undefined);
  assert.equal(watch([wanted, other], 10_001), undefined);
});
