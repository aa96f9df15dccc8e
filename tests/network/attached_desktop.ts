/**
 * A desktop as stiefel-attach leaves it in a rig: a real nbdkit is the laptop, qemu-io the desktop's disk, which reads
 * all the time.
 */
import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { formatSession } from "../../lib/protocol/session.ts";
import { session as sampleSession } from "../support/protocol_samples.ts";
import { type Cable, createRig, type Machine, type Rig, type RunningAgent } from "./rig.ts";

const programs = fileURLToPath(new URL("../../image/host/generic/usr/lib/stiefelsystem", import.meta.url));
const exportName = "0123456789abcdef0123456789abcdef";
/** On the link. */
export const laptopAddress = "fd12:3456:789a::1";
const server = laptopAddress;

export interface Desk extends AsyncDisposable {
  readonly rig: Rig;
  /** What stiefel-attach took for the root directory. */
  readonly root: string;
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

export interface DeskOptions {
  readonly shell?: readonly string[];
  /** Whether stiefel-keep-link runs, which it does with systemd only. */
  readonly keeps?: boolean;
  /** How often the disk reads, every 0.1 s. */
  readonly reads: number;
  /** In place of the one between the two. */
  readonly cables?: readonly Cable[];
  /** Before anything of ours runs. */
  prepare?(rig: Rig): Promise<void>;
}

export async function attachDesktop(
  { shell = ["dash"], keeps = false, reads, ...options }: DeskOptions,
): Promise<Desk> {
  await using stack = new AsyncDisposableStack();
  const rig = stack.use(await createRig(options.cables ?? [["laptop", "eth0", "desktop", "stiefel0"]]));
  await options.prepare?.(rig);
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
    const quick = (await Deno.readTextFile(`${programs}/stiefel-keep-link`))
      .replace("calm_seconds=10", "calm_seconds=1").replace("quick_seconds=2", "quick_seconds=0.2");
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
  // Lines as they come, also into a pipe.
  const disk = stack.use(desktop.start(["stdbuf", "-oL", "qemu-io", "-f", "raw", ...commands, image]));
  await waitUntil(disk, async () => (await desktop.run(["cat", "/proc/net/tcp6"])).includes(":2A39 01 "));
  const owned = stack.move();
  return { rig, root, desktop, laptop, disk, nbdkit, keeper, [Symbol.asyncDispose]: () => owned.disposeAsync() };
}

export async function waitUntil(program: RunningAgent, condition: () => Promise<boolean>): Promise<void> {
  for (const endMs = Date.now() + 20_000; Date.now() < endMs;) {
    if (await condition()) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error(`It did not come to that in time:\n${program.lines.join("\n")}`);
}

/** Until it has read so often, without an error. */
export async function assertReadOn(disk: RunningAgent, reads: number, withinMs: number): Promise<void> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<string>((resolve) => timer = setTimeout(() => resolve("late"), withinMs));
  const end = await Promise.race([late, disk.exited]);
  clearTimeout(timer);
  assert.notEqual(end, "late", "the disk stood still");
  assert.doesNotMatch(disk.lines.join("\n"), /error|failed/i);
  assert.equal(disk.lines.filter((line) => line.startsWith("read 4096/4096")).length, reads);
}
