import assert from "node:assert/strict";
import { parseRuleset } from "./firewall_facts.ts";

/** As nft(8) prints it: one table with what comes in, and one chain that has nothing to do with it. */
function ruleset(policy: string, rules: readonly string[], family = "inet"): string {
  return [
    `table ${family} filter {`,
    "\tchain input {",
    `\t\ttype filter hook input priority filter; policy ${policy};`,
    ...rules.map((rule) => `\t\t${rule}`),
    "\t}",
    "",
    "\tchain output {",
    "\t\ttype filter hook output priority filter; policy drop;",
    "\t}",
    "}\n",
  ].join("\n");
}

const nothing = { takesIcmpv6: false, takesDiscovery: false };

Deno.test("what comes in is dropped by a policy, or by a last rule for all that is left", () => {
  const drops = (text: string): boolean => parseRuleset(text).dropsByDefault;
  assert.equal(drops(""), false);
  assert.equal(drops(ruleset("accept", [])), false);
  assert.equal(drops(ruleset("drop", [])), true);
  assert.equal(drops(ruleset("drop", [], "ip6")), true);
  for (
    const last of [
      "drop",
      "counter packets 1 bytes 40 drop",
      "reject with icmpx admin-prohibited",
      'log prefix "no" reject',
    ]
  ) {
    assert.equal(drops(ruleset("accept", ["ct state established accept", last])), true, last);
  }
  for (const last of ["ct state invalid drop", "tcp dport 113 reject with tcp reset", "drop\n\t\taccept"]) {
    assert.equal(drops(ruleset("accept", [last])), false, last);
  }
});

Deno.test("a table for IPv4 drops nothing that the link to the disk needs", () => {
  const ipv4 = ruleset("drop", ["meta l4proto ipv6-icmp accept"], "ip");
  assert.deepEqual(parseRuleset(ipv4), { dropsByDefault: false, ...nothing });
  assert.deepEqual(parseRuleset(ipv4 + ruleset("drop", [])), { dropsByDefault: true, ...nothing });
});

Deno.test("neighbours are found by a rule for all of ICMPv6 or for their types", () => {
  const takes = (rule: string): boolean => parseRuleset(ruleset("drop", [rule])).takesIcmpv6;
  for (
    const rule of [
      "meta l4proto { icmp, ipv6-icmp } accept",
      "meta l4proto ipv6-icmp icmpv6 type nd-neighbor-solicit ip6 hoplimit 255 counter packets 0 bytes 0 accept",
      "icmpv6 type { echo-request, nd-neighbor-solicit, nd-neighbor-advert } accept",
      "icmpv6 type @allowed accept",
      "elements = { icmp, ipv6-icmp }",
    ]
  ) {
    assert.equal(takes(rule), true, rule);
  }
  for (
    const rule of ["icmp type echo-request accept", "icmpv6 type echo-request accept", "meta l4proto ipv6-icmp drop"]
  ) {
    assert.equal(takes(rule), false, rule);
  }
});

Deno.test("a desktop's question is taken on its port, also in a range", () => {
  const takes = (rule: string): boolean => parseRuleset(ruleset("drop", [rule])).takesDiscovery;
  for (
    const rule of [
      "udp dport { 53, 61570 } accept",
      "udp dport 1025-65535 ct state new accept",
      "th dport { 22, 61000-62000 } accept",
    ]
  ) {
    assert.equal(takes(rule), true, rule);
  }
  for (
    const rule of [
      "udp dport 161570 accept",
      "udp dport 1025-9999 accept",
      "tcp dport 1025-65535 accept",
      "udp dport 61570 drop",
    ]
  ) {
    assert.equal(takes(rule), false, rule);
  }
});

Deno.test("a rule for the link takes all", () => {
  assert.deepEqual(parseRuleset(ruleset("drop", ['iifname "stiefel0" counter packets 0 bytes 0 accept'])), {
    dropsByDefault: true,
    takesIcmpv6: true,
    takesDiscovery: true,
  });
});
