import assert from "node:assert/strict";
import { createScriptedUi } from "../../../tests/support/host_rig.ts";
import { createMadeUpLaptop } from "../../../tests/support/made_up_laptop.ts";
import { setupServer } from "./setup_server.ts";

/** All that a dry run shows, in order. */
async function dryRun(
  change: (laptop: Awaited<ReturnType<typeof createMadeUpLaptop>>) => Promise<void>,
): Promise<string> {
  const laptop = await createMadeUpLaptop();
  await change(laptop);
  const ui = createScriptedUi([]);
  await setupServer(laptop.system, ui, { ...laptop.setup, dryRun: true });
  return ui.said.join("\n");
}

Deno.test("a dry run names missing programs at its end, too, where a pager has taken the first lines away", async () => {
  const said = await dryRun(async ({ system }) => {
    await system.remove("/usr/sbin/nbd-client");
    await system.remove("/usr/sbin/kexec");
  });
  const [, ...parts] = said.split(/^Warning: (?=Programs are missing)/m);
  const expected =
    /^Programs are missing: nbd-client, kexec. Install them first: apt-get install \S* ?nbd-client kexec-tools$/m;
  assert.equal(parts.length, 2, said);
  for (const part of parts) assert.match(part, expected);
  assert.match(parts[0] ?? "", /^\[1\/\d+\] Write [\s\S]*Nothing was changed\.$/m);
  assert.match(parts[1] ?? "", /^Next: /m);
});

Deno.test("a dry run shows what else the user should know behind the plan, and nothing of that before it", async () => {
  const said = await dryRun(async ({ system }) => {
    await system.remove("/etc/os-release");
  });
  assert.match(said, /\[1\/\d+\] [\s\S]*^Warning: This distribution is not known[\s\S]*^Next: /m);
  assert.equal(said.match(/This distribution is not known/g)?.length, 1);
  assert.doesNotMatch(said, /Programs are missing/);
});
