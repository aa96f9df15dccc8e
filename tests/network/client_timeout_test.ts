/** A laptop that turned into a server for a desktop that does not come, or comes late. */
import assert from "node:assert/strict";
import { createSite, startServer } from "./agents.ts";
import { createRig, rigTest } from "./rig.ts";
import { layStandIns, type StandIns } from "./stand_ins.ts";

async function layEnds(directory: string): Promise<StandIns> {
  const write = (name: string): string => `echo "${name} $*" >> "$D/log"`;
  return await layStandIns(directory, { sync: write("sync"), reboot: write("reboot"), poweroff: write("poweroff") });
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
