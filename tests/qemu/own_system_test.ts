/**
 * The whole story of a laptop: its own Debian runs from its own disk, is set up by the real commands, turns into a server when a desktop
 * asks, comes back by itself, and is as before after undo-setup.
 */

import assert from "node:assert/strict";
import { type ConsoleShell, openConsoleShell } from "../../lib/qemu/console_shell.ts";
import {
  demoCredentials,
  demoMarkerPath,
  desktopSpec,
  newToken,
  serverReadyPattern,
} from "../../lib/qemu/machine_pair.ts";
import { inProject } from "../../lib/qemu/project_disk.ts";
import { startVm, type Vm } from "../../lib/qemu/run_vm.ts";
import { startFromStick } from "./boot_stick.ts";
import { assertRefused } from "./hibernated.ts";
import { prepareQemuTest } from "./machines.ts";
import { type LaptopKind, laptops, type OwnLaptop, startOwnLaptop, typePassphrase } from "./own_system.ts";

const rig = await prepareQemuTest();

const second = 1000;
const short = { timeoutMs: 60 * second } as const;
/** Deno in an emulated machine needs half a minute for a command. */
const command = { timeoutMs: 180 * second } as const;
/** Building an initramfs in an emulated machine takes minutes. */
const build = { timeoutMs: 720 * second } as const;
const limits = { limitMs: 1800 * second } as const;

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
    const back = await serveAndComeBack(laptop, laptops.plain, shell);
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

Deno.test({
  name: "the same with dracut, and everything in subvolumes of btrfs on LVM",
  ignore: rig.skipReason !== undefined,
  fn: async () => {
    await using laptop = await startOwnLaptop(rig, laptops.lvmBtrfs, limits);
    const shell = await laptop.work(1);
    await setUp(shell);
    const { desktop } = await serveAndComeBack(laptop, laptops.lvmBtrfs, shell);
    await switchOff(laptop);
    const said = (pattern: RegExp): number => desktop.lines.findIndex(({ text }) => pattern.test(text));
    assert.ok(said(/Finished .*stiefel-attach\.service/) >= 0, "the unit attached the disk");
    assert.ok(said(/Finished .*stiefel-prepare\.service/) >= 0, "the unit prepared the system");
    assert.ok(said(/stiefelsystem: detaching the laptop's disk/) >= 0, "the disk was let go of at the end");
    // Nothing but our unit in the initramfs: neither dracut's own network nor a network manager.
    const switchRoot = said(/Starting .*initrd-switch-root\.service/);
    assert.ok(switchRoot >= 0, "the initramfs was left");
    const inInitramfs = desktop.lines.slice(0, switchRoot);
    const networks = inInitramfs.filter(({ text }) =>
      /Start(?:ing|ed) .*(?:NetworkManager|systemd-networkd|nm-initrd)/.test(text)
    );
    assert.deepEqual(networks, []);
  },
});

Deno.test({
  name:
    "the same with initramfs-tools, and everything on LVM in LUKS: /boot and swap, too; then it sleeps, a desktop refuses it, and it " +
    "wakes up as if nothing had been",
  ignore: rig.skipReason !== undefined,
  fn: async () => {
    await using laptop = await startOwnLaptop(rig, laptops.luksLvm, limits);
    const shell = await laptop.work(1);
    await setUp(shell);
    const { desktop, shell: back } = await serveAndComeBack(laptop, laptops.luksLvm, shell);
    // The server has looked into it.
    assert.ok(!desktop.lines.some(({ text }) => /whether a hibernated system is inside cannot be seen/.test(text)));
    const doctor = await back.mustRun(inProject("deno task doctor"), command);
    const checks = [
      /^ok +setup +done$/,
      /^ok +encryption +a passphrase opens \/dev\/vda3$/,
      /^warn +hibernation +set up \(resume=\/dev\/mapper\/laptop-swap_1\)$/,
    ];
    for (const check of checks) assert.ok(doctor.some((line) => check.test(line)), doctor.join("\n"));

    await copyBoot(back);
    const bootId = await readBootId(back);
    await hibernate(laptop);
    await assertRefused(rig, laptop.diskPath, "/dev/mapper/laptop-swap_1");
    await laptop.switchOn();
    await laptop.vm.waitForLine(awake, { timeoutMs: 300 * second });
    assert.equal(await readBootId(await openConsoleShell(rig.system, laptop.vm, short)), bootId);
    await switchOff(laptop);
  },
});

/** The image that is started from the laptop's own system says on the serial console what it does, too. */
const settings = `server-setup:
  cmdline: [console=tty0, "console=ttyS0,115200"]
`;

/** Sums of what the laptop itself boots. */
const ownInitramfs = "/run/own-initramfs.sha256";

async function setUp(shell: ConsoleShell): Promise<void> {
  await shell.mustRun(`sha256sum /boot/initrd.img-* >${ownInitramfs}`, short);
  await shell.mustRun(inProject("deno task init --yes"), command);
  await shell.mustRun(inProject(`printf '%s' '${settings}' >>config.yaml`), short);
  await shell.mustRun(inProject("deno task setup-server --yes"), build);
  await shell.mustRun(`sha256sum --check ${ownInitramfs}`, short);
  await shell.mustRun("systemctl is-enabled stiefel-autokexec && systemctl is-active stiefel-autokexec", short);
}

/** Where setup-server puts the image's kernel. */
const imageKernel = "/var/local/lib/stiefelsystem/kernel";

/** A byte is too much, the signature holds no more: doctor says so, and a desktop asks in vain. The byte goes again. */
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
      { runDirectory: options.runDirectory, limitMs: 400 * second },
    );
    await desktop.waitForLine(/runs its own system .* and will not restart for now/, { timeoutMs: 300 * second });
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
  const { lines } = await shell.run(inProject("deno task doctor"), { timeoutMs: 300 * second });
  const at = lines.findIndex((line) => /^\w+ +Secure Boot /.test(line));
  assert.ok(at >= 0, lines.join("\n"));
  // Longer lines are broken, and go on indented.
  const next = lines.findIndex((line, index) => index > at && !line.startsWith(" "));
  return lines.slice(at, next).join(" ").replaceAll(/ +/g, " ");
}

/** From the laptop's own system through a desktop's boot into it again. */
async function serveAndComeBack(
  laptop: OwnLaptop,
  kind: LaptopKind,
  shell: ConsoleShell,
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
    kind.hasSecureBoot ? await startFromStick(rig, spec, { image, laptopDiskPath: laptop.diskPath }) : spec,
    host,
    { runDirectory: options.runDirectory, limitMs: 900 * second },
  );
  await using _typist = typePassphrase(system, desktop, kind);
  await laptop.vm.waitForLine(serverReadyPattern, { timeoutMs: 300 * second, from });
  assert.deepEqual(await kind.listUnclean(system, laptop.diskPath), []);
  const root = RegExp.escape(kind.desktopRoot);
  await desktop.waitForLine(new RegExp(`stiefel-demo: root=${root} `), { timeoutMs: 420 * second });
  assert.equal((await desktop.ended).kind, "shutdown");
  const back = await laptop.work(2);
  const said = laptop.vm.lines.slice(from);
  assert.ok(
    said.some(({ text }) => /Sending ".*" \(\/.*stiefelsystem\.json\)$/.test(text)),
    "the separate pair was sent",
  );
  assert.ok(
    said.some(({ text }) => /^\s*The computer restarts as a stiefelsystem in /.test(text)),
    "the terminal on which root works was told",
  );
  assertWasUnmounted(desktop.lines, kind);
  assertWasUnmounted(said, kind);
  await back.mustRun(`grep -F 'token=${token} root=${kind.desktopRoot} ' ${demoMarkerPath}`, short);
  // The journal of the boot that ended in the image goes on to its very end.
  await back.mustRun(`journalctl --no-pager -b ${bootId} | tail -n 5 | grep 'Journal stopped'`, short);
  await back.mustRun(`journalctl --no-pager -b ${bootId} -u stiefel-autokexec | grep 'Restarting as'`, short);
  return { desktop, shell: back };
}

/** What fsck(8) and the kernel say of a file system with something to replay when they get it, and the server when it looks at it. */
function assertWasUnmounted(lines: Vm["lines"], { mounted }: LaptopKind): void {
  assert.ok(lines.some(({ text }) => mounted.test(text)), "the root file system was mounted");
  const replays = lines.filter(({ text }) =>
    /recovering journal|EXT4-fs .*(?:recovery|orphan)|BTRFS .*(?<!disabling log )replay|was not (?:cleanly )?unmounted/
      .test(text)
  );
  assert.deepEqual(replays, []);
}

/**
 * Gives the laptop a plain /boot, as Debian's installer makes it: a server finds what to boot there, unlocks nothing, and cannot see that
 * there is a hibernated system.
 */
async function copyBoot(shell: ConsoleShell): Promise<void> {
  const plain = "/dev/vda2";
  const steps = [`mkfs.ext4 -q ${plain}`, `mount ${plain} /mnt`, "cp -a /boot/. /mnt/", "umount /mnt"];
  await shell.mustRun(steps.join(" && "), command);
}

const awake = /^awake-42$/;

/** Really: its memory goes into its swap, it switches itself off, and the shell that did it goes on when it is switched on again. */
async function hibernate({ vm }: OwnLaptop): Promise<void> {
  vm.type("echo disk >/sys/power/state && echo && echo awake-$((40 + 2))\n");
  assert.equal((await vm.ended).kind, "shutdown");
  assert.ok(vm.lines.some(({ text }) => /PM: hibernation: Creating image|PM: Image saving done/.test(text)));
}

async function switchOff({ vm }: OwnLaptop): Promise<void> {
  vm.type("systemctl poweroff\n");
  assert.equal((await vm.ended).kind, "shutdown");
}

/** Everything that setting up may touch: kind, mode, owner, link target and, where it is cheap, content. */
async function listTree(shell: ConsoleShell): Promise<readonly string[]> {
  const places = "/etc /boot /usr/lib /usr/local /var/local /var/lib/stiefelsystem";
  const list = `find ${places} -xdev -printf '%p %y %m %u:%g %l\\n' 2>/dev/null`;
  const sums = "find /etc /boot -xdev -type f -exec sha256sum {} +";
  const lines = await shell.mustRun(`{ ${list}; ${sums}; } | LC_ALL=C sort`, { timeoutMs: 180 * second });
  return lines.filter((line) => /^(\/|[0-9a-f]{64} )/.test(line));
}

/** As journalctl(1) wants it. */
async function readBootId(shell: ConsoleShell): Promise<string> {
  const lines = await shell.mustRun("cat /proc/sys/kernel/random/boot_id", short);
  const id = lines.find((line) => /^[0-9a-f-]{36}$/.test(line));
  assert.ok(id !== undefined, lines.join("\n"));
  return id.replaceAll("-", "");
}
