/** A passphrase typed on a desktop's own keyboard and screen, with the keys of the laptop's. */

import { createInitrd } from "../../lib/cli/commands/create_initrd.ts";
import { cablePath, desktopSpec, laptopSpec, serialConsole, serverReadyPattern } from "../../lib/qemu/machine_pair.ts";
import { detectQemuHost, startVm } from "../../lib/qemu/run_vm.ts";
import type { VmSpec } from "../../lib/qemu/vm_spec.ts";
import { copyInstalledDisk } from "../qemu/laptop_disks.ts";
import { prepareQemuTest } from "../qemu/machines.ts";
import { pressKeys, screenArguments, waitForScreen } from "../support/text_screen.ts";

const rig = await prepareQemuTest();
const second = 1000;

/** "stiefel" by the letters that are printed on a keyboard of the US, and where Dvorak has them. */
const printed = ["s", "t", "i", "e", "f", "e", "l", "ret"];
const dvorak = ["semicolon", "k", "g", "d", "y", "d", "p", "ret"];

Deno.test({
  name: "P13: the passphrase is typed on the desktop's screen with the laptop's keys, a mark for each character",
  ignore: rig.skipReason !== undefined,
  fn: async () => {
    const { system, ui, options: { image: imageOptions, runDirectory } } = rig;
    const diskPath = await copyInstalledDisk(rig, "luks-lvm");
    const configPath = `${runDirectory}/keymap.yaml`;
    await system.writeFile(configPath, "initrd:\n  keymap: us(dvorak)\n");
    const image = await createInitrd(system, ui, {
      ...imageOptions,
      configPath,
      outDir: `${runDirectory}/keymap-image`,
    });
    const host = await detectQemuHost(system);
    const settings = { image, diskPath, serverMemoryMiB: 768, clientMemoryMiB: 1024, console: "pipe" } as const;
    const place = { runDirectory, limitMs: 600 * second };
    await system.remove(cablePath(runDirectory));
    await using laptop = await startVm(system, laptopSpec(settings), host, place);
    await laptop.waitForLine(serverReadyPattern, { timeoutMs: 180 * second });

    await using desktop = await startVm(system, onScreen(desktopSpec(settings)), host, place);
    await desktop.waitForLine(/./, { timeoutMs: 60 * second });
    const control = await desktop.control();
    const screen = { system, control, path: `${runDirectory}/desktop.screen` };
    const asked = /^Passphrase of the encrypted disk \(3 tries, keys: us\(dvorak\)\):$/;
    await waitForScreen(screen, asked, 180 * second);
    await pressKeys(control, printed);
    await waitForScreen(screen, /That passphrase does not open the disk/, 60 * second);
    await waitForScreen(screen, /^Passphrase of the encrypted disk \(2 tries/, 60 * second);
    await pressKeys(control, dvorak.slice(0, -1));
    await waitForScreen(
      screen,
      /^Passphrase of the encrypted disk \(2 tries, keys: us\(dvorak\)\): \*{7}$/,
      30 * second,
    );
    await pressKeys(control, dvorak.slice(-1));
    await laptop.waitForLine(/^Sent \d/, { timeoutMs: 120 * second });
    await system.remove(diskPath);
  },
});

/** Its own screen is the console that the agent is on; what the kernel says comes over the serial line, too. */
function onScreen(spec: VmSpec): VmSpec {
  if (spec.boot.kind !== "kernel") throw new TypeError("A kernel is started directly");
  const commandLine = spec.boot.commandLine.replace(serialConsole, "console=ttyS0,115200 console=tty0");
  return { ...spec, boot: { ...spec.boot, commandLine }, arguments: [...spec.arguments ?? [], ...screenArguments] };
}
