/**
 * The autokexec agent beside the NetworkManager of Debian 13, on a cable with a router and DHCP server: neither takes
 * anything from the other.
 */
import assert from "node:assert/strict";
import { createSite, startClient } from "./agents.ts";
import { startLaptop } from "./autokexec_rig.ts";
import { type DebianTree, installDebian } from "./debian_tree.ts";
import { createRig, type Machine, rigTest, type RunningAgent } from "./rig.ts";

/** Router advertisements come every 5 s at most, and addresses of both families. */
async function startRouter(machine: Machine, debian: DebianTree): Promise<RunningAgent> {
  await machine.run(["ip", "link", "set", "dev", "eth0", "up"]);
  await machine.run(["ip", "address", "add", "192.0.2.1/24", "dev", "eth0"]);
  await machine.run(["ip", "address", "add", "2001:db8:1::1/64", "dev", "eth0", "nodad"]);
  const router = debian.start(machine, [
    ...["dnsmasq", "--keep-in-foreground", "--conf-file=/dev/null", "--log-facility=-", "--port=0", "--leasefile-ro"],
    ...["--interface=eth0", "--bind-dynamic", "--dhcp-range=192.0.2.50,192.0.2.90,1h"],
    ...["--dhcp-range=2001:db8:1::,ra-only,64,1h", "--enable-ra", "--ra-param=eth0,5,60"],
  ]);
  await router.waitForLine(/started/);
  return router;
}

async function startNetworkManager(machine: Machine, debian: DebianTree): Promise<AsyncDisposable> {
  const stack = new AsyncDisposableStack();
  const bus = stack.use(
    debian.start(machine, ["dbus-daemon", "--system", "--nofork", "--nopidfile", "--print-address"]),
  );
  try {
    await bus.waitForLine(/^unix:/);
    // "Debug" means that it stays in the foreground and logs to standard error.
    await stack.use(debian.start(machine, ["NetworkManager", "--debug"])).waitForLine(/acquired D-Bus service/);
  } catch (error) {
    await stack.disposeAsync();
    throw error;
  }
  return stack;
}

/** Addresses and default routes, without what counts down. */
async function readNetwork(machine: Machine): Promise<string> {
  const parts = await Promise.all([
    machine.run(["ip", "-oneline", "address", "show", "dev", "eth0"]),
    machine.run(["ip", "-4", "route", "show", "default"]),
    machine.run(["ip", "-6", "route", "show", "default"]),
  ]);
  return parts.join("").replaceAll(/(_lft|expires) \d+sec/g, "$1");
}

/** Until it is like that. @throws with what it was last, when that takes too long */
async function waitForNetwork(machine: Machine, isThere: (network: string) => boolean): Promise<string> {
  const limitMs = performance.now() + 30_000;
  for (;;) {
    const network = await readNetwork(machine);
    if (isThere(network)) return network;
    if (performance.now() > limitMs) throw new Error(`Not in time; it is:\n${network}`);
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
}

const isConnected = (network: string): boolean =>
  [/ 192\.0\.2\.\d+\/24 /, / 2001:db8:1:/, /^default via 192\.0\.2\.1 .*proto dhcp/m, /^default via fe80:/m]
    .every((pattern) => pattern.test(network)) && !network.includes("tentative");

rigTest(
  "a card that the agent has raised is connected by NetworkManager, and heard again when that lets go of it",
  async () => {
    await using debian = await installDebian(["network-manager", "dbus", "dnsmasq-base"]);
    await using rig = await createRig([["laptop", "eth0", "desktop", "eth0"]]);
    const site = await createSite(rig, { kernelBytes: 10, initramfsBytes: 10 });
    const [laptop, desktop] = [rig.machine("laptop"), rig.machine("desktop")];
    await using router = await startRouter(desktop, debian);
    const options = { keyPath: site.keyPath, countdownSeconds: 600, flags: ["wired-cards"] };
    {
      const { agent } = await startLaptop(laptop, options);
      await using _agent = agent;
      await agent.waitForLine(/^Bringing eth0 up to hear desktops/);
      await laptop.linkLocalAddress("eth0");
      // Only lines from now on: the card is up.
      const advertised = router.lines.filter((line) => line.includes("RTR-ADVERT")).length;
      const isAdvertised = (): boolean =>
        router.lines.filter((line) => line.includes("RTR-ADVERT")).length > advertised;
      const network = await waitForNetwork(laptop, isAdvertised);
      assert.doesNotMatch(network, /2001:db8|default/, "nobody asked for what the router offers");
    }
    await using _networkManager = await startNetworkManager(laptop, debian);
    const connected = await waitForNetwork(laptop, isConnected);
    assert.doesNotMatch(await debian.run(laptop, ["nmcli", "--terse", "device"]), /^eth0:.*externally/m);

    const { agent } = await startLaptop(laptop, options);
    await using _agent = agent;
    await agent.waitForLine(/^Waiting for a desktop/);
    {
      await using client = startClient(desktop, { site });
      await client.waitForLine(/It agrees/);
    }
    assert.equal(await readNetwork(laptop), connected, "the agent changes nothing");

    await debian.run(laptop, ["nmcli", "device", "disconnect", "eth0"]);
    await agent.waitForLine(/^Giving eth0 a link-local address/);
    await using client = startClient(desktop, { site });
    await client.waitForLine(/asking it to restart/);
    assert.doesNotMatch(await readNetwork(laptop), /2001:db8|192\.0\.2\.|default/, "who disconnects means it");
  },
);
