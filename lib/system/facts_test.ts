import assert from "node:assert/strict";
import {
  isWiredCard,
  listBlockDevices,
  listLinks,
  parseBlockDevices,
  parseLinks,
  readLinkSpeed,
  readVlan,
  watchLinks,
} from "./facts.ts";
import { createRealSystem } from "./real.ts";
import { createMemorySystem } from "../../tests/support/memory_system.ts";

Deno.test("links: a wired one with a global and a link-local address, one that is tentative, one without a cable", () => {
  // iproute2 6.15, Debian 13
  const links = parseLinks(JSON.stringify([
    {
      ifindex: 2,
      ifname: "enp0s2",
      flags: ["BROADCAST", "MULTICAST", "UP", "LOWER_UP"],
      mtu: 1500,
      address: "52:54:00:AA:00:01",
      addr_info: [
        { family: "inet", local: "192.0.2.7", prefixlen: 24, scope: "global" },
        { family: "inet6", local: "fe80::1", prefixlen: 64, scope: "link", tentative: true },
      ],
    },
    {
      ifindex: 3,
      ifname: "enp0s3",
      flags: ["NO-CARRIER", "UP"],
      mtu: 1500,
      address: "52:54:00:aa:00:02",
      addr_info: [],
    },
    {},
  ]));
  assert.equal(links.length, 2);
  assert.equal(links[0]?.mac, "52:54:00:aa:00:01");
  assert.deepEqual(links[0]?.addresses.map(({ scope, isTentative }) => [scope, isTentative]), [
    ["global", false],
    ["link", true],
  ]);
  assert.deepEqual(links.map((link) => link.hasCarrier), [true, false]);
});

Deno.test("block devices: absent values are left out, children are kept", () => {
  const [disk] = parseBlockDevices(JSON.stringify({
    blockdevices: [{
      name: "nvme0n1",
      path: "/dev/nvme0n1",
      type: "disk",
      size: 512110190592,
      ro: false,
      rm: false,
      "log-sec": 512,
      model: "Example SSD ",
      serial: null,
      tran: "nvme",
      mountpoints: [null],
      children: [{
        name: "nvme0n1p1",
        path: "/dev/nvme0n1p1",
        type: "part",
        size: 1048576,
        ro: false,
        rm: false,
        "log-sec": 512,
        fstype: "vfat",
        parttype: "C12A7328-F81F-11D2-BA4B-00A0C93EC93B",
        mountpoints: ["/boot/efi"],
      }],
    }],
  }));
  assert.equal(disk?.model, "Example SSD");
  assert.equal(Object.hasOwn(disk ?? {}, "serial"), false);
  assert.deepEqual(disk?.mountPoints, []);
  assert.equal(disk?.children[0]?.partType, "c12a7328-f81f-11d2-ba4b-00a0c93ec93b");
  assert.deepEqual(disk?.children[0]?.mountPoints, ["/boot/efi"]);
});

Deno.test("this machine has a loopback link and answers for its disks", async () => {
  const system = createRealSystem();
  const links = await listLinks(system);
  assert.ok(links.some((link) => link.isLoopback));
  await listBlockDevices(system);
});

Deno.test("watching links tells the present state and ends when asked", async () => {
  const controller = new AbortController();
  let seen = 0;
  await watchLinks(createRealSystem(), (links) => {
    seen = links.length;
    controller.abort();
  }, controller.signal);
  assert.ok(seen > 0);
});

/** What the kernel's sources have for a cable to another computer (drivers/thunderbolt/xdomain.c, Linux 6.12). */
const thunderbolt: Readonly<Record<string, string>> = {
  "/sys/class/net/thunderbolt0/uevent": "INTERFACE=thunderbolt0\nIFINDEX=5\n",
  "/sys/class/net/thunderbolt0/device/uevent":
    "DEVTYPE=thunderbolt_service\nDRIVER=thunderbolt-net\nMODALIAS=tbsvc:knetworkp00000001v00000001r00000001\n",
  "/sys/class/net/thunderbolt0/device/../rx_speed": "20.0 Gb/s\n",
  "/sys/class/net/thunderbolt0/device/../rx_lanes": "2\n",
  "/sys/class/net/eth0/speed": "1000\n",
  "/sys/class/net/eth0/device/../rx_speed": "20.0 Gb/s\n",
};
const readerOf = (files: Readonly<Record<string, string>>) =>
  createMemorySystem({ commands: [([program, path = ""]) => program === "cat" ? files[path] ?? 1 : undefined] });

Deno.test("a Thunderbolt cable to another computer is a wired card, as fast as its lanes together", async () => {
  assert.equal(await isWiredCard(readerOf(thunderbolt), "thunderbolt0"), true);
  for (
    const [changes, speed] of [
      [{}, 40_000],
      [{ "rx_lanes": "1\n" }, 20_000],
      [{ "rx_speed": "10.0 Gb/s\n" }, 20_000],
      [{ "rx_lanes": "" }, undefined],
      [{ "rx_lanes": "two\n" }, undefined],
      [{ "rx_speed": "fast\n" }, undefined],
    ] as const
  ) {
    const changed = Object.fromEntries(
      Object.entries<string>(changes).map(([name, text]) => [`/sys/class/net/thunderbolt0/device/../${name}`, text]),
    );
    assert.equal(await readLinkSpeed(readerOf({ ...thunderbolt, ...changed }), "thunderbolt0"), speed);
  }
  assert.equal(await readLinkSpeed(readerOf({}), "thunderbolt0"), undefined, "a kernel before 5.11");
  // What the driver itself tells counts.
  const told = { ...thunderbolt, "/sys/class/net/thunderbolt0/speed": "20000\n" };
  assert.equal(await readLinkSpeed(readerOf(told), "thunderbolt0"), 20_000);
  assert.equal(await readLinkSpeed(readerOf(thunderbolt), "eth0"), 1000);
});

Deno.test("a link on another one names it; the number of a VLAN is the kernel's", async () => {
  const [vlan, tunnel, card] = parseLinks(JSON.stringify([
    { ifindex: 3, link: "eth0", ifname: "eth0.20", flags: [], mtu: 1500, address: "52:54:00:aa:00:02", addr_info: [] },
    { ifindex: 4, link: null, ifname: "sit0", flags: ["NOARP"], mtu: 1480, addr_info: [] },
    { ifindex: 2, ifname: "eth0", flags: [], mtu: 1500, address: "52:54:00:aa:00:02", addr_info: [] },
  ]));
  assert.deepEqual([vlan?.lower, tunnel?.name, tunnel?.lower, card?.lower], ["eth0", "sit0", undefined, undefined]);
  const text =
    "eth0.20  VID: 20\t REORDER_HDR: 1  dev->priv_flags: 1021\n         total frames received            0\n";
  assert.equal(await readVlan(readerOf({ "/proc/net/vlan/eth0.20": text }), "eth0.20"), 20);
  assert.equal(await readVlan(readerOf({}), "eth0"), undefined);
});
