import assert from "node:assert/strict";
import { createRig, type Machine, rigTest } from "./rig.ts";

const script = new URL("./link_agent.ts", import.meta.url).pathname;

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
