/**
 * N3, N4 and network managers, with the disk's blocks in a tunnel: what a desktop's own programs do to all links, and
 * whether doctor's word on a firewall is true.
 */
import assert from "node:assert/strict";
import { judgeRuleset } from "../../lib/doctor/firewall.ts";
import { STIEFEL_LINK_NAME, STIEFEL_TUNNEL_NAME } from "../../lib/protocol/session.ts";
import { installDebian } from "./debian_tree.ts";
import { rigTest } from "./rig.ts";
import { assertRead, attach, lend, startReader, uriOf } from "./tunnel_rig.ts";
import { sendAllElsewhere } from "./vpn_routes.ts";

rigTest("N3: whatever sends all into a VPN, neither what is encrypted nor what is inside enters it", async () => {
  await using lent = await lend();
  const { rig, fetched } = lent;
  const desktop = rig.machine("desktop");
  const { tunnel, disk } = fetched.session;
  assert.ok(tunnel);
  await attach(rig, fetched, () => ":");
  const reads = 30;
  await using reader = startReader(desktop, uriOf(fetched.session), reads);
  await sendAllElsewhere(desktop, async (name) => {
    const way = (address: string): Promise<string> => desktop.run(["ip", "route", "get", address]);
    assert.match(await way(tunnel.endpoint), / dev stiefel0 table local /, name);
    assert.match(await way(disk.address), new RegExp(` dev ${tunnel.name} table local `), name);
  });
  await assertRead(reader, reads);
  await desktop.run(["ip", "link", "delete", "dev", tunnel.name]);
});

const established = "ct state established,related accept";
const asked = ["meta l4proto ipv6-icmp accept", "udp dport 61570 accept"];
/** As firewalld writes it: what is left is rejected by a last rule. */
const firewalld = [
  "ct state vmap { established : accept, related : accept, invalid : drop }",
  'iifname "lo" accept',
  ...asked,
  "reject with icmpx admin-prohibited",
];

/** Chains of a desktop, and whether its disk goes on with them. */
const firewalls:
  readonly (readonly [name: string, chains: Readonly<Record<string, readonly string[]>>, goesOn: boolean])[] = [
    ["none", {}, true],
    ["firewalld's", { "input accept": firewalld }, true],
    ["a plain one", { "input drop": [established, ...asked] }, true],
    ["one without connections that are made here", { "input drop": [...asked, "tcp dport 22 accept"] }, false],
    ["one that takes the link, and nothing of the tunnel", {
      "input drop": [...asked, `iifname "${STIEFEL_LINK_NAME}" accept`],
    }, false],
    ["one that takes both", { "input drop": [...asked, 'iifname "stiefel*" accept'] }, true],
    [
      "a kill switch",
      { "output drop": ['oifname "lo" accept', 'oifname "tun0" accept', "udp dport 1194 accept"] },
      false,
    ],
    ["a kill switch that knows the link only", { "output drop": [`oifname "${STIEFEL_LINK_NAME}" accept`] }, false],
    ["a kill switch that knows the tunnel only", { "output drop": [`oifname "${STIEFEL_TUNNEL_NAME}" accept`] }, false],
    ["a kill switch that knows both", {
      "output drop": [`oifname { "${STIEFEL_LINK_NAME}", "${STIEFEL_TUNNEL_NAME}" } accept`],
    }, true],
    ["both chains", { "input drop": [established, ...asked], "output drop": ['oifname "stiefel*" accept'] }, true],
  ];

rigTest("N4: doctor says of each firewall what happens to a desktop's disk in a tunnel", async () => {
  await using lent = await lend();
  const { rig, fetched } = lent;
  const desktop = rig.machine("desktop");
  await attach(rig, fetched, () => ":");
  await using reader = startReader(desktop, uriOf(fetched.session), 10_000);
  const next = (): Promise<string> =>
    reader.waitForLine(/^read 4096/, { from: reader.lines.length, timeoutMs: 30_000 });
  /** After a second, in which what was under way ends. */
  const readsOn = async (): Promise<boolean> => {
    await desktop.run(["sleep", "1"]);
    const from = reader.lines.length;
    await desktop.run(["sleep", "1"]);
    return reader.lines.slice(from).some((line) => line.startsWith("read 4096"));
  };
  for (const [name, chains, goesOn] of firewalls) {
    const text = Object.entries(chains).map(([hookAndPolicy, rules]) => {
      const [hook, policy] = hookAndPolicy.split(" ");
      const lines = [`type filter hook ${hook} priority filter; policy ${policy};`, ...rules];
      return `table inet ${hook} {\n\tchain ${hook} {\n${lines.map((line) => `\t\t${line}\n`).join("")}\t}\n}\n`;
    }).join("");
    await Deno.writeTextFile(`${desktop.directory}/rules`, `flush ruleset\n${text}`);
    await desktop.run(["nft", "-f", `${desktop.directory}/rules`]);
    const seen = await desktop.run(["nft", "list", "ruleset"]);
    const { replies, sending, neighbours } = judgeRuleset(seen, [STIEFEL_LINK_NAME, STIEFEL_TUNNEL_NAME]);
    assert.equal(replies && sending && neighbours === "all", goesOn, `doctor, of ${name}:\n${seen}`);
    assert.equal(await readsOn(), goesOn, name);
    await desktop.run(["nft", "flush", "ruleset"]);
    await next();
  }
  await desktop.run(["ip", "link", "delete", "dev", STIEFEL_TUNNEL_NAME]);
});

rigTest("NetworkManager takes neither the link nor the tunnel, and may switch networking off", async () => {
  await using debian = await installDebian(["network-manager", "dbus"]);
  await using lent = await lend();
  const { rig, fetched } = lent;
  const desktop = rig.machine("desktop");
  const { link, tunnel } = fetched.session;
  assert.ok(tunnel);
  const root = await attach(rig, fetched, () => ":");
  // /run moves into the system that starts.
  await desktop.run(["sh", "-euc", 'mkdir -p "$1" && cp -a "$0/run/." "$1/"', root, `${desktop.directory}/debian-run`]);
  const reads = 60;
  await using reader = startReader(desktop, uriOf(fetched.session), reads);
  const read = async (): Promise<string> =>
    (await Promise.all(
      [STIEFEL_LINK_NAME, STIEFEL_TUNNEL_NAME].map((name) =>
        desktop.run(["ip", "-oneline", "address", "show", "dev", name, "scope", "global"])
      ),
    )).join("");
  const before = await read();
  assert.ok(before.includes(link.address) && before.includes(tunnel.address), before);

  await using bus = debian.start(desktop, ["dbus-daemon", "--system", "--nofork", "--nopidfile", "--print-address"]);
  await bus.waitForLine(/^unix:/);
  await using manager = debian.start(desktop, ["NetworkManager", "--debug"]);
  await manager.waitForLine(/startup complete/);
  const devices = await debian.run(desktop, ["nmcli", "--terse", "--fields", "DEVICE,STATE", "device"]);
  for (const name of [STIEFEL_LINK_NAME, STIEFEL_TUNNEL_NAME]) {
    assert.match(devices, new RegExp(`^${name}:unmanaged$`, "m"), devices);
  }
  for (const state of ["off", "on"]) {
    await debian.run(desktop, ["nmcli", "networking", state]);
    assert.equal(await read(), before, `networking ${state}`);
  }
  await assertRead(reader, reads);
  await desktop.run(["ip", "link", "delete", "dev", tunnel.name]);
});
