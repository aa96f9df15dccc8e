/**
 * A laptop's own system and a desktop that wants its disk: the real agents over a cable, up to the point where the
 * machine would restart.
 */
import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { createSite, type Site, startClient, startServer } from "./agents.ts";
import { type Laptop, type LaptopOptions, startLaptop } from "./autokexec_rig.ts";
import { createRig, type Machine, type Rig, rigTest } from "./rig.ts";

const script = fileURLToPath(new URL("./claimant.ts", import.meta.url));

interface Scene extends AsyncDisposable {
  readonly rig: Rig;
  readonly site: Site;
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

async function start(scene: Scene, options: Partial<LaptopOptions> = {}): Promise<Laptop & AsyncDisposable> {
  const laptop = await startLaptop(scene.laptop, { keyPath: scene.site.keyPath, countdownSeconds: 1, ...options });
  await laptop.agent.waitForLine(/^Waiting for a desktop/);
  return { ...laptop, [Symbol.asyncDispose]: () => laptop.agent[Symbol.asyncDispose]() };
}

/** @returns the line it ends with */
async function runClaimant(scene: Scene, mode: string, args: readonly string[]): Promise<string> {
  const { desktop, site } = scene;
  await desktop.run(["ip", "link", "set", "dev", "eth0", "up"]);
  const address = await desktop.linkLocalAddress("eth0");
  await scene.laptop.linkLocalAddress("eth0");
  const index = /"ifindex":(\d+)/.exec(await desktop.run(["ip", "-json", "link", "show", "dev", "eth0"]))?.[1] ?? "";
  const grants = ["--quiet", "--unstable-net", "--allow-net", `--allow-read=${site.keyPath}`];
  const argv = [Deno.execPath(), "run", ...grants, script, mode, "eth0", index, address, site.keyPath, ...args];
  await using claimant = desktop.start(argv);
  return await claimant.waitForLine(/^(?:claimed|done) /, { timeoutMs: 60_000 });
}

/** The programs of a log, each with its first argument. */
const programsOf = (log: readonly string[]): readonly string[] =>
  log.map((line) => line.split(" ").slice(0, 2).join(" "));

const inOrder = ["kexec --load", "wall --", "runuser -u", "systemctl kexec"];

rigTest("a desktop's claim loads the image, is announced, and restarts the laptop", async () => {
  await using scene = await createScene();
  await using laptop = await start(scene);
  await using client = startClient(scene.desktop, { site: scene.site });
  await client.waitForLine(/"laptop" runs its own system \(link eth0\): asking it to restart/);
  await client.waitForLine(/It agrees/);
  await laptop.agent.waitForLine(/^Restarting as a stiefelsystem/);
  await laptop.waitForLog(/^systemctl kexec$/);
  const log = await laptop.readLog();
  assert.deepEqual(programsOf(log).toSorted(), inOrder.toSorted(), log.join("\n"));
  assert.deepEqual([programsOf(log)[0], programsOf(log).at(-1)], ["kexec --load", "systemctl kexec"]);
  assert.match(log[0] ?? "", /--initrd=\S+\/laptop\/initrd --command-line=stiefel.role=server \S+\/laptop\/kernel$/);
  assert.match(
    log.join("\n"),
    /^wall -- The desktop ".+" asks .* in 1 second\. To prevent that: sudo systemctl stop/m,
  );
  await laptop.agent[Symbol.asyncDispose]();
  assert.deepEqual(await laptop.agent.exited, { exitCode: 0, signal: undefined });
  assert.ok(!(await laptop.readLog()).includes("kexec --unload"), "the shutdown must not take its own kernel away");
});

rigTest(
  "a thousand forged, replayed and stale messages restart nothing; claims that come again restart once",
  async () => {
    await using scene = await createScene();
    let recorded: readonly string[];
    {
      await using laptop = await start(scene);
      const line = await runClaimant(scene, "claim", ["5"]);
      await laptop.waitForLog(/^systemctl kexec$/);
      assert.deepEqual(
        programsOf(await laptop.readLog()).toSorted(),
        inOrder.toSorted(),
        "five claims, each played 20 times",
      );
      recorded = [...line.matchAll(/=([0-9a-f]+)/g)].map((match) => match[1] ?? "");
      assert.equal(recorded.length, 2);
    }
    await using laptop = await start(scene);
    const attack = async (): Promise<void> => {
      const line = await runClaimant(scene, "attack", recorded);
      assert.match(line, /sent=1000 /);
      // two rates (ours, strangers') of a burst of 10 and 5 per second for some 12 s
      assert.ok(Number(/replies=(\d+)/.exec(line)?.[1]) < 180, line);
    };
    await attack();
    const memoryBefore = await laptop.agent.readMemoryKiB();
    await attack();
    await attack();
    const memoryAfter = await laptop.agent.readMemoryKiB();
    console.log(`resident: ${memoryBefore} KiB after 1,000 messages, ${memoryAfter} KiB after 3,000`);
    assert.ok(memoryAfter - memoryBefore < 8 * 1024, `memory grew from ${memoryBefore} to ${memoryAfter} KiB`);
    assert.deepEqual(await laptop.readLog(), []);
    assert.ok(laptop.agent.lines.length < 10, laptop.agent.lines.join("\n"));

    await runClaimant(scene, "claim", ["1"]);
    await laptop.waitForLog(/^systemctl kexec$/);
    assert.deepEqual(programsOf(await laptop.readLog()).toSorted(), inOrder.toSorted());
  },
);

rigTest("stopping the service cancels: the image is taken out again, and users get a message", async () => {
  await using scene = await createScene();
  await using laptop = await start(scene, { countdownSeconds: 600 });
  await runClaimant(scene, "claim", ["1"]);
  await laptop.waitForLog(/^runuser .*--action=cancel=Cancel/);
  await laptop.agent[Symbol.asyncDispose]();
  assert.deepEqual(await laptop.agent.exited, { exitCode: 0, signal: undefined });
  const log = await laptop.readLog();
  assert.ok(log.includes("kexec --unload") && !log.some((line) => line.startsWith("systemctl")), log.join("\n"));
  assert.match(log.join("\n"), /^wall -- Cancelled/m);
});

rigTest("a stop after the countdown still cancels as long as the shutdown was not asked for", async () => {
  await using scene = await createScene();
  await using laptop = await start(scene, { countdownSeconds: 0, flags: ["hang-late"] });
  await runClaimant(scene, "claim", ["1"]);
  await laptop.agent.waitForLine(/^Restarting as a stiefelsystem/);
  await laptop.agent[Symbol.asyncDispose]();
  const log = await laptop.readLog();
  assert.ok(log.includes("kexec --unload") && !log.includes("systemctl kexec"), log.join("\n"));
});

rigTest("the button of the notification cancels, and the laptop tells the desktop that it declines", async () => {
  await using scene = await createScene();
  await using laptop = await start(scene, { countdownSeconds: 600, flags: ["press-cancel"] });
  await using client = startClient(scene.desktop, { site: scene.site });
  await client.waitForLine(/"laptop" runs its own system .* and will not restart for now/);
  const log = await laptop.readLog();
  assert.ok(log.includes("kexec --unload") && !log.some((line) => line.startsWith("systemctl")), log.join("\n"));
});

rigTest("a laptop that slept during the countdown restarts only when it is asked again", async () => {
  await using scene = await createScene();
  await using laptop = await start(scene, { countdownSeconds: 2 });
  {
    await using _client = startClient(scene.desktop, { site: scene.site });
    await laptop.waitForLog(/^wall -- The desktop/);
  }
  await Deno.writeTextFile(`${scene.laptop.directory}/slept`, "");
  await laptop.agent.waitForLine(/^Cancelled: this computer was asleep meanwhile/);
  await laptop.waitForLog(/^kexec --unload$/);
  assert.ok(!(await laptop.readLog()).includes("systemctl kexec"));
  await using _again = startClient(scene.desktop, { site: scene.site });
  await laptop.waitForLog(/^systemctl kexec$/);
});

rigTest("a laptop that cannot kexec says so, shuts nothing down, and declines", async () => {
  await using scene = await createScene();
  await using laptop = await start(scene, { flags: ["no-kexec"] });
  await laptop.agent.waitForLine(/^This machine cannot become a stiefelsystem at the moment: its kernel has no kexec/);
  await using client = startClient(scene.desktop, { site: scene.site });
  await laptop.agent.waitForLine(/^Nothing is restarted: .*its kernel has no kexec/);
  await client.waitForLine(/will not restart for now/);
  assert.deepEqual(programsOf(await laptop.readLog()), ["kexec --unload"]);
});

rigTest("a desktop prefers a laptop that serves already to one that would have to restart", async () => {
  await using rig = await createRig([["laptop", "eth0", "desktop", "eth0"], ["other", "eth0", "desktop", "eth1"]]);
  const site = await createSite(rig, { kernelBytes: 10, initramfsBytes: 10 });
  const scene = { rig, site, laptop: rig.machine("laptop"), desktop: rig.machine("desktop") };
  await scene.laptop.run(["ip", "link", "set", "dev", "eth0", "up"]);
  const laptop = await startLaptop(scene.laptop, { keyPath: site.keyPath, countdownSeconds: 1 });
  await using agent = laptop.agent;
  await using server = startServer(rig.machine("other"), { site });
  await Promise.all([agent.waitForLine(/^Waiting for/), server.waitForLine(/Waiting for a desktop/)]);
  await using client = startClient(scene.desktop, { site });
  assert.equal((await client.exited).exitCode, 0, client.lines.join("\n"));
  assert.deepEqual(await laptop.readLog(), []);
});

rigTest("a cable that is plugged in later is listened on as well", async () => {
  await using rig = await createRig([["laptop", "eth9", "void", "eth0"]]);
  const site = await createSite(rig, { kernelBytes: 10, initramfsBytes: 10 });
  const laptop = await startLaptop(rig.machine("laptop"), { keyPath: site.keyPath, countdownSeconds: 0 });
  await using agent = laptop.agent;
  await agent.waitForLine(/^Waiting for/);
  await rig.plug(["laptop", "eth0", "void", "eth1"]);
  for (const [machine, link] of [["laptop", "eth0"], ["void", "eth1"]] as const) {
    await rig.machine(machine).run(["ip", "link", "set", "dev", link, "up"]);
  }
  await using _client = startClient(rig.machine("void"), { site });
  await laptop.waitForLog(/^systemctl kexec$/);
});

rigTest("a card of the settings that is plugged in restarts the laptop, one that was there does not", async () => {
  await using rig = await createRig([["laptop", "eth0", "desktop", "eth0"]]);
  const site = await createSite(rig, { kernelBytes: 10, initramfsBytes: 10 });
  const machine = rig.machine("laptop");
  const [present, late] = ["52:54:00:00:00:01", "52:54:00:00:00:02"] as const;
  await machine.run(["ip", "link", "set", "dev", "eth0", "address", present]);
  const laptop = await startLaptop(machine, { keyPath: site.keyPath, countdownSeconds: 0, macs: [present, late] });
  await using agent = laptop.agent;
  await agent.waitForLine(/^Waiting for .* network cards 52:54:00:00:00:01, 52:54:00:00:00:02/);
  await machine.run(["ip", "link", "add", "eth1", "address", late, "type", "veth", "peer", "name", "eth2"]);
  await laptop.waitForLog(/^systemctl kexec$/);
  assert.match(agent.lines.join("\n"), /^The network card 52:54:00:00:00:02 was plugged in: loading the image$/m);
  assert.deepEqual(programsOf(await laptop.readLog()).filter((line) => line.startsWith("kexec")), ["kexec --load"]);
});

rigTest("an agent that waits takes at most 60 MB and never wakes up by itself", async () => {
  await using scene = await createScene();
  await using laptop = await start(scene);
  // V8 tidies up for about a minute after the start, then a whole window has to pass without one wake-up.
  const [windowMs, limitMs] = [30_000, 200_000];
  const startMs = Date.now();
  let count = await laptop.agent.countWakeUps();
  let isStill = false;
  while (!isStill && Date.now() - startMs < limitMs) {
    await new Promise((resolve) => setTimeout(resolve, windowMs));
    const next = await laptop.agent.countWakeUps();
    isStill = next === count;
    count = next;
  }
  assert.ok(count > 0 && isStill, `it still wakes up ${limitMs / 1000} s after its start`);
  const memoryKiB = await laptop.agent.readMemoryKiB();
  console.log(`resident: ${memoryKiB} KiB`);
  assert.ok(memoryKiB * 1024 <= 60e6, `${memoryKiB} KiB resident`);
});
