/**
 * N2, N3, A14: the link of a running desktop, as stiefel-attach and stiefel-keep-link leave it, and what VPN programs
 * do to all links. A real nbdkit is the laptop, qemu-io the desktop's disk.
 */
import { session as sampleSession } from "../support/protocol_samples.ts";
import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { formatSession } from "../../lib/protocol/session.ts";
import { createRig, type Machine, rigTest, type RunningAgent } from "./rig.ts";
import { sendAllElsewhere } from "./vpn_routes.ts";

const programs = fileURLToPath(new URL("../../image/host/generic/usr/lib/stiefelsystem", import.meta.url));
const exportName = "0123456789abcdef0123456789abcdef";
const server = "fd12:3456:789a::1";
/** One every 0.1 s. */
const reads = 60;

interface Desk extends AsyncDisposable {
  readonly nbdkit: RunningAgent;
  readonly keeper: RunningAgent | undefined;
  readonly desktop: Machine;
  readonly laptop: Machine;
  readonly disk: RunningAgent;
}

/**
 * The programs of an initramfs that do nothing here, and nbd-client, which makes the first contact and the node that
 * it would make.
 */
const standIns: Readonly<Record<string, string>> = {
  modprobe: "",
  udevadm: "",
  "nbd-client": `[ "$1" != -d ] || exit 0
nbdinfo --size "nbd://[${server}]/${exportName}" >/dev/null 2>&1 || exit 1
mkdir -p "$ROOT/sys/block/nbd0/queue" "$ROOT/dev"
echo 2048 >"$ROOT/sys/block/nbd0/size"; echo 512 >"$ROOT/sys/block/nbd0/queue/logical_block_size"; : >"$ROOT/dev/nbd0"`,
};

/** @param keeps whether stiefel-keep-link runs, which it does with systemd only */
async function attach(shell: readonly string[], keeps: boolean): Promise<Desk> {
  await using stack = new AsyncDisposableStack();
  const rig = stack.use(await createRig([["laptop", "eth0", "desktop", "stiefel0"]]));
  const [laptop, desktop] = [rig.machine("laptop"), rig.machine("desktop")];
  await laptop.run(["ip", "link", "set", "dev", "eth0", "up"]);
  await laptop.run(["ip", "address", "add", `${server}/64`, "dev", "eth0", "nodad"]);
  const lend = ["nbdkit", "--foreground", "--exit-with-parent", "--ipaddr", server, "memory", "1M"];
  const nbdkit = stack.use(laptop.start([...lend, "--filter=exportname", `exportname=${exportName}`]));
  const root = `${desktop.directory}/root`;
  const links = JSON.parse(await desktop.run(["ip", "-json", "link", "show", "dev", "stiefel0"]));
  const linkMac = String(links[0].address);
  const sysfs = `${root}/sys/class/net/stiefel0`;
  for (const directory of [`${sysfs}/device`, `${root}/stiefelsystem`, `${desktop.directory}/bin`]) {
    await Deno.mkdir(directory, { recursive: true });
  }
  await Deno.writeTextFile(`${sysfs}/address`, `${linkMac}\n`);
  await Deno.writeTextFile(`${sysfs}/carrier`, "1\n");
  await Deno.symlink("/proc", `${root}/proc`);
  const session = formatSession({
    ...sampleSession,
    link: { ...sampleSession.link, mac: linkMac, address: "fd12:3456:789a::2/64" },
    disk: { ...sampleSession.disk, address: server, exportName, sizeBytes: 1048576, connections: 1 },
  });
  await Deno.writeTextFile(`${root}/stiefelsystem/session`, session);
  for (const [name, body] of Object.entries(standIns)) {
    const text = `#!/bin/sh\nROOT=${root}\n${body}\n`;
    await Deno.writeTextFile(`${desktop.directory}/bin/${name}`, text, { mode: 0o755 });
  }
  const path = `PATH=${desktop.directory}/bin:/usr/sbin:/usr/bin:/sbin:/bin`;
  await desktop.run(["env", path, ...shell, `${programs}/stiefel-attach`, "attach", root]);
  let keeper: RunningAgent | undefined;
  if (keeps) {
    // in the mount namespace that `ip netns exec` gives
    const enter = 'mount --bind "$0" /run; for device in /dev/kmsg /dev/console; do ' +
      '[ ! -e "$device" ] || mount --bind /dev/null "$device"; done; ' +
      // what systemd gives to a service of Debian 13
      'exec env -i PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin "$@"';
    // What takes ten seconds on a desktop takes one here.
    const quick = (await Deno.readTextFile(`${programs}/stiefel-keep-link`)).replace(
      "look_seconds=10",
      "look_seconds=1",
    );
    await Deno.writeTextFile(`${desktop.directory}/stiefel-keep-link`, quick, { mode: 0o755 });
    await Deno.symlink(`${programs}/attach`, `${desktop.directory}/attach`);
    const words = [...shell, `${desktop.directory}/stiefel-keep-link`, "/run/stiefelsystem/keep-link"];
    const started = keeper = stack.use(desktop.start(["sh", "-euc", enter, `${root}/run`, ...words]));
    // It repairs when it starts: a route that is gone comes back.
    await desktop.run(["ip", "route", "del", server, "dev", "stiefel0", "table", "local"]);
    await waitUntil(
      started,
      async () => (await desktop.run(["ip", "-6", "route", "show", "table", "local"])).includes(server),
    );
  }
  const image = `nbd://[${server}]/${exportName}`;
  const commands = Array.from({ length: reads }, () => ["-c", "read 0 4k", "-c", "sleep 100"]).flat();
  const disk = stack.use(desktop.start(["qemu-io", "-f", "raw", ...commands, image]));
  await waitUntil(disk, async () => (await desktop.run(["cat", "/proc/net/tcp6"])).includes(":2A39 01 "));
  const owned = stack.move();
  return { desktop, laptop, disk, nbdkit, keeper, [Symbol.asyncDispose]: () => owned.disposeAsync() };
}

async function waitUntil(program: RunningAgent, condition: () => Promise<boolean>): Promise<void> {
  for (const endMs = Date.now() + 20_000; Date.now() < endMs;) {
    if (await condition()) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error(`It did not come to that in time:\n${program.lines.join("\n")}`);
}

async function assertReadOn(disk: RunningAgent, withinMs: number): Promise<void> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<string>((resolve) => timer = setTimeout(() => resolve("late"), withinMs));
  const end = await Promise.race([late, disk.exited]);
  clearTimeout(timer);
  assert.notEqual(end, "late", "the disk stood still");
  assert.doesNotMatch(disk.lines.join("\n"), /error|failed/i);
  assert.equal(disk.lines.filter((line) => line.startsWith("read 4096/4096")).length, reads);
}

const shells = [["dash"], ["busybox", "sh"]] as const;

for (const shell of shells) {
  rigTest(
    `N2: a VPN switches IPv6 off for all links, and on again: the desktop reads on (${shell.join(" ")})`,
    async () => {
      await using desk = await attach(shell, true);
      const { desktop, disk } = desk;
      const all = "/proc/sys/net/ipv6/conf/all/disable_ipv6";
      const own = "/proc/sys/net/ipv6/conf/stiefel0/disable_ipv6";
      const write = (value: number): Promise<string> => desktop.run(["sh", "-c", `echo ${value} >${all}`]);
      const hasAddress = async (): Promise<boolean> =>
        (await desktop.run(["ip", "-6", "address", "show", "dev", "stiefel0"])).includes("fd12:3456:789a::2/64");
      await write(1);
      await waitUntil(disk, hasAddress);
      assert.equal(await desktop.run(["cat", own]), "0\n");
      await write(0);
      await waitUntil(disk, hasAddress);
      // others of the kind
      await desktop.run(["ip", "-6", "address", "flush", "scope", "global"]);
      await waitUntil(disk, hasAddress);
      await desktop.run(["sh", "-c", `echo 1 >${own}`]);
      await waitUntil(disk, hasAddress);
      await desktop.run(["ip", "link", "set", "dev", "stiefel0", "down"]);
      await desktop.run(["ip", "link", "set", "dev", "stiefel0", "up"]);
      const route = async (): Promise<boolean> =>
        (await desktop.run(["ip", "route", "get", server])).includes("dev stiefel0 table local");
      await waitUntil(disk, route);
      await assertReadOn(disk, 25_000);
    },
  );
}

rigTest("N3: whatever sends all into a tunnel, the disk's packets never enter it", async () => {
  // without stiefel-keep-link: nothing of it is needed
  await using desk = await attach(["dash"], false);
  const { desktop, disk } = desk;
  await sendAllElsewhere(desktop, async (name) => {
    assert.match(await desktop.run(["ip", "route", "get", server]), / dev stiefel0 table local /, name);
  });
  await assertReadOn(disk, 25_000);
});

rigTest("A14: the desktop knows the laptop's MAC address for good", async () => {
  await using desk = await attach(["dash"], false);
  const { desktop, laptop } = desk;
  const mac = /link\/ether (\S+)/.exec(await laptop.run(["ip", "link", "show", "dev", "eth0"]))?.[1] ?? "";
  const entry = await desktop.run(["ip", "neighbour", "show", "to", server]);
  assert.match(entry, new RegExp(`lladdr ${mac} .*PERMANENT`));
});

rigTest(
  "A3: the desktop says in large letters that its disk is cut off, and otherwise that the laptop does not answer",
  async () => {
    await using desk = await attach(["busybox", "sh"], true);
    const { laptop, nbdkit, keeper } = desk;
    assert.ok(keeper !== undefined);
    // It reads all the time: the next question gets no answer.
    await laptop.run([
      "nft",
      "add table inet cut; add chain inet cut incoming { type filter hook input priority 0; policy drop; }",
    ]);
    await keeper.waitForLine(/THE LAPTOP DOES NOT ANSWER/);
    assert.doesNotMatch(keeper.lines.join("\n"), /CUT OFF/);
    await laptop.run(["nft", "delete table inet cut"]);
    await keeper.waitForLine(/The laptop answers again/);
    await nbdkit.kill();
    await keeper.waitForLine(/THE LAPTOP'S DISK IS CUT OFF/);
  },
);
