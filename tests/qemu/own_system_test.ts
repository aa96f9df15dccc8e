/**
 * The whole story of a laptop: its own Debian runs from its own disk, is set up by the real commands, turns into a server when a desktop
 * asks, comes back by itself, and is as before after undo-setup.
 */

import assert from "node:assert/strict";
import { demoDiskLayout, isCleanOnDemoDisk } from "../../lib/qemu/demo_disk.ts";
import type { ConsoleShell } from "../../lib/qemu/console_shell.ts";
import {
  demoCredentials,
  demoMarkerPath,
  desktopSpec,
  newToken,
  serverReadyPattern,
} from "../../lib/qemu/machine_pair.ts";
import { inProject } from "../../lib/qemu/project_disk.ts";
import { startVm } from "../../lib/qemu/run_vm.ts";
import { prepareQemuTest } from "./machines.ts";
import { type LaptopGenerator, startOwnLaptop } from "./own_system.ts";

const rig = await prepareQemuTest();

const second = 1000;
const short = { timeoutMs: 60 * second } as const;
/** Deno in an emulated machine needs half a minute for a command. */
const command = { timeoutMs: 180 * second } as const;
/** Building an initramfs in an emulated machine takes minutes. */
const build = { timeoutMs: 720 * second } as const;

/** Everything that setting up may touch: kind, mode, owner, link target and, where it is cheap, content. */
async function listTree(shell: ConsoleShell): Promise<readonly string[]> {
  const places = "/etc /boot /usr/lib /usr/local /var/local /var/lib/stiefelsystem";
  const list = `find ${places} -xdev -printf '%p %y %m %u:%g %l\\n' 2>/dev/null`;
  const sums = "find /etc /boot -xdev -type f -exec sha256sum {} +";
  const lines = await shell.mustRun(`{ ${list}; ${sums}; } | LC_ALL=C sort`, { timeoutMs: 180 * second });
  return lines.filter((line) => /^(\/|[0-9a-f]{64} )/.test(line));
}

Deno.test({
  name: "a laptop is set up while it runs, starts from its own disk as before, and undo-setup leaves nothing",
  ignore: rig.skipReason !== undefined,
  fn: async () => {
    await using laptop = await startOwnLaptop(rig, { limitMs: 1200 * second });
    let shell = await laptop.work(1);
    const before = await listTree(shell);
    await shell.mustRun(inProject("deno task init --yes"), command);
    await shell.mustRun(inProject("deno task setup-server --yes"), build);
    await shell.mustRun("lsinitramfs /boot/initramfs-stiefel.img | grep -q stiefel-attach", command);
    await shell.mustRun("! lsinitramfs /boot/initrd.img-$(uname -r) | grep stiefel", command);
    const again = await shell.mustRun(inProject("deno task setup-server --yes"), command);
    assert.ok(again.some((line) => /^0 done, \d+ unchanged\.$/.test(line)), again.join("\n"));

    laptop.vm.type("systemctl reboot\n");
    shell = await laptop.work(2);
    const doctor = await shell.mustRun(inProject("deno task doctor"), command);
    assert.ok(doctor.some((line) => /^ok +setup +done$/.test(line)), doctor.join("\n"));
    await shell.mustRun(inProject("deno task undo-setup --yes"), build);
    assert.deepEqual(await listTree(shell), before);
    laptop.vm.type("systemctl poweroff\n");
    assert.equal((await laptop.vm.ended).kind, "shutdown");
  },
});

/** The image that is started from the laptop's own system says on the serial console what it does, too. */
const configuration = `server-setup:
  cmdline: [console=tty0, "console=ttyS0,115200"]
`;

async function serveAndComeBack(generator: LaptopGenerator): Promise<void> {
  const { system, options } = rig;
  const { image, host } = await rig.machines();
  await using laptop = await startOwnLaptop(rig, { limitMs: 1800 * second, generator });
  let shell = await laptop.work(1);
  await shell.mustRun(inProject(`printf '%s' '${configuration}' >config.yaml`), short);
  await shell.mustRun(inProject("deno task setup-server --yes"), build);
  await shell.mustRun("systemctl is-enabled stiefel-autokexec && systemctl is-active stiefel-autokexec", short);
  const bootId = await readBootId(shell);

  const token = newToken(system);
  const from = laptop.vm.lines.length;
  await using desktop = await startVm(
    system,
    desktopSpec({ image, clientMemoryMiB: 1024, console: "pipe" }, demoCredentials({ action: "poweroff", token })),
    host,
    { runDirectory: options.runDirectory, limitMs: 900 * second },
  );
  await laptop.vm.waitForLine(serverReadyPattern, { timeoutMs: 300 * second, from });
  for (const part of [demoDiskLayout.root, demoDiskLayout.boot]) {
    assert.ok(await isCleanOnDemoDisk(system, laptop.diskPath, part), `${part.label} was not unmounted`);
  }
  await desktop.waitForLine(/stiefel-demo: root=\/dev\/nbd0p2 /, { timeoutMs: 420 * second });
  assert.equal((await desktop.ended).kind, "shutdown");

  shell = await laptop.work(2);
  await shell.mustRun(`grep 'token=${token} root=/dev/nbd0p2 ' ${demoMarkerPath}`, short);
  // The journal of the boot that ended in the image goes on to its very end.
  await shell.mustRun(`journalctl --no-pager -b ${bootId} | tail -n 5 | grep 'Journal stopped'`, short);
  await shell.mustRun(`journalctl --no-pager -b ${bootId} -u stiefel-autokexec | grep 'Restarting as'`, short);
  laptop.vm.type("systemctl poweroff\n");
  assert.equal((await laptop.vm.ended).kind, "shutdown");
}

for (const generator of ["initramfs-tools", "dracut"] as const) {
  Deno.test({
    name:
      `a laptop with ${generator} turns into a server when a desktop asks, and is back in its own system with what the desktop wrote`,
    ignore: rig.skipReason !== undefined,
    fn: () => serveAndComeBack(generator),
  });
}

/** As journalctl(1) wants it. */
async function readBootId(shell: ConsoleShell): Promise<string> {
  const lines = await shell.mustRun("cat /proc/sys/kernel/random/boot_id", short);
  const id = lines.find((line) => /^[0-9a-f-]{36}$/.test(line));
  assert.ok(id !== undefined, lines.join("\n"));
  return id.replaceAll("-", "");
}
