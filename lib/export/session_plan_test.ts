import assert from "node:assert/strict";
import { nbdkitArguments } from "./nbd/nbdkit_arguments.ts";
import type { DiskReport } from "../disk/inspect_disk.ts";
import type { HelloMessage } from "../protocol/boot_exchange.ts";
import { formatSession, parseSession } from "../protocol/session.ts";
import { planSession } from "./session_plan.ts";

const hello: HelloMessage = {
  kind: "hello",
  protocol: 2,
  name: "desktop",
  link: { mac: "52:54:00:00:00:01" },
  disk: { transports: ["nbd"] },
};
const disk: DiskReport = {
  path: "/dev/sda",
  name: "sda",
  sizeBytes: 8192,
  logicalBlockSize: 4096,
  problems: [],
  notices: [],
};
const random = Uint8Array.from({ length: 23 }, (_, index) => index + 1);

Deno.test("on a link, both sides get addresses of a private network made for the session", () => {
  const plan = planSession({ hello, disk, random, arrival: { kind: "link", link: "eth0" } });
  assert.equal(plan.session.disk.address, "fd11:1213:1415:1617::1");
  assert.equal(plan.session.link.address, "fd11:1213:1415:1617::2/64");
  const neighbour = { address: "fd11:1213:1415:1617::2", mac: hello.link.mac };
  assert.deepEqual(plan.linkAddress, { link: "eth0", address: "fd11:1213:1415:1617::1/64", neighbour });
  assert.equal(plan.exportSettings.allowAddress, "fd11:1213:1415:1617::2");
  assert.equal(plan.session.disk.exportName, plan.exportSettings.exportName);
  assert.equal(plan.session.disk.blockSizeBytes, 4096);
});

Deno.test("through a router, both sides keep their addresses, and the client's way is repeated", () => {
  const way = { address: "198.51.100.20/25", gateway: "198.51.100.1", mtu: 1400 };
  const arrival = { kind: "address", localAddress: "192.0.2.10", remoteAddress: "198.51.100.20" } as const;
  const plan = planSession({ hello: { ...hello, link: { ...hello.link, ...way } }, disk, random, arrival });
  assert.deepEqual(plan.session.link, { mac: hello.link.mac, name: "stiefel0", ...way });
  assert.equal(plan.session.disk.address, "192.0.2.10");
  assert.equal(plan.linkAddress, undefined);
  assert.equal(plan.exportSettings.allowAddress, "198.51.100.20");
  assert.throws(() => planSession({ hello, disk, random, arrival }), /did not say its own/);
});

Deno.test("whatever is random, the session file and the export take it", () => {
  for (const fill of [0, 1, 255]) {
    const plan = planSession({
      hello,
      disk,
      random: new Uint8Array(23).fill(fill),
      arrival: { kind: "link", link: "eth0" },
    });
    assert.deepEqual(parseSession(formatSession(plan.session)), plan.session);
    nbdkitArguments(plan.exportSettings);
  }
});
