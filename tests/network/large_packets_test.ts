/** Jumbo frames between the agents: used where they get through, and never in the way where they do not. */
import assert from "node:assert/strict";
import { parseSession } from "../../lib/protocol/session.ts";
import type { SessionParameters } from "../../lib/protocol/session_groups.ts";
import { createSite, startClient, startServer } from "./agents.ts";
import { createRig, type Machine, rigTest } from "./rig.ts";

async function readSession(desktop: Machine): Promise<SessionParameters> {
  const initramfs = new TextDecoder("latin1").decode(await Deno.readFile(`${desktop.directory}/run/initramfs`));
  const text = /STIEFEL_VERSION=2\n(?:STIEFEL_\w+=[^\n]*\n)+/.exec(initramfs)?.[0];
  assert.ok(text, "no session file in the initramfs");
  return parseSession(text);
}

async function readMtu(machine: Machine): Promise<string> {
  return (await machine.run(["cat", "/sys/class/net/eth0/mtu"])).trim();
}

rigTest("on a cable between two cards that take jumbo frames, the session has them", async () => {
  await using rig = await createRig([["laptop", "eth0", "desktop", "eth0"]]);
  const site = await createSite(rig);
  await using server = startServer(rig.machine("laptop"), { site });
  await using client = startClient(rig.machine("desktop"), { site });
  assert.equal((await client.exited).exitCode, 0, client.lines.join("\n"));
  await server.waitForLine(/has all it needs/);
  assert.equal((await readSession(rig.machine("desktop"))).link.mtu, 9000);
  assert.deepEqual([await readMtu(rig.machine("laptop")), await readMtu(rig.machine("desktop"))], ["9000", "9000"]);
});

rigTest("a laptop whose card was raised by another program with less decides", async () => {
  await using rig = await createRig([["laptop", "eth0", "desktop", "eth0"]]);
  const site = await createSite(rig);
  await rig.machine("laptop").run(["ip", "link", "set", "dev", "eth0", "mtu", "4000", "up"]);
  await using server = startServer(rig.machine("laptop"), { site });
  await using client = startClient(rig.machine("desktop"), { site });
  assert.equal((await client.exited).exitCode, 0, client.lines.join("\n"));
  await server.waitForLine(/has all it needs/);
  // Packets of 9000 bytes are lost on their way to it.
  assert.equal((await readSession(rig.machine("desktop"))).link.mtu, undefined);
  assert.equal(await readMtu(rig.machine("desktop")), "1500");
});

rigTest("a switch that swallows large packets is noticed before anything hangs", async () => {
  await using rig = await createRig([["laptop", "eth0", "switch", "left"], ["switch", "right", "desktop", "eth0"]]);
  const bridge = rig.machine("switch");
  await bridge.run(["ip", "link", "add", "dev", "bridge", "type", "bridge", "mcast_snooping", "0"]);
  for (const port of ["left", "right"]) await bridge.run(["ip", "link", "set", "dev", port, "master", "bridge", "up"]);
  await bridge.run(["ip", "link", "set", "dev", "bridge", "up"]);
  const site = await createSite(rig, { initramfsBytes: 20_000_000 });
  const [laptop, desktop] = [rig.machine("laptop"), rig.machine("desktop")];
  await using server = startServer(laptop, { site });
  await using client = startClient(desktop, { site });
  await client.waitForLine(/Found "laptop"/);
  const foundMs = performance.now();
  await client.waitForLine(/Packets of 9000 bytes do not come back on eth0: they have 1500 at most/);
  console.log(`noticed ${Math.round(performance.now() - foundMs)} ms after the laptop was found`);
  assert.equal((await client.exited).exitCode, 0, client.lines.join("\n"));
  await server.waitForLine(/has all it needs/);
  assert.equal((await readSession(desktop)).link.mtu, undefined);
  assert.deepEqual([await readMtu(laptop), await readMtu(desktop)], ["9000", "1500"]);
});
