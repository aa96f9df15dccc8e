import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { type Link, watchLinks } from "../../lib/system/facts.ts";
import { createRealSystem } from "../../lib/system/real.ts";
import { createRig, type Machine, rigTest } from "./rig.ts";

const script = fileURLToPath(new URL("./link_agent.ts", import.meta.url));

async function argumentsFor(machine: Machine, mode: string, link: string): Promise<readonly string[]> {
  await machine.run(["ip", "link", "set", "dev", link, "up"]);
  const address = await machine.linkLocalAddress(link);
  const index = /"ifindex":(\d+)/.exec(await machine.run(["ip", "-json", "link", "show", "dev", link]))?.[1] ?? "";
  return [Deno.execPath(), "run", "--no-prompt", "--unstable-net", "--allow-net", script, mode, link, index, address];
}

rigTest("a question to the group is heard and answered on its own link, and a stream follows", async () => {
  await using rig = await createRig([["left", "one", "right", "uno"], ["left", "two", "right", "due"]]);
  const left = rig.machine("left");
  const right = rig.machine("right");
  for (const [here, there] of [["one", "uno"], ["two", "due"]] as const) {
    await right.run(["ip", "link", "set", "dev", there, "up"]);
    await left.run(["ip", "link", "set", "dev", here, "up"]);
  }
  await using first = right.start(await argumentsFor(right, "answer", "uno"));
  await using second = right.start(await argumentsFor(right, "answer", "due"));
  await Promise.all([first.waitForLine(/listening/), second.waitForLine(/listening/)]);
  for (const [here, there] of [["one", "uno"], ["two", "due"]] as const) {
    await using asker = left.start(await argumentsFor(left, "ask", here));
    await asker.exited;
    assert.deepEqual(asker.lines, [
      `answer on ${there} to question`,
      `stream from ${await left.linkLocalAddress(here)}`,
    ]);
  }
});

rigTest("a link that appears before the watch can hear of it is seen all the same", async () => {
  await using rig = await createRig([["here", "one", "there", "uno"]]);
  const here = rig.machine("here");
  const real = createRealSystem();
  const inside = ["ip", "netns", "exec", here.namespace];
  const system = {
    ...real,
    run: (argv, options) => real.run([...inside, ...argv], options),
    // each of the two execs keeps the process id, as a slow `ip monitor` would
    spawn: (argv, options) => real.spawn([...inside, "sh", "-c", 'sleep 1; exec "$@"', "sh", ...argv], options),
  } satisfies typeof real;
  const found = new AbortController();
  const looks: (readonly Link[])[] = [];
  const watching = watchLinks(system, (links) => {
    looks.push(links);
    if (looks.length === 1) void rig.plug(["here", "late", "there", "tard"]);
    if (links.some(({ name }) => name === "late")) found.abort();
  }, AbortSignal.any([found.signal, AbortSignal.timeout(5_000)]));
  await watching;
  assert.ok(found.signal.aborted, "the link was not seen");
  assert.ok(!looks[0]?.some(({ name }) => name === "late"));
});
