/** The disk's blocks through the kernel's own WireGuard, on both machines; the rest: tests/network/tunnel_test.ts. */

import assert from "node:assert/strict";
import { createInitrd } from "../../lib/cli/commands/create_initrd.ts";
import { bootDemo } from "../../lib/cli/commands/demo.ts";
import { prepareDemoDisk } from "../../lib/cli/commands/prepare_machines.ts";
import { detectQemuHost } from "../../lib/qemu/run_vm.ts";
import { listFacts } from "../../lib/qemu/machine_pair.ts";
import { prepareQemuTest } from "../qemu/machines.ts";

const rig = await prepareQemuTest();

Deno.test({
  name: "block.security: wireguard: a desktop boots through the tunnel, and both machines shut down",
  ignore: rig.skipReason !== undefined,
  fn: async () => {
    const { system, ui, options } = rig;
    const { runDirectory } = options;
    await system.makeDirectory(runDirectory);
    const configPath = `${runDirectory}/tunnel.yaml`;
    await system.writeFile(configPath, "block:\n  security: wireguard\n");
    const image = await createInitrd(system, ui, {
      ...options.image,
      configPath,
      outDir: `${runDirectory}/tunnel-image`,
    });
    const disk = await prepareDemoDisk(system, ui, options, {
      name: "tunnel-demo-disk",
      packages: ["wireguard-tools"],
    });
    const machines = { image, disk, host: await detectQemuHost(system) };
    const outcome = await bootDemo(system, ui, { machines, options });
    for (const fact of listFacts(outcome)) assert.ok(fact.holds, fact.text);
    const consoles = await Promise.all(
      ["laptop", "desktop"].map((name) => system.readText(`${runDirectory}/${name}.log`)),
    );
    const [laptop = "", desktop = ""] = consoles;
    assert.match(laptop, /The disk's blocks go through WireGuard/);
    assert.match(desktop, /Attaching the disk of fd[0-9a-f:]+::1 port/);
    assert.doesNotMatch(laptop + desktop, /cross the cable unencrypted/);
  },
});
