/** A laptop whose Debian has dracut: the desktop boots the separate initramfs that the kernel's package hook has built. */

import assert from "node:assert/strict";
import { bootDemo } from "../../lib/cli/commands/demo.ts";
import { prepareDemoDisk } from "../../lib/cli/commands/prepare_machines.ts";
import { listFacts } from "../../lib/qemu/machine_pair.ts";
import { prepareQemuTest } from "./machines.ts";

const rig = await prepareQemuTest();

Deno.test({
  name: "a desktop boots a laptop's Debian with dracut, and both shut down",
  ignore: rig.skipReason !== undefined,
  fn: async () => {
    const { system, ui, options } = rig;
    const disk = await prepareDemoDisk(system, ui, options, {
      title: "Dracut disk",
      name: "dracut-disk",
      generator: "dracut",
    });
    const machines = { ...await rig.machines(), disk };
    const outcome = await bootDemo(system, ui, { machines, options: { ...options, clientMemoryMiB: 1024 } });
    for (const fact of listFacts(outcome)) assert.ok(fact.holds, fact.text);
    const has = (pattern: RegExp): boolean => outcome.lines.some(({ text }) => pattern.test(text));
    assert.ok(has(/Finished .*stiefel-attach\.service/), "the unit attached the disk");
    assert.ok(has(/Finished .*stiefel-prepare\.service/), "the unit prepared the system");
    assert.ok(has(/stiefelsystem: detaching the laptop's disk/), "the disk was let go of at the end");
    // Nothing but our unit: neither dracut's own network nor a network manager.
    assert.ok(!has(/Start(?:ing|ed) .*(?:NetworkManager|systemd-networkd|nm-initrd)/), "no network service started");
  },
});
