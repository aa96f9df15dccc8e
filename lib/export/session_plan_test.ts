import assert from "node:assert/strict";
import { nbdkitArguments } from "./nbd/nbdkit_arguments.ts";
import type { DiskReport } from "../disk/inspect_disk.ts";
import type { Engine } from "../formats/engine.ts";
import type { HelloMessage } from "../protocol/boot_exchange.ts";
import { engineTransport } from "../formats/engine.ts";
import { formatSession, parseSession } from "../protocol/session.ts";
import { lendingTransports } from "./needs.ts";
import { formatLendSettings } from "./nvme_tcp/nvme_export.ts";
import { planSession, SESSION_RANDOM_BYTES } from "./session_plan.ts";
import { findNotTaken } from "../protocol/unknown_groups.ts";
import { TUNNEL_RANDOM_BYTES } from "./tunnel/plan_tunnel.ts";
import { makeTunnelKeys } from "./tunnel/wireguard_config.ts";

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
const engine: Engine = {
  addresses: ["192.0.2.10", "192.0.2.11"],
  port: 4420,
  subsystem: "nqn.2011-06.com.truenas:uuid:68bf9433-63ef-49f5-a921-4c0f8190fd94:desk",
  host: "nqn.2014-08.org.nvmexpress:uuid:22222222-2222-4222-8222-222222222222",
  hostId: "22222222-2222-4222-8222-222222222222",
  namespaceId: 3,
  desktop: "192.0.2.50/24",
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
  assert.equal(lent.blockSizeBytes, 4096);
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
  assert.throws(() => planSession({ hello, disk, random, transport: "nbd", arrival }), /did not send its own/);
});

Deno.test("a desktop that came over a VLAN goes on over it", () => {
  const { session, linkAddress } = planSession({
    hello: { ...hello, link: { ...hello.link, vlan: 20 } },
    ...{ disk, random, transport: "nbd" },
    arrival: { kind: "link", link: "eth0.20" },
  });
  assert.equal(session.link.vlan, 20);
  assert.equal(linkAddress?.link, "eth0.20");
});

Deno.test("of two links the smaller one decides how large packets are; without a word Ethernet's size", () => {
  for (
    const [mtu, laptopMtu, wanted] of [
      [undefined, 9000, undefined],
      [9000, 9000, 9000],
      [9000, 4000, 4000],
      [4000, 9000, 4000],
      [9000, 1500, undefined],
      [9000, 1400, undefined],
      [9000, undefined, undefined],
      [1400, 9000, 1400],
    ] as const
  ) {
    const link = { ...hello.link, ...mtu === undefined ? {} : { mtu } };
    const arrival = { kind: "link", link: "eth0" } as const;
    const plan = planSession({ hello: { ...hello, link }, disk, random, transport: "nbd", arrival, laptopMtu });
    assert.equal(plan.session.link.mtu, wanted, `${mtu}, ${laptopMtu}`);
  }
});

Deno.test("whatever is random, the session file and the export take it", () => {
  for (const transport of lendingTransports) {
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
      else if (exportSettings.transport === "nvme-tcp") formatLendSettings(exportSettings);
    }
  }
});

Deno.test("with a tunnel the export listens inside of it alone, whatever the link's addresses are", async () => {
  const tunnel = {
    keys: await makeTunnelKeys(new Uint8Array(32).fill(1)),
    presharedKey: new Uint8Array(32).fill(2),
    random: new Uint8Array(TUNNEL_RANDOM_BYTES).fill(3),
  };
  const client = { ...hello, tunnel: { publicKey: "ab".repeat(32) } };
  const routed = {
    ...client,
    link: { ...hello.link, address: "198.51.100.20/25", gateway: "198.51.100.1", mtu: 1400 },
  };
  const byAddress = { kind: "address", localAddress: "192.0.2.10", remoteAddress: "198.51.100.20" } as const;
  const cases = [
    [client, { kind: "link", link: "eth0" }, "fd21:2223:2425:2627::1", 1420],
    [routed, byAddress, "192.0.2.10", 1320],
  ] as const;
  for (const [said, arrival, endpoint, mtu] of cases) {
    const plan = planSession({ hello: said, disk, transport: "nbd", random, arrival, tunnel });
    const { session, exportSettings, tunnel: raised } = plan;
    assert.deepEqual([session.tunnel?.endpoint, session.tunnel?.mtu, raised?.mtu], [endpoint, mtu, mtu]);
    assert.equal(session.disk.address, raised?.address);
    assert.equal(session.tunnel?.address, `${raised?.peerAddress}/128`);
    assert.equal(exportSettings.namespace, raised?.namespace);
    assert.ok("listenAddress" in exportSettings && exportSettings.listenAddress === raised?.address);
    assert.deepEqual(parseSession(formatSession(session)), session);
  }
  // One that has none in its hello learns that it cannot be served; nothing is planned in the open.
  const older = planSession({ hello, disk, transport: "nbd", random, arrival: { kind: "link", link: "eth0" }, tunnel });
  assert.match(findNotTaken(hello, older.session) ?? "", /the group "tunnel"/);
});

Deno.test("where an engine lends the disk, the session names it and its secret, and nothing of the laptop's", () => {
  const secret = { hostKey: "DHHC-1:00:AAAA:" };
  const inputs = { hello, disk, random, transport: engineTransport, engine, secret } as const;
  const plan = planSession({ ...inputs, arrival: { kind: "link", link: "eth0" } });
  assert.deepEqual([plan.linkAddress, plan.tunnel], [undefined, undefined]);
  const { session } = plan;
  assert.equal(session.link.address, "192.0.2.50/24");
  assert.deepEqual(session.disk, {
    transport: engineTransport,
    address: "192.0.2.10",
    secondAddress: "192.0.2.11",
    ...{ port: 4420, subsystem: engine.subsystem, host: engine.host, hostId: engine.hostId, namespaceId: 3, queues: 4 },
  });
  assert.deepEqual(session.secret, secret);
  const { secret: _, ...inFile } = session;
  const text = formatSession(session);
  assert.deepEqual(parseSession(text), inFile);
  assert.doesNotMatch(text, /DHHC|SECRET=/);
  // It comes by an address, and boots with that of the settings all the same.
  const byAddress = { kind: "address", localAddress: "198.51.100.1", remoteAddress: "198.51.100.2" } as const;
  assert.deepEqual(planSession({ ...inputs, arrival: byAddress }).session, session);
});
