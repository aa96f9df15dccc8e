/** What a laptop does that turned into a server: when its desktop is done, and when none comes. */
import assert from "node:assert/strict";
import { attachDisk, createSite, type Site, startClient, startServer } from "./agents.ts";
import { createRig, type Machine, rigTest, type RunningAgent } from "./rig.ts";
import { layStandIns, type StandIns } from "./stand_ins.ts";

/** @param sync what the stand-in for sync(1) does besides */
async function layEnds(directory: string, sync = ""): Promise<StandIns> {
  const write = (name: string): string => `echo "${name} $*" >> "$D/log"\n`;
  const programs = { sync: write("sync") + sync, reboot: write("reboot"), poweroff: write("poweroff") };
  return await layStandIns(directory, programs);
}

/** A desktop that gets the disk, reads from it and lets it go, as one that shuts down: until the server knows. */
async function runSession(server: RunningAgent, desktop: Machine, site: Site): Promise<void> {
  const from = server.lines.length;
  await using client = startClient(desktop, { site });
  assert.equal((await client.exited).exitCode, 0, client.lines.join("\n"));
  await server.waitForLine(/has all it needs/, { from });
  await using disk = await attachDisk(desktop, { reads: 5 });
  await disk.exited;
  assert.equal(disk.lines.filter((line) => line.startsWith("read 4096/4096")).length, 5, disk.lines.join("\n"));
  await server.waitForLine(/^The desktop is done with the disk$/, { from });
}

rigTest("without a desktop the laptop goes back to its own system after the time that was set", async () => {
  await using rig = await createRig([["laptop", "eth0", "desktop", "eth0"]]);
  const site = await createSite(rig);
  const laptop = rig.machine("laptop");
  const ends = await layEnds(laptop.directory);
  await using server = startServer(laptop, {
    site,
    wrap: ends.wrap,
    args: ["--on-end", "reboot", "--client-timeout", "2"],
  });
  await server.waitForLine(/^No desktop for 2 s$/);
  await server.waitForLine(/^Starting this machine's own system$/);
  await ends.waitForLog(/^reboot/);
  assert.deepEqual((await ends.readLog()).map((line) => line.trim()), ["sync", "reboot"]);
});

rigTest("the laptop goes back to its own system also when something goes wrong on the way", async () => {
  await using rig = await createRig([["laptop", "eth0", "desktop", "eth0"]]);
  const site = await createSite(rig);
  const laptop = rig.machine("laptop");
  const ends = await layEnds(laptop.directory, '[ -n "$1" ] || exit 1');
  await using server = startServer(laptop, { site, wrap: ends.wrap, args: ["--on-end", "reboot"] });
  await runSession(server, rig.machine("desktop"), site);
  await server.waitForLine(/^Writing what is in memory failed: "sync" exited with status 1/);
  await ends.waitForLog(/^reboot/);
});

rigTest("when the desktop is done the laptop switches off, if that is wanted", async () => {
  await using rig = await createRig([["laptop", "eth0", "desktop", "eth0"]]);
  const site = await createSite(rig);
  const laptop = rig.machine("laptop");
  const ends = await layEnds(laptop.directory);
  await using server = startServer(laptop, { site, wrap: ends.wrap, args: ["--on-end", "poweroff"] });
  await runSession(server, rig.machine("desktop"), site);
  await server.waitForLine(/^Switching off$/);
  await ends.waitForLog(/^poweroff/);
  assert.deepEqual((await ends.readLog()).map((line) => line.trim()), [`sync ${site.diskPath}`, "sync", "poweroff"]);
});

rigTest(
  "a laptop that is to wait lends its disk to one desktop after the other, and does not end when none comes",
  async () => {
    await using rig = await createRig([["laptop", "eth0", "desktop", "eth0"], ["laptop", "eth1", "other", "eth0"]]);
    const site = await createSite(rig);
    const laptop = rig.machine("laptop");
    const ends = await layEnds(laptop.directory);
    const args = ["--client-timeout", "1"];
    await using server = startServer(laptop, { site, wrap: ends.wrap, args: ["--on-end", "wait", ...args] });
    const desktops = ["desktop", "other", "desktop"];
    for (const name of desktops) await runSession(server, rig.machine(name), site);
    assert.deepEqual(await ends.readLog(), desktops.map(() => `sync ${site.diskPath}`));
    assert.ok(!(await rig.processes("laptop")).includes("nbdkit"));

    // Another laptop tells when the time has passed for this one, too.
    const otherEnds = await layEnds(rig.machine("other").directory);
    await using other = startServer(rig.machine("other"), {
      site,
      wrap: otherEnds.wrap,
      args: ["--on-end", "reboot", ...args],
    });
    await other.waitForLine(/^No desktop for 1 s$/);
    await runSession(server, rig.machine("desktop"), site);
  },
);
