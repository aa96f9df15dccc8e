/** A laptop's own system and a desktop that wants its disk: the real agents over a cable, up to the point where the machine would restart. */
import assert from "node:assert/strict";
import { createSite, startClient } from "./agents.ts";
import { type LaptopOptions, startLaptop } from "./autokexec_rig.ts";
import { createRig, type Machine, type Rig, rigTest } from "./rig.ts";

interface Scene extends AsyncDisposable {
  readonly rig: Rig;
  readonly site: Awaited<ReturnType<typeof createSite>>;
  readonly laptop: Machine;
  readonly desktop: Machine;
}

/** A laptop whose card is up, as its network manager keeps it. */
async function createScene(): Promise<Scene> {
  const rig = await createRig([["laptop", "eth0", "desktop", "eth0"]]);
  const site = await createSite(rig, { kernelBytes: 10, initramfsBytes: 10 });
  const [laptop, desktop] = [rig.machine("laptop"), rig.machine("desktop")];
  await laptop.run(["ip", "link", "set", "dev", "eth0", "up"]);
  return { rig, site, laptop, desktop, [Symbol.asyncDispose]: () => rig[Symbol.asyncDispose]() };
}

const start = (scene: Scene, options: Partial<LaptopOptions> = {}): ReturnType<typeof startLaptop> =>
  startLaptop(scene.laptop, { keyPath: scene.site.keyPath, countdownSeconds: 1, ...options });

const programsOf = (log: readonly string[]): readonly string[] =>
  log.map((line) => line.split(" ").slice(0, 2).join(" "));

rigTest("a desktop's claim loads the image, is announced, and restarts the laptop once", async () => {
  await using scene = await createScene();
  const { agent, readLog } = await start(scene);
  await using _agent = agent;
  await agent.waitForLine(/^Waiting for a desktop/);
  await using client = startClient(scene.desktop, { site: scene.site });
  await client.waitForLine(/"laptop" runs its own system \(link eth0\): asking it to restart/);
  await client.waitForLine(/It agrees/);
  await agent.waitForLine(/^Restarting as a stiefelsystem/);
  const log = await readLog();
  assert.deepEqual(programsOf(log), ["kexec --load", "wall --", "runuser -u", "systemctl kexec"], log.join("\n"));
  assert.match(log[0] ?? "", /--initrd=\S+\/laptop\/initrd --command-line=stiefel.role=server \S+\/laptop\/kernel$/);
  assert.match(log[1] ?? "", /The desktop ".+" asks .* in 1 second\. To prevent that: sudo systemctl stop/);
  await agent[Symbol.asyncDispose]();
  assert.deepEqual(await agent.exited, { exitCode: 0, signal: undefined });
  assert.ok(
    !(await readLog()).includes("kexec --unload"),
    "the shutdown's own end of the service takes the kernel away",
  );
});
