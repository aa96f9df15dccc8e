/** Both agents, over cables. */
import assert from "node:assert/strict";
import { parseSession, type SessionParameters } from "../../lib/protocol/session.ts";
import { createSite, type Site, startClient, startServer } from "./agents.ts";
import { createRig, type Machine, rigTest } from "./rig.ts";

/** What the client put into its work directory, checked against what the server had. */
async function readFetched(machine: Machine, site: Site): Promise<SessionParameters> {
  assert.deepEqual(await Deno.readFile(`${machine.directory}/run/kernel`), site.kernel);
  const initramfs = await Deno.readFile(`${machine.directory}/run/initramfs`);
  assert.deepEqual(initramfs.subarray(0, site.initramfs.length), site.initramfs);
  const extra = new TextDecoder("latin1").decode(initramfs.subarray(site.initramfs.length));
  const session = /STIEFEL_VERSION=[^\0]*/.exec(extra)?.[0];
  assert.ok(session, "no session file in the initramfs");
  return parseSession(session);
}

/** What nbdinfo says about the export, as the desktop after kexec would see it. */
async function attach(machine: Machine, link: string, session: SessionParameters): Promise<string> {
  if (session.serverAddress.startsWith("fd")) {
    await machine.run(["ip", "-6", "address", "add", session.clientAddress, "dev", link, "nodad"]);
  }
  const host = session.serverAddress.includes(":") ? `[${session.serverAddress}]` : session.serverAddress;
  return await machine.run(["nbdinfo", `nbd://${host}:${session.port}/${session.exportName}`]);
}

rigTest("a desktop with two cables, one of them dead, finds the laptop, fetches, and may attach the disk", async () => {
  await using rig = await createRig([["laptop", "eth0", "desktop", "eth0"], ["void", "eth0", "desktop", "eth1"]]);
  const site = await createSite(rig);
  await using server = startServer(rig.machine("laptop"), { site });
  await server.waitForLine(/Waiting for a desktop/);
  await using client = startClient(rig.machine("desktop"), { site });
  assert.equal((await client.exited).exitCode, 0, client.lines.join("\n"));
  await server.waitForLine(/has all it needs/);

  const lines = client.lines.join("\n");
  for (const step of ["agent", "found", "fetched"]) {
    assert.match(lines, new RegExp(`^stiefelsystem: step=${step} uptime=[\\d.]+$`, "m"));
  }
  assert.match(lines, /Note: A notice/);
  assert.match(lines, /command line {2}root=UUID=1234 quiet x="a b" noresume/);
  const session = await readFetched(rig.machine("desktop"), site);
  const info = await attach(rig.machine("desktop"), "eth0", session);
  assert.match(info, /export-size: 1048576/);
  assert.match(info, /can_flush: true/);
  assert.match(info, /can_fua: true/);
  assert.match(info, /can_trim: true/);
  await server.waitForLine(/is connected to the disk/);
  await server.waitForLine(/The desktop is done with the disk/);
});
