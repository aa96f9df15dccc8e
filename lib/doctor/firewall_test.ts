import assert from "node:assert/strict";
import { judgeRuleset } from "./firewall.ts";
import { listRefusingChains } from "./nft_ruleset.ts";

/** As nft(8) prints it: one table with what comes in, and one chain that has nothing to do with it. */
function ruleset(policy: string, rules: readonly string[], family = "inet"): string {
  return [
    `table ${family} filter {`,
    "\tchain input {",
    `\t\ttype filter hook input priority filter; policy ${policy};`,
    ...rules.map((rule) => `\t\t${rule}`),
    "\t}",
    "",
    "\tchain forward {",
    "\t\ttype filter hook forward priority filter; policy drop;",
    "\t}",
    "}\n",
  ].join("\n");
}

Deno.test("what comes in is dropped by a policy, or by a last rule for all that is left", () => {
  const drops = (text: string): boolean => listRefusingChains(text, "input").length > 0;
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
  assert.deepEqual(judgeRuleset(ipv4), { neighbours: "all", discovery: true, replies: true, sending: true });
  assert.deepEqual(judgeRuleset(ipv4 + ruleset("drop", [])), {
    neighbours: "none",
    discovery: false,
    replies: false,
    sending: true,
  });
});

Deno.test("neighbours are found by a rule for all of ICMPv6 or for their types", () => {
  const takes = (rule: string): boolean => judgeRuleset(ruleset("drop", [rule])).neighbours === "all";
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
  const takes = (rule: string): boolean => judgeRuleset(ruleset("drop", [rule])).discovery;
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
  const { sending: _, ...input } = judgeRuleset(
    ruleset("drop", ['iifname "stiefel0" counter packets 0 bytes 0 accept']),
  );
  assert.deepEqual(input, { neighbours: "all", discovery: true, replies: true });
});

/** An output chain with these rules and this policy. */
function outputChain(policy: string, rules: readonly string[]): string {
  return ruleset(policy, rules).replace("hook input", "hook output").replace("chain input", "chain output");
}

Deno.test("N4: a VPN's kill switch drops what the desktop sends, whatever the input chain takes", () => {
  const input = ["ct state established,related accept", "meta l4proto ipv6-icmp accept", "udp dport 61570 accept"];
  const vpn = ['oif "lo" accept', 'oifname "wg0" accept', "udp dport 51820 accept", "ct state established accept"];
  const text = ruleset("drop", input) + outputChain("drop", vpn).replace("inet filter", "inet vpn");
  assert.deepEqual(judgeRuleset(text), { neighbours: "all", discovery: true, replies: true, sending: false });
  const sends = (rule: string): boolean => judgeRuleset(outputChain("drop", [...vpn, rule])).sending;
  for (
    const rule of [
      'oifname "stiefel0" accept',
      'oifname { "lo", "stiefel0" } accept',
      "ip6 daddr fc00::/7 counter packets 1 bytes 2 accept",
      "meta nfproto ipv6 accept",
      "accept",
    ]
  ) {
    assert.ok(sends(rule), rule);
  }
  for (const rule of ['oifname "tun0" accept', "ip daddr 10.0.0.0/8 accept", "meta nfproto ipv4 accept"]) {
    assert.ok(!sends(rule), rule);
  }
  assert.ok(judgeRuleset(outputChain("accept", ["ip6 daddr 2001:db8::1 drop"])).sending);
  assert.ok(!judgeRuleset(outputChain("accept", [...vpn, "reject with icmpx admin-prohibited"])).sending);
});

Deno.test("N4: an input chain has to take answers, as established connections or by the link", () => {
  const common = ["meta l4proto ipv6-icmp accept", "udp dport 61570 accept", "tcp dport 22 accept"];
  const takes = (rule: string): boolean => judgeRuleset(ruleset("drop", [...common, rule])).replies;
  for (
    const rule of [
      "ct state established,related accept",
      "ct state vmap { invalid : drop, established : accept, related : accept }",
      "ct state related,established counter packets 3 bytes 4 accept",
      'iifname "stiefel0" accept',
    ]
  ) {
    assert.ok(takes(rule), rule);
  }
  for (const rule of ["", "ct state established drop", "ct state new accept", 'iifname "lo" accept']) {
    assert.ok(!takes(rule), rule);
  }
});

Deno.test("N4: with a tunnel, what is encrypted and what is inside of it have to get through", () => {
  const links = ["stiefel0", "stiefeltunnel"];
  const common = ["meta l4proto ipv6-icmp accept", "udp dport 61570 accept"];
  const covered = ['"stiefel*"', '{ "lo", "stiefel0", "stiefeltunnel" }', '{ "stiefeltunnel", "stiefel0" }', '"*"'];
  const uncovered = ['"stiefel0"', '"stiefeltunnel"', '{ "stiefel0", "tun0" }', '"stiefelt*"', '"eth*"'];
  for (
    const [names, isCovered] of [...covered.map((name) => [name, true]), ...uncovered.map((name) => [name, false])]
  ) {
    const input = judgeRuleset(ruleset("drop", [...common, `iifname ${names} accept`]), links);
    assert.equal(input.replies, isCovered, `iifname ${names}`);
    const output = judgeRuleset(outputChain("drop", [`oifname ${names} counter packets 0 bytes 0 accept`]), links);
    assert.equal(output.sending, isCovered, `oifname ${names}`);
  }
  const one = ['iifname "stiefel0" accept', 'iifname "stiefeltunnel" accept'];
  assert.ok(judgeRuleset(ruleset("drop", [...common, ...one]), links).replies);
  // Neighbours are looked for on the link alone, and the tunnel's packets are of sessions' addresses, too.
  assert.equal(judgeRuleset(ruleset("drop", ["ip6 saddr fd00::/8 accept"]), links).replies, true);
});

Deno.test("each chain has to take a packet, and a rule counts where a packet gets to it", () => {
  const open = ["ct state established accept", "meta l4proto ipv6-icmp accept", "udp dport 61570 accept"];
  const both = ruleset("drop", open) + ruleset("drop", ["tcp dport 22 accept"]).replace("inet filter", "inet other");
  assert.equal(judgeRuleset(both).neighbours, "none");
  const jump = ruleset("drop", ["jump user"]).replace(
    /\}\n$/,
    `\tchain user {\n${open.map((r) => `\t\t${r}\n`).join("")}\t}\n}\n`,
  );
  assert.deepEqual(judgeRuleset(jump), { neighbours: "all", discovery: true, replies: true, sending: true });
  assert.equal(judgeRuleset(jump.replace("jump user", "tcp dport 22 accept")).replies, false);
});

Deno.test("L6: what comes from link-local addresses is how desktops ask; neighbours are found by it but after a lost cable", () => {
  const text = ruleset("drop", ["ip6 saddr fe80::/10 accept", "ct state established accept"]);
  assert.deepEqual(judgeRuleset(text), { neighbours: "link-local", discovery: true, replies: true, sending: true });
});
