import assert from "node:assert/strict";
import { nbdkitArguments } from "./nbd/nbdkit_arguments.ts";
import type { DiskReport } from "../disk/inspect_disk.ts";
import type { HelloMessage } from "../protocol/boot_exchange.ts";
import { formatSession, parseSession } from "../protocol/session.ts";
import { transportNames } from "./needs.ts";
import { formatLendSettings } from "./nvme_tcp/nvme_export.ts";
import { planSession, SESSION_RANDOM_BYTES } from "./session_plan.ts";

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
const random = Uint8Array.from({ length: 39 }, (_, index) => index + 1);

Deno.test("on a link, both sides get addresses of a private network made for the session", () => {
  const plan = planSession({ hello, disk, random, transport: "nbd", arrival: { kind: "link", link: "eth0" } });
  assert.equal(plan.session.disk.address, "fd21:2223:2425:2627::1");
  assert.equal(plan.session.link.address, "fd21:2223:2425:2627::2/64");
  const neighbour = { address: "fd21:2223:2425:2627::2", mac: hello.link.mac };
  assert.deepEqual(plan.linkAddress, { link: "eth0", address: "fd21:2223:2425:2627::1/64", neighbour });
  const { session: { disk: lent }, exportSettings } = plan;
  assert.ok(lent.transport === "nbd" && exportSettings.transport === "nbd");
  assert.equal(exportSettings.allowAddress, "fd21:2223:2425:2627::2");
  assert.equal(lent.exportName, exportSettings.exportName);
  assert.equal(plan.session.disk.blockSizeBytes, 4096);
});

Deno.test("through a router, both sides keep their addresses, and the client's way is repeated", () => {
  const way = { address: "198.51.100.20/25", gateway: "198.51.100.1", mtu: 1400 };
  const arrival = { kind: "address", localAddress: "192.0.2.10", remoteAddress: "198.51.100.20" } as const;
  const plan = planSession({
    hello: { ...hello, link: { ...hello.link, ...way } },
    disk,
    random,
    transport: "nbd",
    arrival,
  });
  assert.deepEqual(plan.session.link, { mac: hello.link.mac, name: "stiefel0", ...way });
  assert.equal(plan.session.disk.address, "192.0.2.10");
  assert.equal(plan.linkAddress, undefined);
  assert.ok(plan.exportSettings.transport === "nbd" && plan.exportSettings.allowAddress === "198.51.100.20");
  assert.throws(() => planSession({ hello, disk, random, transport: "nbd", arrival }), /did not say its own/);
});

Deno.test("whatever is random, the session file and the export take it", () => {
  for (const transport of transportNames) {
    for (const fill of [0, 1, 255]) {
      const { session, exportSettings } = planSession({
        hello,
        disk,
        transport,
        random: new Uint8Array(SESSION_RANDOM_BYTES).fill(fill),
        arrival: { kind: "link", link: "eth0" },
      });
      assert.deepEqual(parseSession(formatSession(session)), session);
      assert.equal(session.disk.transport, transport);
      if (exportSettings.transport === "nbd") nbdkitArguments(exportSettings);
      else formatLendSettings(exportSettings);
    }
  }
});
