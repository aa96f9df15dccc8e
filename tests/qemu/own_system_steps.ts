/** What the scenarios of a laptop's own system have in common: set up, serve a desktop, come back, switch off. */

import assert from "node:assert/strict";
import type { ConsoleShell } from "../support/console_shell.ts";
import {
  demoCredentials,
  demoMarkerPath,
  desktopSpec,
  newToken,
  serverReadyPattern,
} from "../../lib/qemu/machine_pair.ts";
import { inProject } from "../support/project_disk.ts";
import { startVm, type Vm } from "../../lib/qemu/run_vm.ts";
import { waitForAttachedDisk } from "./attached_disk.ts";
import { startFromStick } from "./boot_stick.ts";
import type { QemuTest } from "./machines.ts";
import { type LaptopKind, type OwnLaptop, typePassphrase } from "./own_system.ts";

const second = 1000;
/** A command of the shell. */
export const short = { timeoutMs: 60 * second } as const;
/** Deno in an emulated machine needs half a minute for a command. */
export const command = { timeoutMs: 180 * second } as const;
/** Building an initramfs in an emulated machine takes minutes. */
export const build = { timeoutMs: 720 * second } as const;
/** All that one laptop does. */
export const limits = { limitMs: 1800 * second } as const;

/** The image that is started from the laptop's own system says on the serial console what it does, too. */
const settings = `server-setup:
  cmdline: [console=tty0, "console=ttyS0,115200"]
`;

/** Sums of what the laptop itself boots. */
const ownInitramfs = "/run/own-initramfs.sha256";

/** @param edit a command that changes config.yaml further */
export async function setUp(shell: ConsoleShell, edit = ":"): Promise<void> {
  await shell.mustRun(`sha256sum /boot/initrd.img-* >${ownInitramfs}`, short);
  await shell.mustRun(inProject("deno task init --yes"), command);
  await shell.mustRun(inProject(`printf '%s' '${settings}' >>config.yaml && ${edit}`), short);
  await shell.mustRun(inProject("deno task setup-server --yes"), build);
  await shell.mustRun(`sha256sum --check ${ownInitramfs}`, short);
  await shell.mustRun("systemctl is-enabled stiefel-autokexec && systemctl is-active stiefel-autokexec", short);
}

/** From the laptop's own system through a desktop's boot into it again. */
export async function serveAndComeBack(
  rig: QemuTest,
  { laptop, kind, shell }: { readonly laptop: OwnLaptop; readonly kind: LaptopKind; readonly shell: ConsoleShell },
): Promise<{ readonly desktop: Vm; readonly shell: ConsoleShell }> {
  const { system, options } = rig;
  const { image, host } = await rig.machines();
  const bootId = await readBootId(shell);
  const token = newToken(system);
  const from = laptop.vm.lines.length;
  const credentials = demoCredentials({ action: "poweroff", token });
  const spec = desktopSpec({ image, clientMemoryMiB: 1024, console: "pipe" }, credentials);
  await using desktop = await startVm(
    system,
    kind.hasSecureBoot ? await startFromStick(rig, spec) : spec,
    host,
    { runDirectory: options.runDirectory, limitMs: 900 * second },
  );
  await using _typist = typePassphrase(system, desktop, kind);
  await laptop.vm.waitForLine(serverReadyPattern, { timeoutMs: 300 * second, from });
  assert.deepEqual(await kind.listUnclean(system, laptop.diskPath), []);
  const root = kind.desktopRoot(await waitForAttachedDisk(desktop, 420 * second));
  await desktop.waitForLine(new RegExp(`stiefel-demo: root=${RegExp.escape(root)} `), { timeoutMs: 420 * second });
  assert.equal((await desktop.ended).kind, "shutdown");
  const back = await laptop.work(2);
  const said = laptop.vm.lines.slice(from);
  assert.ok(
    said.some(({ text }) => /Sending ".*" \(handed over by the laptop's own system\)$/.test(text)),
    "what the laptop's own system has handed over was sent",
  );
  assert.ok(
    !desktop.lines.some(({ text }) => /Passphrase of the encrypted disk/.test(text)),
    "the server unlocks nothing: a passphrase is for the laptop's own initramfs alone",
  );
  assert.ok(
    said.some(({ text }) => /^\s*The computer restarts as a stiefelsystem in /.test(text)),
    "the terminal on which root works shows the warning",
  );
  assertWasUnmounted(desktop.lines, kind);
  assertWasUnmounted(said, kind);
  await back.mustRun(`grep -F 'token=${token} root=${root} ' ${demoMarkerPath}`, short);
  // The journal of the boot that ended in the image goes on to its very end.
  await back.mustRun(`journalctl --no-pager -b ${bootId} | tail -n 5 | grep 'Journal stopped'`, short);
  await back.mustRun(`journalctl --no-pager -b ${bootId} -u stiefel-autokexec | grep 'Restarting as'`, short);
  return { desktop, shell: back };
}

/**
 * What fsck(8) and the kernel say of a file system with something to replay when they get it, and the server when it
 * looks at it.
 */
function assertWasUnmounted(lines: Vm["lines"], { mounted }: LaptopKind): void {
  assert.ok(lines.some(({ text }) => mounted.test(text)), "the root file system was mounted");
  const replays = lines.filter(({ text }) =>
    /recovering journal|EXT4-fs .*(?:recovery|orphan)|BTRFS .*(?<!disabling log )replay|was not (?:cleanly )?unmounted/
      .test(text)
  );
  assert.deepEqual(replays, []);
}

export async function switchOff({ vm }: OwnLaptop): Promise<void> {
  vm.type("systemctl poweroff\n");
  assert.equal((await vm.ended).kind, "shutdown");
}

/** As journalctl(1) wants it. */
export async function readBootId(shell: ConsoleShell): Promise<string> {
  const lines = await shell.mustRun("cat /proc/sys/kernel/random/boot_id", short);
  const id = lines.find((line) => /^[0-9a-f-]{36}$/.test(line));
  assert.ok(id !== undefined, lines.join("\n"));
  return id.replaceAll("-", "");
}
