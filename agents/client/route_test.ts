import assert from "node:assert/strict";
import { createMemorySystem } from "../../tests/support/memory_system.ts";
import { findCard, findRoute } from "./route.ts";
import { parseLinks } from "../../lib/system/facts.ts";

const linkLocal = { family: "inet6", local: "fe80::5054:ff:fe12:3456", prefixlen: 64, scope: "link" };
const routed = { family: "inet", local: "192.0.2.7", prefixlen: 24, scope: "global" };
const card = { ifindex: 2, ifname: "eth0", flags: ["UP", "LOWER_UP"], mtu: 9000, address: "52:54:00:12:34:56" };
/** As `ip -json address show` prints a card and a VLAN on it, which have one link-local address. */
const shown = JSON.stringify([
  { ...card, addr_info: [linkLocal] },
  { ...card, ifindex: 3, link: "eth0", ifname: "eth0.20", addr_info: [linkLocal, routed] },
  { ...card, ifindex: 4, link: "eth0", ifname: "macvlan0", address: "52:54:00:12:34:57", addr_info: [] },
]);
const links = parseLinks(shown);
const [eth0, vlan, macvlan] = links;

const createDesktop = () =>
  createMemorySystem({
    commands: [
      ([program, path]) =>
        program !== "cat" ? undefined : path === "/proc/net/vlan/eth0.20" ? "eth0.20  VID: 20\t REORDER_HDR: 1\n" : 1,
      (argv) => argv.includes("route") ? JSON.stringify([{ dst: "192.0.2.1", dev: "eth0.20" }]) : undefined,
      (argv) => argv.includes("address") ? shown : undefined,
    ],
  });

Deno.test("after kexec a link is the card by its own address, and the VLAN on it", async () => {
  assert.ok(eth0 && vlan && macvlan);
  const system = createDesktop();
  assert.deepEqual(await findCard(system, eth0, links), { mac: "52:54:00:12:34:56" });
  assert.deepEqual(await findCard(system, vlan, links), { mac: "52:54:00:12:34:56", vlan: 20 });
  assert.deepEqual(await findCard(system, macvlan, links), { mac: "52:54:00:12:34:56" });
});

Deno.test("of a card and its VLAN with one link-local address the one that leads to the laptop counts", async () => {
  const ends = { local: "fe80::5054:ff:fe12:3456", remote: "fe80::1" };
  assert.deepEqual(await findRoute(createDesktop(), { ...ends, linkTo: vlan }), { mac: eth0?.mac, vlan: 20 });
  assert.deepEqual(await findRoute(createDesktop(), { ...ends, linkTo: eth0, largeMtu: 9000 }), {
    ...{ mac: eth0?.mac, mtu: 9000 },
  });
});

Deno.test("a laptop that was named by address is reached over a VLAN, too", async () => {
  assert.deepEqual(await findRoute(createDesktop(), { local: "192.0.2.7", remote: "192.0.2.1" }), {
    ...{ mac: eth0?.mac, vlan: 20, address: "192.0.2.7/24" },
  });
});
