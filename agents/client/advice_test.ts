import assert from "node:assert/strict";
import { adviseOn } from "./advice.ts";

const link = (name: string, hasCarrier: boolean): { name: string; isUp: boolean; hasCarrier: boolean } => ({
  name,
  isUp: true,
  hasCarrier,
});

Deno.test("P12: a desktop that waits says what to check: card, cable, laptop, its service, its firewall, the key", () => {
  assert.match(adviseOn([], undefined, { turn: 0 }), /^No network card: plug one in/);
  assert.match(adviseOn([link("eth0", false)], undefined, { turn: 0 }), /^No cable with a live other end/);
  const links = [link("eth0", true), link("eth1", false)];
  const said = Array.from({ length: 5 }, (_, turn) => adviseOn(links, undefined, { turn }));
  for (const [turn, words] of [/is the laptop on/, /stiefel-autokexec/, /UDP port 61570/, /same aes-key/].entries()) {
    assert.match(said[turn] ?? "", words);
    assert.match(said[turn] ?? "", /^No answer yet \(eth0\): /);
  }
  assert.equal(said[4], said[0]);
  assert.match(
    adviseOn([link("eth0.20", true)], undefined, { turn: 0, vlan: 20 }),
    /^No answer yet \(eth0\.20\): .* VLAN 20/,
  );
});

Deno.test("P12: a laptop that has agreed is waited for, whatever its cable does meanwhile", () => {
  assert.match(adviseOn([link("eth0", false)], { hasAgreed: true }, { turn: 3 }), /agreed to restart/);
  assert.match(adviseOn([link("eth0", true)], { hasAgreed: false }, { turn: 0 }), /^No answer yet/);
});
