/**
 * The whole story of a laptop: its own Debian runs from its own disk, is set up by the real commands, turns into a
 * server when a desktop asks, comes back by itself, and is as before after undo-setup. Other laptops are in
 * tests/long.
 */

import assert from "node:assert/strict";
import type { ConsoleShell } from "../support/console_shell.ts";
import { desktopSpec, serverReadyPattern } from "../../lib/qemu/machine_pair.ts";
import { inProject } from "../support/project_disk.ts";
import { startVm } from "../../lib/qemu/run_vm.ts";
import { prepareQemuTest } from "./machines.ts";
import { laptops, startOwnLaptop } from "./own_system.ts";
import { build, command, limits, readBootId, serveAndComeBack, setUp, short, switchOff } from "./own_system_steps.ts";

const rig = await prepareQemuTest();

Deno.test({
  name:
    "a laptop with Secure Boot, ext4 and initramfs-tools is set up while it runs, declines an image it cannot start, turns into a server " +
    "when a desktop with Secure Boot asks, comes back by itself with what was written, and undo-setup leaves nothing",
  ignore: rig.skipReason !== undefined,
  fn: async () => {
    await using laptop = await startOwnLaptop(rig, laptops.plain, limits);
    const shell = await laptop.work(1);
    await shell.mustRun("mokutil --sb-state | grep -x 'SecureBoot enabled'", short);
    await shell.mustRun("grep -F '[integrity]' /sys/kernel/security/lockdown", short);
    const before = await listTree(shell);
    await setUp(shell);
    const again = await shell.mustRun(inProject("deno task setup-server --yes"), command);
    assert.ok(again.some((line) => /^0 done, \d+ unchanged\.$/.test(line)), again.join("\n"));
    await declineChangedImage(shell);
    const from = laptop.vm.lines.length;
    const back = await serveAndComeBack(rig, { laptop, kind: laptops.plain, shell });
    const said = laptop.vm.lines.slice(from).map(({ text }) => text);
    const [image, own] = said.flatMap((text, index) => /Kernel is locked down/.test(text) ? [index] : []);
    const served = said.findIndex((text) => serverReadyPattern.test(text));
    assert.ok(image !== undefined && image < served, "the image's kernel is locked down, too");
    assert.ok(own !== undefined && own > served, "the laptop's own is again");
    const locked = back.desktop.lines.filter(({ text }) => /Kernel is locked down from EFI Secure Boot/.test(text));
    assert.equal(locked.length, 2, "on the desktop the image's kernel is locked down, and the laptop's");
    await back.shell.mustRun(inProject("deno task undo-setup --yes"), build);
    assert.deepEqual(await listTree(back.shell), before);
    await switchOff(laptop);
  },
});

/** Where setup-server puts the image's kernel. */
const imageKernel = "/var/local/lib/stiefelsystem/kernel";

/**
 * A byte is too much, the signature holds no more: doctor says so, and a desktop asks in vain. The byte goes again.
 */
async function declineChangedImage(shell: ConsoleShell): Promise<void> {
  const { system, options } = rig;
  const { image, host } = await rig.machines();
  assert.match(await readSecureBootCheck(shell), /^ok .*locked down \(integrity\), and trusts "Debian Secure Boot CA"/);
  await shell.mustRun(`printf x >>${imageKernel}`, short);
  assert.match(await readSecureBootCheck(shell), /^ERROR .* is not what was signed/);
  const bootId = await readBootId(shell);
  {
    await using desktop = await startVm(
      system,
      desktopSpec({ image, clientMemoryMiB: 768, console: "pipe" }),
      host,
      { runDirectory: options.runDirectory, limitMs: 400_000 },
    );
    await desktop.waitForLine(/runs its own system .* and will not restart for now/, { timeoutMs: 300_000 });
  }
  const journal = (await shell.mustRun("journalctl --no-pager --boot --unit stiefel-autokexec", short)).join("\n");
  assert.match(journal, /Nothing is restarted: .*locked down \(integrity, Secure Boot\).*it is not what was signed/);
  assert.doesNotMatch(journal, /restarts as a stiefelsystem|Restarting as/);
  assert.equal(await readBootId(shell), bootId);
  await shell.mustRun("systemctl is-system-running && grep -x 0 /sys/kernel/kexec_loaded", short);
  await shell.mustRun(`truncate --size=-1 ${imageKernel} && systemctl restart stiefel-autokexec`, short);
}

/** What doctor says, which fails when it finds an error. */
async function readSecureBootCheck(shell: ConsoleShell): Promise<string> {
  const { lines } = await shell.run(inProject("deno task doctor"), { timeoutMs: 300_000 });
  const at = lines.findIndex((line) => /^\w+ +Secure Boot /.test(line));
  assert.ok(at >= 0, lines.join("\n"));
  // Longer lines are broken, and go on indented.
  const next = lines.findIndex((line, index) => index > at && !line.startsWith(" "));
  return lines.slice(at, next).join(" ").replaceAll(/ +/g, " ");
}

/** Everything that setting up may touch: kind, mode, owner, link target and, where it is cheap, content. */
async function listTree(shell: ConsoleShell): Promise<readonly string[]> {
  const places = "/etc /boot /usr/lib /usr/local /var/local /var/lib/stiefelsystem";
  const list = `find ${places} -xdev -printf '%p %y %m %u:%g %l\\n' 2>/dev/null`;
  const sums = "find /etc /boot -xdev -type f -exec sha256sum {} +";
  const lines = await shell.mustRun(`{ ${list}; ${sums}; } | LC_ALL=C sort`, { timeoutMs: 180_000 });
  return lines.filter((line) => /^(\/|[0-9a-f]{64} )/.test(line));
}
