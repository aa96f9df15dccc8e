/** A1 and A2: one stranger with two hundred addresses on the laptop's own switch does not keep the desktop out. */
import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { createSite, type Site, startClient, startServer } from "./agents.ts";
import { createRig, type Machine, type Rig, rigTest, type RunningAgent } from "./rig.ts";

const occupier = fileURLToPath(new URL("./occupy_from.pl", import.meta.url));
const replayer = fileURLToPath(new URL("./crowd.ts", import.meta.url));
const addresses = 200;

interface Scene extends AsyncDisposable {
  readonly rig: Rig;
  readonly site: Site;
  readonly stranger: Machine;
  /** The server's address, and the index of the stranger's link. */
  readonly target: string;
  readonly index: string;
}

/** Laptop, desktop and stranger on one switch; the server waits. */
async function setUp(): Promise<Scene> {
  await using stack = new AsyncDisposableStack();
  const machines = ["laptop", "desktop", "stranger"];
  const rig = stack.use(await createRig(machines.map((name) => [name, "eth0", "switch", name] as const)));
  const site = await createSite(rig);
  const [laptop, stranger, hub] = [rig.machine("laptop"), rig.machine("stranger"), rig.machine("switch")];
  await hub.run(["ip", "link", "add", "name", "hub", "type", "bridge"]);
  for (const port of machines) await hub.run(["ip", "link", "set", "dev", port, "master", "hub", "up"]);
  await hub.run(["ip", "link", "set", "dev", "hub", "up"]);
  const server = stack.use(startServer(laptop, { site }));
  await server.waitForLine(/Waiting for a desktop/);
  await stranger.run(["ip", "link", "set", "dev", "eth0", "up"]);
  const lines = Array.from(
    { length: addresses },
    (_, number) => `address add fe80::a:${(number + 1).toString(16)}/64 dev eth0 nodad\n`,
  );
  await Deno.writeTextFile(`${stranger.directory}/addresses`, lines.join(""));
  await stranger.run(["ip", "-batch", `${stranger.directory}/addresses`]);
  const target = await laptop.linkLocalAddress("eth0");
  const index = /"ifindex":(\d+)/.exec(await stranger.run(["ip", "-json", "link", "show", "dev", "eth0"]))?.[1] ?? "";
  const owned = stack.move();
  return { rig, site, stranger, target, index, [Symbol.asyncDispose]: () => owned.disposeAsync() };
}

/** At once, and not by luck at the tenth try. */
async function assertGetsIn({ rig, site }: Scene, crowd: RunningAgent): Promise<void> {
  await using client = startClient(rig.machine("desktop"), { site });
  await client.waitForLine(/step=fetched/);
  assert.doesNotMatch(client.lines.join("\n"), /Trying again|failed|busy/);
  assert.doesNotMatch(crowd.lines.join("\n"), /bind|socket|error/);
}

rigTest(`A1: a stranger with ${addresses} addresses takes all places: the desktop gets in`, async () => {
  await using scene = await setUp();
  const { stranger, index, target } = scene;
  await using crowd = stranger.start(["perl", occupier, index, target, "4644", String(addresses)]);
  await crowd.waitForLine(/twenty were lost/, { timeoutMs: 60_000 });
  await assertGetsIn(scene, crowd);
});

rigTest(`A2: a stranger with ${addresses} addresses plays a question again: the desktop gets in`, async () => {
  await using scene = await setUp();
  const { stranger, index, site } = scene;
  const grants = ["--quiet", "--unstable-net", "--allow-net", `--allow-read=${site.keyPath}`];
  const args = ["eth0", index, site.keyPath, String(addresses)];
  await using crowd = stranger.start([Deno.execPath(), "run", ...grants, replayer, ...args]);
  await crowd.waitForLine(/five rounds/, { timeoutMs: 60_000 });
  await assertGetsIn(scene, crowd);
});
