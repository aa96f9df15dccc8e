/** The disk's blocks through WireGuard, as tunnel_rig.ts has it: what crosses the cable, and what a desktop sees. */
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { rigTest } from "./rig.ts";
import {
  assertRead,
  attach,
  canReach,
  capture,
  lend,
  listNamespaces,
  runInside,
  secretKeys,
  startKeeper,
  startReader,
  uriOf,
  waitUntil,
} from "./tunnel_rig.ts";

rigTest(
  "the disk goes through a tunnel: who is on the cable neither reaches it nor reads it, and its end takes all away",
  async () => {
    const before = listNamespaces();
    await using lent = await lend();
    const { rig, site, server, client, fetched } = lent;
    const [laptop, desktop] = [rig.machine("laptop"), rig.machine("desktop")];
    await server.waitForLine(/go through WireGuard/);
    const { tunnel, disk, link } = fetched.session;
    assert.ok(tunnel);
    assert.notEqual(disk.address, tunnel.endpoint);
    const uri = uriOf(fetched.session);
    const name = uri.slice(uri.lastIndexOf("/") + 1);

    // The desktop itself, past the tunnel: with its address, its place on the link, and the name of the export.
    await desktop.run(["ip", "-6", "address", "add", link.address, "dev", "stiefel0", "nodad"]);
    assert.ok(!await canReach(desktop, uri.replace(disk.address, tunnel.endpoint)));
    await desktop.run(["ip", "-6", "route", "add", disk.address, "via", tunnel.endpoint, "dev", "stiefel0"]);
    assert.ok(!await canReach(desktop, uri));
    await desktop.run(["ip", "-6", "route", "del", disk.address, "dev", "stiefel0"]);

    const keys = secretKeys(fetched);
    await using captured = await capture(laptop, "eth0");
    // It ends with a goodbye.
    const root = await attach(rig, fetched, (where) => `nbdcopy "${where}" "${desktop.directory}/copy"`);
    await server.waitForLine(/is connected to the disk/);
    const wanted = await Deno.readFile(site.diskPath);
    assert.equal(Buffer.compare(await Deno.readFile(`${desktop.directory}/copy`), wanted), 0, "another disk");

    const bytes = Buffer.from(await captured.read(wanted.length + 1));
    assert.ok(bytes.length > wanted.length, `${bytes.length} bytes crossed the link`);
    for (let start = 0; start < wanted.length; start += 4096) {
      assert.equal(
        bytes.indexOf(wanted.subarray(start, start + 32)),
        -1,
        `the disk's bytes at ${start} crossed the link`,
      );
    }
    assert.equal(bytes.indexOf(name), -1, "the export's name crossed the link");

    // Keys are nowhere: neither in files nor on screens.
    assert.equal(await Deno.readTextFile(`${root}/stiefelsystem/tunnel.conf`), "");
    const left = await desktop.run(["grep", "-rlF", ...keys.flatMap((key) => ["-e", key]), `${root}/run`], {
      acceptExitCodes: [0, 1],
    });
    assert.equal(left, "");
    const shown = [...server.lines, ...client.lines].join("\n");
    assert.ok(keys.every((key) => !shown.includes(key)));

    await server.waitForLine(/The desktop is done with the disk/);
    assert.deepEqual(listNamespaces().filter((one) => !before.includes(one)), []);
    assert.ok(!(await rig.processes("laptop")).includes("wireguard-go"), "the laptop's end is still there");
    await desktop.run(["ip", "link", "delete", "dev", tunnel.name]);
  },
);

/** One every 0.1 s. */
const reads = 80;

rigTest("N2: what takes addresses from all links takes them from the tunnel, too; the desktop reads on", async () => {
  await using lent = await lend();
  const { rig, server, fetched } = lent;
  const desktop = rig.machine("desktop");
  const { tunnel, disk } = fetched.session;
  assert.ok(tunnel);
  const root = await attach(rig, fetched, () => ":");
  await using keeper = await startKeeper(desktop, root);
  const hasRoute = async (): Promise<boolean> =>
    (await desktop.run(["ip", "-6", "route", "show", "table", "local"])).includes(`${disk.address} dev ${tunnel.name}`);
  await desktop.run(["ip", "route", "del", disk.address, "dev", tunnel.name, "table", "local"]);
  await waitUntil(`the way to the disk is back: ${keeper.lines.join("\n")}`, hasRoute);

  await using reader = startReader(desktop, uriOf(fetched.session), reads);
  await server.waitForLine(/is connected to the disk/);
  const isWhole = async (): Promise<boolean> => {
    const addresses = await desktop.run(["ip", "-6", "address", "show", "dev", tunnel.name]);
    return addresses.includes(tunnel.address) && /[<,]UP[,>]/.test(addresses) && await hasRoute();
  };
  const write = (value: number): Promise<string> =>
    desktop.run(["sh", "-c", `echo ${value} >/proc/sys/net/ipv6/conf/all/disable_ipv6`]);
  const disturbances: readonly (readonly [string, () => Promise<string>])[] = [
    ["IPv6 is switched off for all", () => write(1)],
    ["and on again", () => write(0)],
    ["addresses are flushed", () => desktop.run(["ip", "-6", "address", "flush", "scope", "global"])],
    ["the tunnel is taken down", () => desktop.run(["ip", "link", "set", "dev", tunnel.name, "down"])],
    [
      "the link is taken down for a moment",
      () => desktop.run(["sh", "-c", "ip link set dev stiefel0 down && ip link set dev stiefel0 up"]),
    ],
  ];
  for (const [what, disturb] of disturbances) {
    await disturb();
    await waitUntil(what, isWhole);
  }
  // A program that takes the link down cannot raise it again: the program would be read from the disk.
  await desktop.run(["ip", "link", "set", "dev", "stiefel0", "down"]);
  await waitUntil("the link is taken down", isWhole);
  // With less than 1280 the kernel takes IPv6 away from a link.
  await desktop.run(["ip", "link", "set", "dev", "stiefel0", "mtu", "600"]);
  const size = async (): Promise<string> => await desktop.run(["cat", "/sys/class/net/stiefel0/mtu"]);
  await waitUntil("the link has an MTU that is too small", async () => await size() === "9000\n" && await isWhole());
  await assertRead(reader, reads);
  await server.waitForLine(/The desktop is done with the disk/);
  await desktop.run(["ip", "link", "delete", "dev", tunnel.name]);
});

rigTest("a desktop whose laptop has started anew says so on its console, and what to do", async () => {
  const before = listNamespaces();
  await using lent = await lend();
  const { rig, server, fetched } = lent;
  const desktop = rig.machine("desktop");
  const { tunnel } = fetched.session;
  assert.ok(tunnel);
  const root = await attach(rig, fetched, () => ":");
  await using keeper = await startKeeper(desktop, root);
  await using reader = startReader(desktop, uriOf(fetched.session), 10_000);
  await server.waitForLine(/is connected to the disk/);
  // No packet tells of it, and what is there afterwards knows no key of before.
  await runInside(lent, before, ["ip", "link", "delete", "dev", tunnel.name]);
  await keeper.waitForLine(/THE LAPTOP DOES NOT ANSWER/);
  await keeper.waitForLine(/If the laptop was switched off or has started anew meanwhile/);
  assert.doesNotMatch(reader.lines.join("\n"), /error|failed/i);
  await desktop.run(["ip", "link", "delete", "dev", tunnel.name]);
});
