import assert from "node:assert/strict";
import type { Link } from "../../lib/system/facts.ts";
import { BOOT_SECONDS, createCardWatch } from "./card_watch.ts";

const mac = "52:54:00:00:00:01";
const link = (name: string, address: string): Link => ({
  name,
  index: 2,
  mac: address,
  isUp: false,
  hasCarrier: false,
  isLoopback: false,
  mtu: 1500,
  addresses: [],
});
const wanted = link("enx0", mac);
const other = link("eth0", "52:54:00:00:00:02");

Deno.test("a card of the settings counts when it is plugged in, not while it stays", () => {
  const watch = createCardWatch([mac]);
  const late = BOOT_SECONDS + 1;
  assert.equal(watch([other], late), undefined);
  assert.equal(watch([other, wanted], late + 1), mac);
  assert.equal(watch([other, wanted], late + 2), undefined);
  assert.equal(watch([other], late + 3), undefined);
  assert.equal(watch([wanted], late + 4), mac);
});

Deno.test("a card that was there when the agent or the system started does not count", () => {
  const started = createCardWatch([mac]);
  assert.equal(started([wanted], 10_000), undefined);
  const booted = createCardWatch([mac]);
  assert.equal(booted([], 5), undefined);
  assert.equal(booted([wanted], BOOT_SECONDS - 1), undefined);
  assert.equal(booted([wanted], BOOT_SECONDS + 1), undefined);
});

Deno.test("no other card counts", () => {
  const watch = createCardWatch([]);
  assert.equal(watch([], 10_000), undefined);
  assert.equal(watch([wanted, other], 10_001), undefined);
});
