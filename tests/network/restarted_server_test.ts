/**
 * The server agent fails, or a card of the laptop, while a desktop runs from the disk: the desktop must not notice.
 */
import assert from "node:assert/strict";
import { attachDisk, createSite, type Site, startClient, startServer } from "./agents.ts";
import { createRig, rigTest, type RunningAgent } from "./rig.ts";

/** One every 0.1 s: longer than it takes to start an agent anew. */
const reads = 40;

interface Session {
  readonly site: Site;
  readonly server: RunningAgent;
  readonly client: RunningAgent;
}

async function connect(rig: Awaited<ReturnType<typeof createRig>>): Promise<Session> {
  const site = await createSite(rig);
  const server = startServer(rig.machine("laptop"), { site });
  await using first = startClient(rig.machine("desktop"), { site });
  assert.equal((await first.exited).exitCode, 0, first.lines.join("\n"));
  await server.waitForLine(/has all it needs/);
  const client = await attachDisk(rig.machine("desktop"), { reads });
  await server.waitForLine(/is connected to the disk/);
  return { site, server, client };
}

async function lend(rig: Awaited<ReturnType<typeof createRig>>): Promise<Omit<Session, "server">> {
  const { site, server, client } = await connect(rig);
  await server.kill();
  return { site, client };
}

rigTest(
  "a server that was killed is started again: the desktop reads on, another is refused, the end is seen",
  async () => {
    await using rig = await createRig([["laptop", "eth0", "desktop", "eth0"], ["laptop", "eth1", "other", "eth0"]]);
    const { site, client } = await lend(rig);
    await using _client = client;
    await using server = startServer(rig.machine("laptop"), { site });
    await server.waitForLine(/"desktop" \(.*\) has the disk; the agent before this one had lent it/);

    await using other = startClient(rig.machine("other"), { site });
    await other.waitForLine(/The disk is in use by "desktop"/);
    await client.exited;
    assert.doesNotMatch(client.lines.join("\n"), /error|failed/i);
    assert.equal(client.lines.filter((line) => line.startsWith("read 4096/4096")).length, reads);
    await server.waitForLine(/The desktop is done with the disk/, { timeoutMs: 30_000 });
    assert.ok(!(await rig.processes("laptop")).includes("nbdkit"));
    // and the other one gets it
    assert.equal((await other.exited).exitCode, 0, other.lines.join("\n"));
  },
);

rigTest("a card of the laptop goes and comes back: the desktop reads on", async () => {
  await using rig = await createRig([["laptop", "eth0", "desktop", "eth0"]]);
  const [laptop, desktop] = [rig.machine("laptop"), rig.machine("desktop")];
  const session = await connect(rig);
  await using server = session.server;
  await using disk = session.client;
  const show = ["ip", "-json", "-6", "address", "show", "dev", "eth0"];
  const own = /"local":"(fd[^"]+)"/.exec(await desktop.run(show))?.[1] ?? "";
  const mac = /"address":"([^"]+)"/.exec(await desktop.run(["ip", "-json", "link", "show", "dev", "eth0"]))?.[1] ?? "";
  await laptop.run(["ip", "link", "delete", "dev", "eth0"]);
  await rig.plug(["laptop", "eth0", "desktop", "eth0"]);
  // The pair went as a whole: the desktop's end gets back what a card would have kept.
  await desktop.run(["ip", "link", "set", "dev", "eth0", "address", mac, "mtu", "9000", "up"]);
  await desktop.run(["ip", "-6", "address", "add", `${own}/64`, "dev", "eth0", "nodad"]);
  await server.waitForLine(/^The link eth0 has the desktop's address again$/);
  await disk.exited;
  assert.doesNotMatch(disk.lines.join("\n"), /error|failed/i);
  assert.equal(disk.lines.filter((line) => line.startsWith("read 4096/4096")).length, reads);
});

rigTest(
  "A11: the desktop's address is taken from the laptop's link, which stays: it is given back, and the desktop reads on",
  async () => {
    await using rig = await createRig([["laptop", "eth0", "desktop", "eth0"]]);
    const laptop = rig.machine("laptop");
    const session = await connect(rig);
    await using server = session.server;
    await using disk = session.client;
    const takeAway = async (argv: readonly string[]): Promise<void> => {
      const from = server.lines.length;
      await laptop.run(argv);
      await server.waitForLine(/^The link eth0 has the desktop's address again$/, { from });
    };
    const show = ["ip", "-json", "-6", "address", "show", "dev", "eth0"];
    const own = /"local":"(fd[^"]+)"/.exec(await laptop.run(show))?.[1] ?? "";
    await takeAway(["ip", "-6", "address", "del", `${own}/64`, "dev", "eth0"]);
    await takeAway(["ip", "-6", "address", "flush", "dev", "eth0", "scope", "global"]);
    // all of them: the agent gives the link its own one back, too
    await takeAway(["ip", "link", "set", "dev", "eth0", "down"]);
    await disk.exited;
    assert.doesNotMatch(disk.lines.join("\n"), /error|failed/i);
    assert.equal(disk.lines.filter((line) => line.startsWith("read 4096/4096")).length, reads);
  },
);

rigTest("A7: a session that begins and ends while a new agent is starting is seen by it", async () => {
  await using rig = await createRig([["laptop", "eth0", "desktop", "eth0"]]);
  const site = await createSite(rig);
  const desktop = rig.machine("desktop");
  {
    await using first = startServer(rig.machine("laptop"), { site });
    await using client = startClient(desktop, { site });
    assert.equal((await client.exited).exitCode, 0, client.lines.join("\n"));
    await first.waitForLine(/has all it needs/);
    await first.kill();
  }
  // no server watches the export for a while; a new one starts in between
  const disk = await attachDisk(desktop, { reads: 1 });
  await using server = startServer(rig.machine("laptop"), { site });
  await disk.exited;
  assert.match(disk.lines.join("\n"), /^read 4096\/4096/m);
  await server.waitForLine(/^The desktop is done with the disk$/);
  assert.ok(!(await rig.processes("laptop")).includes("nbdkit"));
});

rigTest("the same desktop starts anew after its server was killed: its old export is ended first", async () => {
  await using rig = await createRig([["laptop", "eth0", "desktop", "eth0"]]);
  const { site, client } = await lend(rig);
  await using _client = client;
  await using server = startServer(rig.machine("laptop"), { site });
  await server.waitForLine(/had lent it/);
  await using again = startClient(rig.machine("desktop"), { site });
  assert.equal((await again.exited).exitCode, 0, again.lines.join("\n"));
  await server.waitForLine(/starts again: its earlier session is over/);
  assert.equal((await rig.processes("laptop")).filter((name) => name === "nbdkit").length, 1);
  await client.exited; // its connection was closed
});

rigTest("A3: an export that was killed while no agent ran stays its desktop's, which may start anew", async () => {
  await using rig = await createRig([["laptop", "eth0", "desktop", "eth0"]]);
  const { site, client } = await lend(rig);
  const laptop = rig.machine("laptop");
  const pids = (await laptop.run(["ip", "netns", "pids", laptop.namespace])).trim().split("\n");
  for (const pid of pids) await laptop.run(["kill", "-KILL", pid], { acceptExitCodes: [0, 1] });
  await client.exited;
  await using server = startServer(laptop, { site });
  await server.waitForLine(/its export ended while no agent ran/);
  await server.waitForLine(/THE DISK IS CUT OFF FROM ITS DESKTOP/);
  await using again = startClient(rig.machine("desktop"), { site });
  assert.equal((await again.exited).exitCode, 0, again.lines.join("\n"));
  await using disk = await attachDisk(rig.machine("desktop"), { reads: 1 });
  await disk.exited;
  await server.waitForLine(/^The desktop is done with the disk$/);
  assert.doesNotMatch(await laptop.run(["ip", "-6", "address", "show", "dev", "eth0"]), /inet6 fd/);
  await assert.rejects(Deno.stat(`${laptop.directory}/run/export.json`), Deno.errors.NotFound);
});
