/** One stick for laptops with a key each: whom it believes, by which key, and what it says when one is taken away. */
import assert from "node:assert/strict";
import { AGENT_KEY_PATH } from "../../lib/formats/agent_settings.ts";
import { buildCpio, type CpioEntry } from "../../lib/formats/cpio.ts";
import { addLaptopKeys } from "../../lib/media/stick_parts.ts";
import { keyFingerprint } from "../../lib/protocol/keys.ts";
import { addLaptopKey, createSite, forgetLaptopKey, startClient, startServer } from "./agents.ts";
import { startLaptop } from "./autokexec_rig.ts";
import { createRig, rigTest } from "./rig.ts";
import { clientWith, type Scene, withTwoLaptops } from "./two_laptops.ts";

const withTwoKeys = (body: (scene: Scene) => Promise<void>): Promise<void> =>
  withTwoLaptops(body, { secondKeyOf: (site) => site.otherKeyPath });

/** Runs the desktop's agent to its end. @returns what it said */
async function startFrom(scene: Scene, parameters: string): Promise<string> {
  await using client = scene.desktop.start(await clientWith(scene, parameters));
  assert.equal((await client.exited).exitCode, 0, client.lines.join("\n"));
  return client.lines.join("\n");
}

rigTest(
  "a stick with two keys starts a desktop from either laptop, each by its own key",
  () =>
    withTwoKeys(async (scene) => {
      const { site, first, second } = scene;
      await addLaptopKey(site, "bell", site.otherKeyPath);
      const print = await keyFingerprint(await Deno.readFile(site.otherKeyPath));
      const fromSecond = await startFrom(scene, "stiefel.laptop=bell");
      assert.match(fromSecond, /^ +\d {2}first +waits for a desktop \(link eth0\)$/m);
      assert.match(fromSecond, /^ +\d {2}second +waits for a desktop \(link eth1, key bell\)$/m);
      assert.match(fromSecond, /^Taking "bell"$/m);
      assert.match(fromSecond, /^Found "second" on link eth1, key bell$/m);
      assert.match(fromSecond, new RegExp(`^  key +${print} \\(bell\\)$`, "m"));
      await second.waitForLine(/has all it needs/);
      assert.ok(!first.lines.some((line) => /Sending/.test(line)), first.lines.join("\n"));
      const fromFirst = await startFrom(scene, "stiefel.laptop=first");
      assert.match(fromFirst, /^Found "first" on link eth0$/m);
      await first.waitForLine(/has all it needs/);
      // What both laptops say to the other one's question is no news to anyone.
      const all = [fromFirst, fromSecond, ...first.lines, ...second.lines].join("\n");
      assert.doesNotMatch(all, /another key/);
    }),
);

rigTest(
  "a key that was taken from the stick: its laptop is not believed any more, the other one starts the desktop",
  () =>
    withTwoKeys(async (scene) => {
      const { site, first, second } = scene;
      await addLaptopKey(site, "bell", site.otherKeyPath);
      assert.match(await startFrom(scene, "stiefel.laptop=bell"), /^Found "second"/m);
      await second.waitForLine(/has all it needs/);
      const sent = second.lines.filter((line) => /Sending/.test(line)).length;
      await forgetLaptopKey(site, "bell");
      // As long as the default does not answer, another one is waited with.
      const said = await startFrom(scene, "stiefel.laptop=bell");
      assert.match(
        said,
        /^A stiefelsystem answers with another key \(link eth1, fe80::[0-9a-f:]+\): both images must/m,
      );
      assert.match(said, /^Found "first" on link eth0$/m);
      assert.doesNotMatch(said, /"second"|laptops answer/);
      await first.waitForLine(/has all it needs/);
      assert.equal(second.lines.filter((line) => /Sending/.test(line)).length, sent);
    }),
);

rigTest("a laptop that got a new key does not answer to the stick any more, and the other one does", async () => {
  await using rig = await createRig([["first", "eth0", "desktop", "eth0"], ["second", "eth0", "desktop", "eth1"]]);
  const site = await createSite(rig);
  await addLaptopKey(site, "bell", site.otherKeyPath);
  await Deno.writeFile(site.otherKeyPath, crypto.getRandomValues(new Uint8Array(32)), { mode: 0o600 });
  await using second = startServer(rig.machine("second"), { site, keyPath: site.otherKeyPath });
  await second.waitForLine(/Waiting for a desktop/);
  await using client = startClient(rig.machine("desktop"), { site });
  await client.waitForLine(/^A stiefelsystem answers with another key \(link eth1.*, or one of the 1 keys beside it/);
  await second.waitForLine(/A desktop asks with another key \(link eth0\)/);
  await using first = startServer(rig.machine("first"), { site });
  assert.equal((await client.exited).exitCode, 0, client.lines.join("\n"));
  assert.ok(client.lines.includes('Found "first" on link eth0'), client.lines.join("\n"));
  await first.waitForLine(/has all it needs/);
  assert.ok(!second.lines.some((line) => /Sending/.test(line)), second.lines.join("\n"));
});

rigTest("by address the key that fits is found, and where none does nothing is fetched", async () => {
  await using rig = await createRig([["laptop", "eth0", "desktop", "eth0"]]);
  const site = await createSite(rig);
  await addLaptopKey(site, "bell", site.otherKeyPath);
  const [laptop, desktop] = [rig.machine("laptop"), rig.machine("desktop")];
  await using server = startServer(laptop, { site, keyPath: site.otherKeyPath });
  await server.waitForLine(/Waiting for a desktop/);
  await desktop.run(["ip", "link", "set", "dev", "eth0", "up"]);
  await desktop.linkLocalAddress("eth0");
  const args = ["--server", `${await laptop.linkLocalAddress("eth0")}%eth0`];
  await using client = startClient(desktop, { site, args });
  assert.equal((await client.exited).exitCode, 0, client.lines.join("\n"));
  assert.match(client.lines.join("\n"), /^ {2}key +[0-9a-f-]+ \(bell\)$/m);
  await server.waitForLine(/has all it needs/);
  const sent = server.lines.filter((line) => /Sending/.test(line)).length;
  await forgetLaptopKey(site, "bell");
  await Deno.writeFile(`${rig.directory}/third`, crypto.getRandomValues(new Uint8Array(32)), { mode: 0o600 });
  await addLaptopKey(site, "third", `${rig.directory}/third`);
  await using stranger = startClient(desktop, { site, args });
  await stranger.waitForLine(/^A stiefelsystem answers with another key: both images must be built with the same/);
  assert.equal(server.lines.filter((line) => /Sending/.test(line)).length, sent);
});

rigTest("an agent finds the keys where a stick's files, unpacked one after the other, put them", async () => {
  await using rig = await createRig([["laptop", "eth0", "desktop", "eth0"]]);
  const site = await createSite(rig);
  const key = await Deno.readFile(site.otherKeyPath);
  const own = { kind: "file", path: AGENT_KEY_PATH.slice(1), mode: 0o600, content: await Deno.readFile(site.keyPath) };
  const folders = ["etc", "etc/stiefelsystem"].map((path) => ({ kind: "directory", path, mode: 0o700 }) as const);
  const parts = { initrds: [{ name: "key.img", bytes: buildCpio([...folders, own as CpioEntry]) }] };
  const place = `${rig.directory}/unpacked`;
  await Deno.mkdir(place);
  for (const { name, bytes } of addLaptopKeys(parts, [{ name: "bell", key }]).initrds) {
    await Deno.writeFile(`${rig.directory}/${name}`, bytes);
    const args = ["--extract", "--quiet", "--unconditional", `--directory=${place}`, `--file=${rig.directory}/${name}`];
    assert.ok((await new Deno.Command("cpio", { args }).output()).success, name);
  }
  await using server = startServer(rig.machine("laptop"), { site, keyPath: site.otherKeyPath });
  await server.waitForLine(/Waiting for a desktop/);
  const onStick = { ...site, keyPath: place + AGENT_KEY_PATH };
  await using client = startClient(rig.machine("desktop"), { site: onStick });
  assert.equal((await client.exited).exitCode, 0, client.lines.join("\n"));
  assert.ok(client.lines.includes('Found "laptop" on link eth0, key bell'), client.lines.join("\n"));
  await server.waitForLine(/has all it needs/);
});

rigTest("a laptop that runs its own system restarts for the key that the stick has of it", async () => {
  await using rig = await createRig([["laptop", "eth0", "desktop", "eth0"]]);
  const site = await createSite(rig);
  await addLaptopKey(site, "bell", site.otherKeyPath);
  const laptop = rig.machine("laptop");
  await laptop.run(["ip", "link", "set", "dev", "eth0", "up"]);
  const installed = await startLaptop(laptop, { keyPath: site.otherKeyPath, countdownSeconds: 1 });
  await using agent = installed.agent;
  await agent.waitForLine(/^Waiting for a desktop/);
  await using client = startClient(rig.machine("desktop"), { site });
  await client.waitForLine(/^"laptop" runs its own system \(link eth0, key bell\): asking it to restart as a server$/);
  await client.waitForLine(/^It agrees \(link eth0\)/);
  await installed.waitForLog(/^systemctl kexec$/);
  await agent[Symbol.asyncDispose]();
  await using server = startServer(laptop, { site, keyPath: site.otherKeyPath });
  assert.equal((await client.exited).exitCode, 0, client.lines.join("\n"));
  await server.waitForLine(/has all it needs/);
  assert.match(client.lines.join("\n"), /^Found "laptop" on link eth0, key bell$/m);
});
