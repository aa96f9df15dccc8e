/** A laptop whose Debian has dracut: the desktop boots the separate initramfs that the kernel's package hook has built. */

import assert from "node:assert/strict";
import { formatStiefelsystemJson } from "../../lib/boot/stiefelsystem_json.ts";
import { readAptMirror } from "../../lib/cli/apt_mirror.ts";
import { bootDemo } from "../../lib/cli/commands/demo.ts";
import { separateInitramfs, separateKernel } from "../../lib/initramfs/generator.ts";
import { dracut } from "../../lib/initramfs/dracut.ts";
import { stiefelsystemJsonPath } from "../../lib/host/plan_setup_server.ts";
import { debian } from "../../lib/distro/debian.ts";
import { buildDemoDisk, type DemoDisk } from "../../lib/qemu/demo_disk.ts";
import { listFacts } from "../../lib/qemu/machine_pair.ts";
import { prepareQemuTest } from "./machines.ts";

const rig = await prepareQemuTest();

/** What setup-server puts onto such a laptop; installing its kernel runs the hook that builds the pair. */
async function prepareDracutDisk(): Promise<DemoDisk> {
  const { system, options } = rig;
  const more = `${options.runDirectory}/dracut-disk`;
  await system.makeDirectory(`${more}/boot`);
  await system.writeFile(
    `${more}${stiefelsystemJsonPath}`,
    formatStiefelsystemJson({ kernel: separateKernel, initrd: [separateInitramfs] }),
  );
  const layers = ["generic", ...dracut.layers, ...debian.kernelHooks];
  const mirror = await readAptMirror(system);
  return await buildDemoDisk(system, {
    name: "dracut-disk",
    suite: "trixie",
    generator: "dracut",
    overlays: [
      `${options.projectDirectory}/image/demo`,
      ...layers.map((layer) => `${options.projectDirectory}/image/host/${layer}`),
      more,
    ],
    cacheDir: options.cacheDir,
    ...mirror === undefined ? {} : { mirror },
  });
}

Deno.test({
  name: "a desktop boots a laptop's Debian with dracut, and both shut down",
  ignore: rig.skipReason !== undefined,
  fn: async () => {
    const { system, ui, options } = rig;
    const machines = { ...await rig.machines(), disk: await prepareDracutDisk() };
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
