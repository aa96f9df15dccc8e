import assert from "node:assert/strict";
import type { Link, LinkAddress } from "../../lib/system/facts.ts";
import { sampleLink } from "../../tests/support/sample_link.ts";
import { isMeetingPlace, LARGE_MTU, linkLocalAddress, planBringUp, planVlan, toUsableLink, vlanName } from "./links.ts";

const linkLocal: LinkAddress = {
  family: "ipv6",
  address: "fe80::1",
  prefixLength: 64,
  scope: "link",
  isTentative: false,
};
const link: Link = { ...sampleLink, addresses: [linkLocal] };

Deno.test("a link is usable when it is up, has a carrier and a checked address", () => {
  assert.deepEqual(toUsableLink(link), {
    name: "eth0",
    index: 2,
    mac: "52:54:00:12:34:56",
    address: "fe80::1",
  });
  const unusable: Partial<Link>[] = [
    { isUp: false },
    { hasCarrier: false },
    { isLoopback: true },
    { mac: "" },
    { addresses: [] },
    { addresses: [{ ...linkLocal, isTentative: true }] },
    { addresses: [{ ...linkLocal, scope: "global" }] },
  ];
  for (const change of unusable) assert.equal(toUsableLink({ ...link, ...change }), undefined);
});

Deno.test("the address of a link is made of its MAC address", () => {
  // the example of RFC 4291 appendix A, and one measured with Linux
  assert.equal(linkLocalAddress("34:56:78:9a:bc:de"), "fe80::3656:78ff:fe9a:bcde");
  assert.equal(linkLocalAddress("a6:67:ce:01:0d:85"), "fe80::a467:ceff:fe01:d85");
});

Deno.test("a link is made usable with an address that needs no waiting", () => {
  const address = "address replace fe80::5054:ff:fe12:3456/64 dev eth0 nodad";
  const up = "link set dev eth0 up";
  const cases: [Partial<Link>, string[]][] = [
    [{ isUp: false, hasCarrier: false, addresses: [] }, ["link set dev eth0 addrgenmode none", up, address]],
    [{ isUp: false }, [up]],
    [{ addresses: [] }, [address]],
    [{ addresses: [], hasCarrier: false }, []],
    [{ addresses: [{ ...linkLocal, isTentative: true }] }, []],
    [{ isUp: false, isLoopback: true, addresses: [] }, []],
    [{}, []],
  ];
  for (const [change, commands] of cases) {
    assert.deepEqual(planBringUp({ ...link, ...change }), commands);
  }
});

Deno.test("the image sets cards that are there at its start to what the agents set others to", async () => {
  const url = new URL("../../image/initrd/usr/lib/stiefelsystem/start-devices", import.meta.url);
  assert.equal(/^mtu=(\d+)$/m.exec(await Deno.readTextFile(url))?.[1], `${LARGE_MTU}`);
});

Deno.test("a VLAN's link has a name that fits, and tells cards apart", () => {
  for (
    const [card, id, name] of [
      ["eth0", 20, "eth0.20"],
      ["thunderbolt0", 20, "thunderbolt0.20"],
      ["thunderbolt0", 4094, "underbolt0.4094"],
      ["thunderbolt1", 4094, "underbolt1.4094"],
      ["enx001122334455", 1, "x001122334455.1"],
    ] as const
  ) assert.equal(vlanName(card, id), name);
});

Deno.test("with a VLAN each card is raised and gets a link of it, which alone gets an address", () => {
  const onCard = (change: Partial<Link>): Link => ({ ...link, name: "eth0.20", index: 7, lower: "eth0", ...change });
  const add = "link add link eth0 name eth0.20 type vlan id 20";
  const raised = ["link set dev eth0 addrgenmode none", "link set dev eth0 up"];
  const address = "address replace fe80::5054:ff:fe12:3456/64 dev eth0.20 nodad";
  const down = { isUp: false, hasCarrier: false, addresses: [] };
  for (
    const [one, all, commands] of [
      [{ ...link, ...down }, [], [...raised, add]],
      [link, [], [add]],
      [link, [onCard({})], []],
      // What is on another card, or another VLAN of the same.
      [link, [onCard({ name: "eth1.20", lower: "eth1" }), onCard({ name: "eth0.21" })], [add]],
      [onCard(down), [link], ["link set dev eth0.20 addrgenmode none", "link set dev eth0.20 up", address]],
      [onCard({ addresses: [] }), [link], [address]],
      [onCard({}), [link], []],
      [onCard({ ...down, name: "eth0.21" }), [link], []],
      [onCard({ ...down, name: "cable" }), [link], []],
      [{ ...link, ...down, isLoopback: true }, [], []],
      [{ ...link, ...down, mac: "" }, [], []],
    ] as const
  ) assert.deepEqual(planVlan(one, 20, [one, ...all]), commands, one.name);
});

Deno.test("with a VLAN laptop and desktop meet on its links alone, without one on every card", () => {
  const vlan: Link = { ...link, name: "eth0.20", lower: "eth0" };
  assert.deepEqual([link, vlan].map((each) => isMeetingPlace(each, 20)), [false, true]);
  assert.deepEqual([link, vlan].map((each) => isMeetingPlace(each, 21)), [false, false]);
  assert.deepEqual(
    [link, vlan].map((each) => isMeetingPlace(each, undefined)),
    [true, true],
    "a system's own one, too",
  );
  assert.equal(isMeetingPlace({ ...vlan, mac: "" }, 20), false);
});
