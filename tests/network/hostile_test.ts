/** What comes from the network never ends the server, fills its memory, or boots anything. */
import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { createSite, startClient, startServer } from "./agents.ts";
import { createRig, type Machine, rigTest, type RunningAgent } from "./rig.ts";

const script = fileURLToPath(new URL("./attacker.ts", import.meta.url));
const occupier = fileURLToPath(new URL("./occupier.ts", import.meta.url));
const datagrams = 10_000;

/** VmRSS of proc_pid_status(5). */
async function readMemoryKiB(machine: Machine, agent: RunningAgent): Promise<number> {
  const status = await machine.run(["cat", `/proc/${agent.pid}/status`]);
  return Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1]);
}

rigTest("ten thousand hostile datagrams and three hundred hostile connections leave the server as it was", async () => {
  await using rig = await createRig([["laptop", "eth0", "desktop", "eth0"]]);
  const site = await createSite(rig);
  const [laptop, desktop] = [rig.machine("laptop"), rig.machine("desktop")];
  await using server = startServer(laptop, { site });
  await server.waitForLine(/Waiting for a desktop/);
  await desktop.run(["ip", "link", "set", "dev", "eth0", "up"]);
  const [own, target] = [await desktop.linkLocalAddress("eth0"), await laptop.linkLocalAddress("eth0")];
  const index = /"ifindex":(\d+)/.exec(await desktop.run(["ip", "-json", "link", "show", "dev", "eth0"]))?.[1] ?? "";

  const attack = async (): Promise<string> => {
    const args = ["eth0", index, own, target, String(datagrams), site.keyPath];
    const grants = ["--quiet", "--unstable-net", "--allow-net", `--allow-read=${site.keyPath}`];
    await using attacker = desktop.start([Deno.execPath(), "run", ...grants, script, ...args]);
    return await attacker.waitForLine(/^done/, { timeoutMs: 120_000 });
  };
  const first = await attack();
  const memoryBefore = await readMemoryKiB(laptop, server);
  const second = await attack();
  const memoryAfter = await readMemoryKiB(laptop, server);

  // a bounded number of small answers, however many questions
  for (const result of [first, second]) assert.ok(Number(/replies=(\d+)/.exec(result)?.[1]) < datagrams / 10, result);
  assert.ok(memoryAfter - memoryBefore < 32 * 1024, `memory grew from ${memoryBefore} to ${memoryAfter} KiB`);
  assert.ok(server.lines.length < 30, server.lines.join("\n"));
  assert.ok(!/asks for the disk|Sending|failed unexpectedly/.test(server.lines.join("\n")), server.lines.join("\n"));

  await using client = startClient(desktop, { site });
  assert.equal((await client.exited).exitCode, 0, client.lines.join("\n"));
});

rigTest("a stranger who takes all places, and takes them again at once, does not keep the desktop out", async () => {
  await using rig = await createRig([["laptop", "eth0", "desktop", "eth0"], ["laptop", "eth1", "stranger", "eth0"]]);
  const site = await createSite(rig);
  const [laptop, desktop, stranger] = [rig.machine("laptop"), rig.machine("desktop"), rig.machine("stranger")];
  const shared = "198.51.100.1";
  const configure = async (machine: Machine, link: string, address: string): Promise<void> => {
    await machine.run(["ip", "link", "set", "dev", link, "up"]);
    await machine.run(["ip", "address", "add", address, "dev", link]);
  };
  await configure(laptop, "eth0", `${shared}/24`);
  await configure(desktop, "eth0", "198.51.100.2/24");
  await configure(laptop, "eth1", "203.0.113.1/24");
  await configure(stranger, "eth0", "203.0.113.2/24");
  await stranger.run(["ip", "route", "add", shared, "via", "203.0.113.1"]);
  await using server = startServer(laptop, { site, args: ["--listen", shared] });
  await server.waitForLine(/Listening on 198.51.100.1:4644/);

  const occupy = [Deno.execPath(), "run", "--quiet", "--allow-net", occupier, shared, "4644", "40"];
  await using occupying = stranger.start(occupy);
  await occupying.waitForLine(/a hundred connections were lost/, { timeoutMs: 60_000 });
  await using client = startClient(desktop, { site, args: ["--server", shared] });
  await client.waitForLine(/step=fetched/);
  assert.doesNotMatch(client.lines.join("\n"), /Trying again|failed/);
});
