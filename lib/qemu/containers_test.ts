import assert from "node:assert/strict";
import { createMemorySystem } from "../../tests/support/memory_system.ts";
import { agentCommand, ensureCable, formatNspawnArguments, removeNetwork } from "./containers.ts";

Deno.test("the client stops before kexec, the server stays when a desktop is done", () => {
  assert.deepEqual(agentCommand("client", undefined), ["/usr/lib/stiefelsystem/run-agent", "client", "--no-kexec"]);
  assert.deepEqual(agentCommand("server", "/dev/loop3"), [
    "/usr/lib/stiefelsystem/run-agent",
    "server",
    "--on-end",
    "wait",
    "--disk",
    "/dev/loop3",
  ]);
});

Deno.test("a container reads the image, is registered nowhere, and gets the disk with its partitions", () => {
  const argv = formatNspawnArguments({
    role: "server",
    tree: "/build/tree",
    devices: ["/dev/loop3", "/dev/loop3p1"],
    settingsPath: "/build/agent.json",
    command: ["/agent", "server"],
    isInteractive: false,
  });
  assert.ok(argv.includes("--bind-ro=/build/agent.json:/etc/stiefelsystem/agent.json"));
  assert.ok(argv.includes("--capability=CAP_NET_ADMIN"));
  for (const option of ["--register=no", "--keep-unit", "--read-only", "--directory=/build/tree", "--console=pipe"]) {
    assert.ok(argv.includes(option), option);
  }
  assert.deepEqual(argv.filter((word) => word.startsWith("--bind=")), [
    "--bind=/dev/loop3",
    "--bind=/dev/loop3p1",
  ]);
  assert.deepEqual(argv.slice(-3), ["--as-pid2", "/agent", "server"]);
});

Deno.test("the cable is made once: what is there is kept", async () => {
  const state = { namespaces: ["stiefel-server"], hasCable: false };
  const system = createMemorySystem({
    commands: [(argv) => {
      if (argv.includes("list")) return JSON.stringify(state.namespaces.map((name) => ({ name })));
      if (argv.includes("show")) return state.hasCable ? "" : 1;
      return "";
    }],
  });
  await ensureCable(system);
  const changes = (): string[] => system.ran.map((argv) => argv.join(" ")).filter((line) => / add /.test(line));
  assert.deepEqual(changes(), [
    "ip netns add stiefel-client",
    "ip -netns stiefel-server link add stiefel-s type veth peer name stiefel-c netns stiefel-client",
  ]);
  state.namespaces.push("stiefel-client");
  state.hasCable = true;
  await ensureCable(system);
  assert.equal(changes().length, 2);
  await removeNetwork(system, "client");
  assert.deepEqual(system.ran.at(-1), ["ip", "netns", "delete", "stiefel-client"]);
});
