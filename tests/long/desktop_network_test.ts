/**
 * A desktop's own network on the cable that carries its disk, with NetworkManager: first the laptop is alone on it,
 * then there is a router, too. Whatever is done to the desktop's network, its disk goes on.
 */

import assert from "node:assert/strict";
import { prepareDemoDisk } from "../../lib/cli/commands/prepare_machines.ts";
import { copyDemoDisk } from "../../lib/qemu/demo_disk.ts";
import { desktopSpec, laptopSpec, serverMac, serverReadyPattern } from "../../lib/qemu/machine_pair.ts";
import type { VmSpec } from "../../lib/qemu/vm_spec.ts";
import { prepareQemuTest } from "../qemu/machines.ts";
import { inSwitch } from "../qemu/switched_card.ts";
import { startConfiguredPair, startPair } from "../qemu/unplugged_cable.ts";
import { autologinCredentials, openConsoleShell } from "../support/console_shell.ts";

const rig = await prepareQemuTest();
const second = 1000;
const routerId = "router";
const networkDisk = {
  title: "Demo disk with NetworkManager",
  name: "network-demo-disk",
  packages: ["network-manager"],
} as const;

/** The desktop's card in a switch, with QEMU's own router: a DHCP server, which reaches nothing beyond it. */
function onSwitch(spec: VmSpec): VmSpec {
  return inSwitch(spec, { id: routerId, netdev: "user,restrict=on,ipv6=off" });
}

/**
 * Reads a block of the disk all the time, past every cache. In /run/reads: how often, and how many seconds one took at
 * most, to the hundredth. With what Debian's smallest Perl has.
 */
const reader = `perl -MFcntl -e '
sysopen(my $d, $ARGV[0], O_RDONLY | 040000) or die $!;
my ($n, $most, $page) = (0, 0, "\\0" x 8192);
sub now { open(my $u, "<", "/proc/uptime") or die $!; (split " ", <$u>)[0] }
for (;;) {
  my $t = now(); sysseek($d, 4096 * ($n % 65536), 0); sysread($d, $page, 4096) == 4096 or die $!;
  my $took = now() - $t; $most = $took if $took > $most; $n++;
  open(my $f, ">", "/run/reads.new"); print $f "$n $most\\n"; close $f; rename "/run/reads.new", "/run/reads";
  select(undef, undef, undef, 0.05);
}'`;

Deno.test({
  name: "a desktop with NetworkManager gets a network of its own on its disk's cable, once there is a router",
  ignore: rig.skipReason !== undefined,
  fn: async () => {
    const { system, ui, options } = rig;
    const { settings, start } = await startPair(rig);
    const disk = await prepareDemoDisk(system, ui, options, networkDisk);
    await copyDemoDisk(system, disk, settings.diskPath);
    await using laptop = await start(laptopSpec(settings, ["stiefel.on_end=poweroff"]));
    await laptop.waitForLine(serverReadyPattern, { timeoutMs: 180 * second });
    await using desktop = await start(onSwitch(desktopSpec(settings, autologinCredentials)));
    // Before that the machine takes no orders.
    await desktop.waitForLine(/./, { timeoutMs: 60 * second });
    await desktop.setLink(routerId, false);
    await desktop.waitForLine(/stiefel-demo: root=\/dev\/n/, { timeoutMs: 420 * second });
    const shell = await openConsoleShell(system, desktop, { timeoutMs: 120 * second });
    const until = (condition: string, seconds = 120): Promise<readonly string[]> =>
      shell.mustRun(
        `for i in $(seq ${seconds}); do ${condition} && exit 0; sleep 1; done; cat /run/stiefelsystem/network.state; ip address; nmcli device; exit 1`,
        {
          timeoutMs: (seconds + 60) * 2 * second,
        },
      );
    // The kernel speaks on the same console.
    const ask = async (command: string): Promise<string> =>
      (await shell.mustRun(command, { timeoutMs: 60 * second })).filter((line) => !/^\[ *\d+\.\d+\] /.test(line))
        .join("\n");

    await until("grep -q REASON=alone /run/stiefelsystem/network.state");
    assert.doesNotMatch(await ask("ip -oneline link"), /eth90/);
    const link = "ip -oneline link show dev stiefel0; ip -oneline address show dev stiefel0 scope global; " +
      "ip -6 route show table local dev stiefel0 type unicast";
    const before = await ask(link);

    await desktop.setLink(routerId, true);
    // The next question comes within a minute.
    await until("grep -q STIEFEL_NETWORK_CARD=eth90 /run/stiefelsystem/network.state");
    await until("ip -4 address show dev eth90 | grep -q 'inet 10\\.0\\.2\\.'");
    const devices = await ask("nmcli --terse --fields DEVICE,TYPE,STATE device");
    assert.match(devices, /^eth90:ethernet:connected$/m);
    assert.match(devices, /^stiefel0:ethernet:unmanaged$/m);

    await ask(
      `systemd-run --quiet --expand-environment=no --unit=reader ${reader} "$(sed -n s/STIEFEL_DISK=//p /run/stiefelsystem/session.state)"`,
    );
    await until("[ -s /run/reads ]");
    const steps: Readonly<Record<string, readonly [command: string, then: string]>> = {
      "disconnected": ["nmcli device disconnect eth90", "! ip -4 address show dev eth90 | grep -q inet"],
      "connected": ["nmcli device connect eth90", "ip -4 address show dev eth90 | grep -q 'inet 10\\.'"],
      "a profile of the user's": [
        "nmcli connection add type ethernet con-name mine ipv4.addresses 198.51.100.7/24 && nmcli connection up mine",
        "ip -4 address show dev eth90 | grep -q 'inet 198.51.100.7/'",
      ],
      "networking off": ["nmcli networking off", "! ip -4 address show dev eth90 | grep -q inet"],
      "networking on": ["nmcli networking on", "ip -4 address show dev eth90 | grep -q inet"],
      "NetworkManager restarted": ["systemctl restart NetworkManager", "ip -4 address show dev eth90 | grep -q inet"],
      "stiefel-network restarted": [
        "systemctl restart stiefel-network",
        "ip -4 address show dev eth90 | grep -q inet && grep -q =on /run/stiefelsystem/network.state",
      ],
    };
    for (const [name, [command, then]] of Object.entries(steps)) {
      await shell.mustRun(command, { timeoutMs: 120 * second });
      await until(then);
      assert.equal(await ask(link), before, name);
      const [count = "", most = ""] = (await ask("cat /run/reads")).trim().split(" ");
      console.log(`${name}: ${count} reads, the longest ${most} s`);
      assert.ok(Number(most) < 1, `${name}: one read took ${most} s`);
      await until(`[ "$(cut -d ' ' -f 1 /run/reads)" -gt ${count} ]`);
    }

    desktop.type("systemctl poweroff\n");
    await desktop.waitForLine(/reboot: Power down/, { timeoutMs: 300 * second });
    assert.equal((await laptop.ended).kind, "shutdown");
    const errors = desktop.lines.filter(({ text }) => /I\/O error|EXT4-fs error|CUT OFF|DOES NOT ANSWER/.test(text));
    assert.deepEqual(errors, []);
    await system.remove(settings.diskPath);
  },
});

/** An answer of ICMP from an address; ping(8) is not on the disk. */
const ping = (address: string): string =>
  `perl -MSocket -e 'socket(my $s, PF_INET, SOCK_RAW, 1) or die $!; my $to = sockaddr_in(0, inet_aton("${address}"));
my $p = pack("C2n3a8", 8, 0, 0, 7, 1, "stiefel!"); my $sum = unpack("%32n*", $p); $sum = ($sum >> 16) + ($sum & 65535);
substr($p, 2, 2) = pack("n", ~($sum + ($sum >> 16)) & 65535); alarm 20; send($s, $p, 0, $to) or die $!;
while (recv($s, my $a, 1500, 0)) { exit 0 if substr($a, 20, 1) eq "\\0" && $a =~ /stiefel!$/ }'`;

Deno.test({
  name: "a laptop passes the network of its other card on to a desktop with NetworkManager on a cable of its own",
  ignore: rig.skipReason !== undefined,
  fn: async () => {
    const { system, ui, options } = rig;
    const otherMac = "52:54:00:5a:1e:f3";
    const yaml = `server: {pass-on-from: ["${otherMac}"], pass-on-to: ["${serverMac}"]}\n`;
    const { settings, start } = await startConfiguredPair(rig, "pass-on", yaml);
    const disk = await prepareDemoDisk(system, ui, options, networkDisk);
    await copyDemoDisk(system, disk, settings.diskPath);
    const server = laptopSpec(settings, ["stiefel.on_end=poweroff"]);
    const card = `virtio-net-pci,netdev=${routerId},mac=${otherMac},romfile=`;
    await using laptop = await start({
      ...server,
      arguments: ["-netdev", `user,id=${routerId},restrict=on`, "-device", card],
    });
    await laptop.waitForLine(serverReadyPattern, { timeoutMs: 180 * second });
    await using desktop = await start(desktopSpec(settings, autologinCredentials));
    await desktop.waitForLine(/stiefel-demo: root=\/dev\/n/, { timeoutMs: 420 * second });
    const shell = await openConsoleShell(system, desktop, { timeoutMs: 120 * second });
    await shell.mustRun(
      "for i in $(seq 180); do ip -4 address show dev eth90 | grep -q 'inet 10.83.97.' && exit 0; sleep 1; done; " +
        "cat /run/stiefelsystem/network.state; ip address; exit 1",
      { timeoutMs: 480 * second },
    );
    // QEMU's router answers for itself.
    await shell.mustRun(ping("10.0.2.2"), { timeoutMs: 60 * second });
    desktop.type("systemctl poweroff\n");
    await desktop.waitForLine(/reboot: Power down/, { timeoutMs: 300 * second });
    assert.equal((await laptop.ended).kind, "shutdown");
    await system.remove(settings.diskPath);
  },
});
