/** Laptop and desktop in two networks with a router between them, which gives addresses and knows names. */
import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { clientCommand, createSite, startClient, startServer } from "./agents.ts";
import { createRig, type Machine, type Rig, rigTest, type RunningAgent } from "./rig.ts";
import { layStandIns } from "./stand_ins.ts";

const script = fileURLToPath(new URL("../../image/initrd/usr/lib/stiefelsystem/dhcp-address", import.meta.url));

/** Gives addresses on both sides, and calls machines by the names they say. */
async function startRouter(rig: Rig): Promise<RunningAgent> {
  const router = rig.machine("router");
  // dnsmasq gives up its rights.
  await Deno.chmod(rig.directory, 0o755);
  for (const [link, network] of [["one", "192.0.2"], ["two", "198.51.100"]] as const) {
    await router.run(["ip", "link", "set", "dev", link, "up"]);
    await router.run(["ip", "address", "add", `${network}.1/24`, "dev", link]);
  }
  await router.run(["sysctl", "-qw", "net.ipv4.ip_forward=1"]);
  const dnsmasq = router.start([
    ...["dnsmasq", "--keep-in-foreground", "--conf-file=/dev/null", "--log-facility=-", "--leasefile-ro"],
    ...[
      "--pid-file=",
      "--no-resolv",
      "--no-hosts",
      "--no-ping",
      "--domain=office.example",
      "--log-dhcp",
      "--user=root",
    ],
    ...["--dhcp-range=192.0.2.50,192.0.2.90,1h", "--dhcp-range=198.51.100.50,198.51.100.90,1h"],
  ]);
  await dnsmasq.waitForLine(/started/);
  return dnsmasq;
}

/** The image's DHCP client, and a list of name servers that is the machine's own. */
async function imageOf(machine: Machine): Promise<(argv: readonly string[]) => readonly string[]> {
  const standIns = await layStandIns(machine.directory, {
    udhcpc: `for word; do shift
      [ "$word" != /usr/lib/stiefelsystem/dhcp-address ] || word=${script}
      set -- "$@" "$word"
    done
    exec busybox udhcpc "$@"`,
  });
  await Deno.mkdir(`${machine.directory}/run`, { recursive: true });
  const names = `${machine.directory}/resolv.conf`;
  await Deno.writeTextFile(names, "");
  return (argv) => standIns.wrap(["sh", "-c", 'mount --bind "$0" /etc/resolv.conf && exec "$@"', names, ...argv]);
}

const cables = [["laptop", "eth0", "router", "one"], ["desktop", "eth0", "router", "two"]] as const;

async function addressOf(machine: Machine): Promise<string | undefined> {
  return /inet (\S+) /.exec(await machine.run(["ip", "-4", "address", "show", "dev", "eth0"]))?.[1];
}

rigTest("both take an address by DHCP, and the desktop finds the laptop beyond a router by its name", async () => {
  await using rig = await createRig(cables);
  const [laptop, desktop] = [rig.machine("laptop"), rig.machine("desktop")];
  await using _router = await startRouter(rig);
  const site = await createSite(rig);
  await using server = startServer(laptop, { site, wrap: await imageOf(laptop), args: ["--listen", "dhcp"] });
  const listening = await server.waitForLine(/^Listening on 192\.0\.2\.\d+:\d+$/);
  await server.waitForLine(/^eth0 has the address 192\.0\.2\.\d+\/24, by DHCP$/);
  const wrap = await imageOf(desktop);
  await using client = desktop.start(
    wrap(clientCommand(desktop, { site, args: ["--server", "laptop.office.example"] })),
  );
  assert.equal((await client.exited).exitCode, 0, client.lines.join("\n"));
  const lines = client.lines.join("\n");
  assert.match(lines, /^eth0 has the address 198\.51\.100\.\d+\/24, by DHCP$/m);
  // The path was tried by its address: the router takes no jumbo frames.
  assert.match(lines, /^Packets of 9000 bytes do not come back on eth0/m);
  assert.match(lines, /^Connecting to laptop\.office\.example$/m);
  assert.match(lines, /^ {2}our address {3}198\.51\.100\.\d+\/24 on the card /m);
  assert.match(lines, new RegExp(`\\[${/on (.*):/.exec(listening)?.[1]?.replaceAll(".", "\\.")}\\]`));
  // It has ended without a start, and gives back what it had.
  assert.equal(await addressOf(desktop), undefined);
  assert.equal(await desktop.run(["ip", "-4", "route"]), "");
  assert.equal(await Deno.readTextFile(`${desktop.directory}/resolv.conf`), "");
  await server[Symbol.asyncDispose]();
  assert.equal(await addressOf(laptop), undefined);
});

rigTest(
  "without a server that gives addresses, a laptop that would take one is found at once by discovery",
  async () => {
    await using rig = await createRig([["laptop", "eth0", "desktop", "eth0"]]);
    const [laptop, desktop] = [rig.machine("laptop"), rig.machine("desktop")];
    const site = await createSite(rig);
    await using server = startServer(laptop, { site, wrap: await imageOf(laptop), args: ["--listen", "dhcp"] });
    await server.waitForLine(/Waiting for a desktop/);
    await using client = startClient(desktop, { site });
    assert.equal((await client.exited).exitCode, 0, client.lines.join("\n"));
    assert.match(client.lines.join("\n"), /^Found "laptop" on link eth0$/m);
    assert.ok((await rig.processes("laptop")).includes("busybox"), "it still asks");
  },
);

rigTest("agents that need no address ask for none", async () => {
  await using rig = await createRig([...cables, ["laptop", "eth1", "desktop", "eth1"]]);
  const [laptop, desktop] = [rig.machine("laptop"), rig.machine("desktop")];
  await using router = await startRouter(rig);
  const site = await createSite(rig);
  await using server = startServer(laptop, { site, wrap: await imageOf(laptop) });
  await server.waitForLine(/Waiting for a desktop/);
  await using client = startClient(desktop, { site });
  assert.equal((await client.exited).exitCode, 0, client.lines.join("\n"));
  assert.ok(!router.lines.some((line) => line.includes("DHCPDISCOVER")), router.lines.join("\n"));
});

/** It has seen that the cable is out: no hand is as quick as a test. */
async function waitForNoAddress(machine: Machine): Promise<void> {
  for (const endMs = performance.now() + 10_000; performance.now() < endMs;) {
    if (await addressOf(machine) === undefined) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error("It keeps its address although the cable is out");
}

rigTest("another network at the same card: its address takes the place of the one before", async () => {
  await using rig = await createRig([["laptop", "eth0", "router", "one"], ["router", "two", "elsewhere", "eth0"]]);
  const [laptop, router] = [rig.machine("laptop"), rig.machine("router")];
  await using _router = await startRouter(rig);
  const site = await createSite(rig);
  await using server = startServer(laptop, { site, wrap: await imageOf(laptop), args: ["--listen", "dhcp"] });
  await server.waitForLine(/^Listening on 192\.0\.2\.\d+:/);
  // The cable goes from one of the router's cards to the other.
  await router.run(["ip", "link", "set", "dev", "one", "down"]);
  await router.run(["ip", "address", "flush", "dev", "one"]);
  await router.run(["ip", "address", "flush", "dev", "two"]);
  await router.run(["ip", "address", "add", "198.51.100.1/24", "dev", "one"]);
  await waitForNoAddress(laptop);
  await router.run(["ip", "link", "set", "dev", "one", "up"]);
  await server.waitForLine(/^Listening on 198\.51\.100\.\d+:/);
  assert.match(await addressOf(laptop) ?? "", /^198\.51\.100\./);
  assert.match(await laptop.run(["ip", "-4", "route", "show", "default"]), /^default via 198\.51\.100\.1 .*\n$/);
});
