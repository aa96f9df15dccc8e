/**
 * A stick whose image is of Debian 12, which has no signed systemd-boot: what shim starts there is Debian's signed
 * GRUB.
 */

import assert from "node:assert/strict";
import { createInitrd } from "../../lib/cli/commands/create_initrd.ts";
import { desktopSpec } from "../../lib/qemu/machine_pair.ts";
import { detectQemuHost, startVm } from "../../lib/qemu/run_vm.ts";
import { fromStick } from "../../lib/qemu/stick_spec.ts";
import { prepareSecureBoot } from "../../lib/qemu/uefi_firmware.ts";
import { makeStick } from "../qemu/boot_stick.ts";
import { prepareQemuTest } from "../qemu/machines.ts";
import { waitForText } from "../support/console_prompts.ts";

const rig = await prepareQemuTest();

Deno.test({
  name: "a desktop with Secure Boot starts a stick of Debian 12 by shim and GRUB, to the agent",
  ignore: rig.skipReason !== undefined,
  fn: async () => {
    const { system, ui, options } = rig;
    const { runDirectory, image: imageOptions } = options;
    await system.makeDirectory(runDirectory);
    const [configPath, outDir] = [`${runDirectory}/bookworm.yaml`, `${runDirectory}/bookworm-image`];
    await system.writeFile(configPath, "image:\n  suite: bookworm\n");
    const image = await createInitrd(system, ui, { ...imageOptions, configPath, outDir });
    const stick = await makeStick({ ...rig, options: { ...options, image: { ...imageOptions, outDir } } });
    const desktop = { ...desktopSpec({ image, clientMemoryMiB: 1024, console: "pipe" }), links: [] };
    const firmware = await prepareSecureBoot(system, { runDirectory, name: "desktop" });
    const host = await detectQemuHost(system);
    await using vm = await startVm(system, fromStick(desktop, stick, { firmware }), host, {
      runDirectory,
      limitMs: 840_000,
    });
    await waitForText(system, vm, /GNU GRUB +version 2\.06[^]*Start the laptop's system/, { timeoutMs: 200_000 });
    await vm.waitForLine(/stiefelsystem: step=agent/, { timeoutMs: 400_000 });
    const said = vm.lines.map(({ text }) => text).join("\n");
    assert.match(said, /Linux version 6\.1\./);
    assert.match(said, /Kernel is locked down from EFI Secure Boot/);
  },
});
