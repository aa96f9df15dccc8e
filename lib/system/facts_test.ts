import assert from "node:assert/strict";
import { listBlockDevices, listLinks, parseBlockDevices, parseLinks, watchLinks } from "./facts.ts";
import { createRealSystem } from "./real.ts";

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
