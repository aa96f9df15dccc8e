/** The rescue shell of a stick: its entry is there only with the module `debug`, and root's password opens it. */

import assert from "node:assert/strict";
import { createInitrd } from "../../lib/cli/commands/create_initrd.ts";
import { desktopSpec } from "../../lib/qemu/machine_pair.ts";
import { detectQemuHost, startVm, type Vm } from "../../lib/qemu/run_vm.ts";
import { fromStick, type StickBoot } from "../../lib/qemu/stick_spec.ts";
import { prepareSecureBoot } from "../../lib/qemu/uefi_firmware.ts";
import { makeStick } from "../qemu/boot_stick.ts";
import { prepareQemuTest } from "../qemu/machines.ts";
import { waitForText } from "../support/console_prompts.ts";

const rig = await prepareQemuTest();
const password = "open sesame";

/** The module `debug` with nothing more in the image than the shell that is in each. */
const debugImage = `modules: [base, debug]
initrd:
  password: ${password}
module-configs:
  debug:
    better-shell: /bin/sh
    extra-packages: []
    dont-exclude-paths: false
    dont-exclude-packages: false
    faster-compressor: zstd -12 --long=21 -T0
`;

/** A key of a terminal (console_codes(4)). */
const down = "\x1b[B";

const firmwares: readonly { readonly name: string; prepare(): Promise<StickBoot> }[] = [
  { name: "a BIOS, in GRUB's menu", prepare: () => Promise.resolve({}) },
  {
    name: "Secure Boot, in systemd-boot's menu",
    prepare: async () => ({
      firmware: await prepareSecureBoot(rig.system, { runDirectory: rig.options.runDirectory, name: "desktop" }),
    }),
  },
];

/** A desktop that shows firmware and boot loader on its serial console, too. */
async function startFrom(configText: string, prepare: () => Promise<StickBoot>): Promise<Vm> {
  const { system, ui, options } = rig;
  const { runDirectory, image: imageOptions } = options;
  await system.makeDirectory(runDirectory);
  const [configPath, outDir] = [`${runDirectory}/rescue.yaml`, `${runDirectory}/rescue-image`];
  await system.writeFile(configPath, configText);
  const image = await createInitrd(system, ui, { ...imageOptions, configPath, outDir });
  const stick = await makeStick({ ...rig, options: { ...options, image: { ...imageOptions, outDir } } });
  const desktop = { ...desktopSpec({ image, clientMemoryMiB: 1024, console: "pipe" }), links: [] };
  const spec = { ...fromStick(desktop, stick, await prepare()), arguments: ["-machine", "graphics=off"] };
  return await startVm(system, spec, await detectQemuHost(system), { runDirectory, limitMs: 600_000 });
}

for (const { name, prepare } of firmwares) {
  Deno.test({
    name: `a desktop with ${name} has a rescue shell when the image was built with debug, behind its password`,
    ignore: rig.skipReason !== undefined,
    fn: async () => {
      const { system } = rig;
      await using desktop = await startFrom(debugImage, prepare);
      // As doc/stick.md has it: the menu is not there yet.
      await waitForText(system, desktop, /Booting from Hard Disk|BdsDxe: starting Boot/, { timeoutMs: 200_000 });
      desktop.type(" ");
      await waitForText(system, desktop, /Rescue shell/, { timeoutMs: 200_000 });
      desktop.type(`${down.repeat(3)}\r`);
      await desktop.waitForLine(/^stiefelsystem: no agent is started; log in as root/, { timeoutMs: 200_000 });

      let from = 0;
      const answer = async (prompt: RegExp, text: string): Promise<void> => {
        from = await waitForText(system, desktop, prompt, { timeoutMs: 60_000, from });
        desktop.type(`${text}\n`);
      };
      await answer(/ login: /, "root");
      await answer(/Password: /, "stiefel");
      await answer(/Login incorrect[^]* login: /, "root");
      await answer(/Password: /, password);
      await answer(/# /, "echo rescue-$((40 + 2)) uid=$(id -u)");
      await desktop.waitForLine(/^rescue-42 uid=0$/, { timeoutMs: 60_000 });
      assert.ok(!desktop.lines.some(({ text }) => /agent starting|step=agent/.test(text)), "no agent runs");
    },
  });
}

Deno.test({
  name: "the menu of a stick whose image was built without debug has no rescue shell",
  ignore: rig.skipReason !== undefined,
  fn: async () => {
    await using desktop = await startFrom("modules: [base]\n", () => Promise.resolve({}));
    // The last entry.
    await waitForText(rig.system, desktop, /with safe graphics[^]*Restart/, { timeoutMs: 200_000 });
    await assert.rejects(waitForText(rig.system, desktop, /Rescue/, { timeoutMs: 0 }));
  },
});
