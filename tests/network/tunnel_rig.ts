/**
 * A disk that is lent through WireGuard: both agents and stiefel-attach, with wireguard-go in place of the kernel's,
 * which not every machine has. Whether the kernel's works is for machines of their own to show.
 */
import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { parseCpio } from "../../lib/formats/cpio.ts";
import { parseSession } from "../../lib/protocol/session.ts";
import type { SessionParameters } from "../../lib/protocol/session_groups.ts";
import { createSite, type Site, startClient, startServer } from "./agents.ts";
import { type Cable, createRig, type Machine, type Rig, type RunningAgent } from "./rig.ts";
import { layStandIns, type StandIns } from "./stand_ins.ts";

const programs = fileURLToPath(new URL("../../image/host/generic/usr/lib/stiefelsystem", import.meta.url));

/** Makes a link of WireGuard as a process does it. */
const ip = `echo "ip $*" >>"$D/log"
case "$*" in
"link add dev "*" type wireguard") exec wireguard-go "$4" >>"$D/log" 2>&1 ;;
esac
for real in /usr/sbin/ip /usr/bin/ip /sbin/ip; do
  [ ! -x "$real" ] || exec "$real" "$@"
done`;

/** Writes down how it is called; keys come by its standard input, or in a file. */
const wg = `echo "wg $*" >>"$D/log"
exec /usr/bin/wg "$@"`;

/** A machine's own place for the sockets of wireguard-go, which are called like its links. */
const alone = (argv: readonly string[]): readonly string[] => [
  ...["sh", "-c", 'mkdir -p /run/wireguard && mount -t tmpfs tmpfs /run/wireguard && exec "$@"', "sh"],
  ...argv,
];

export interface Fetched {
  readonly session: SessionParameters;
  readonly tunnelConfig: string;
  /** All of it, by path. */
  readonly files: ReadonlyMap<string, { readonly content: Uint8Array; readonly mode: number }>;
}

/** What the desktop's agent has put behind the initramfs. */
async function readFetched(desktop: Machine, site: Site): Promise<Fetched> {
  const initramfs = await Deno.readFile(`${desktop.directory}/run/initramfs`);
  const rest = initramfs.subarray(site.initramfs.length);
  const files = new Map(
    parseCpio(rest.subarray(rest.findIndex((byte) => byte !== 0)))
      .flatMap((entry) => entry.kind === "file" ? [[entry.path, entry] as const] : []),
  );
  const read = (path: string): string => new TextDecoder().decode(files.get(path)?.content);
  return {
    session: parseSession(read("stiefelsystem/session")),
    tunnelConfig: read("stiefelsystem/tunnel.conf"),
    files,
  };
}

/** Everything that crosses a link, until it is disposed of. */
export async function capture(
  machine: Machine,
  link: string,
): Promise<AsyncDisposable & { read(leastBytes: number): Promise<Uint8Array> }> {
  const path = `${machine.directory}/captured`;
  // packet(7): AF_PACKET, SOCK_RAW, ETH_P_ALL; sockaddr_ll with the link's index. socket(7): SO_RCVBUFFORCE, so that
  // nothing is lost while other programs have the processor
  const script =
    `socket(my $s, 17, 3, 0x0300) or die $!; setsockopt($s, 1, 33, pack("i", 1 << 26)) or die $!; bind($s, pack("SnlSCCx8", 17, 3, ${"$ARGV[0]"}, 0, 0, 0)) or die $!;
open(my $f, ">", $ARGV[1]) or die $!; $f->autoflush(1); $| = 1; print "ready\\n";
while (defined recv($s, my $p, 65536, 0)) { print $f $p }`;
  const index = (await machine.run(["cat", `/sys/class/net/${link}/ifindex`])).trim();
  const program = machine.start(["perl", "-MIO::Handle", "-e", script, index, path]);
  await program.waitForLine(/ready/);
  return {
    /** When there are so many, or after ten seconds what there is. */
    read: async (leastBytes) => {
      const endMs = Date.now() + 10_000;
      while ((await Deno.stat(path)).size < leastBytes && Date.now() < endMs) {
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
      return await Deno.readFile(path);
    },
    [Symbol.asyncDispose]: () => program[Symbol.asyncDispose](),
  };
}

/**
 * Runs stiefel-attach as the desktop's initramfs would.
 * @param contact what nbd-client does in place of the kernel's block device; URI is the disk's
 * @returns the root that it worked in
 */
export async function attach(
  rig: Rig,
  { session, files }: Fetched,
  contact: (uri: string) => string,
): Promise<string> {
  const desktop = rig.machine("desktop");
  const root = `${desktop.directory}/root`;
  const { disk } = session;
  assert.ok("sizeBytes" in disk);
  const standIns = await layStandIns(`${rig.directory}/desktop-programs`, {
    ip,
    modprobe: "",
    udevadm: "",
    "nbd-client": `[ "$1" != -d ] || exit 0
${contact(uriOf(session))} || exit 1
mkdir -p "${root}/sys/block/nbd0/queue" "${root}/dev"
echo ${disk.sizeBytes / 512} >"${root}/sys/block/nbd0/size"
echo 512 >"${root}/sys/block/nbd0/queue/logical_block_size"; : >"${root}/dev/nbd0"`,
  });
  const sysfs = `${root}/sys/class/net/stiefel0`;
  for (const directory of [`${sysfs}/device`, `${root}/stiefelsystem`]) {
    await Deno.mkdir(directory, { recursive: true });
  }
  await Deno.writeTextFile(`${sysfs}/address`, `${session.link.mac}\n`);
  await Deno.writeTextFile(`${sysfs}/carrier`, "1\n");
  await Deno.symlink("/proc", `${root}/proc`);
  for (const [path, { content, mode }] of files) {
    await Deno.writeFile(`${root}/${path}`, Uint8Array.from(content), { mode });
  }
  await desktop.run(alone(standIns.wrap(["dash", `${programs}/stiefel-attach`, "attach", root])));
  return root;
}

export function uriOf({ disk }: SessionParameters): string {
  assert.equal(disk.transport, "nbd");
  return `nbd://[${disk.address}]:${disk.port}/${disk.exportName}`;
}

export async function waitUntil(what: string, condition: () => Promise<boolean>): Promise<void> {
  for (const endMs = Date.now() + 20_000; Date.now() < endMs;) {
    if (await condition()) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error(`It did not come to that in time: ${what}`);
}

export interface Lent extends AsyncDisposable {
  readonly rig: Rig;
  readonly site: Site;
  readonly server: RunningAgent;
  readonly client: RunningAgent;
  readonly fetched: Fetched;
  /** What the laptop's agent has started of ip and wg. */
  readonly laptopPrograms: StandIns;
}

/** Up to where the desktop's own kernel would start. @param cables beside that of the two */
export async function lend(cables: readonly Cable[] = []): Promise<Lent> {
  await using stack = new AsyncDisposableStack();
  const rig = stack.use(await createRig([["laptop", "eth0", "desktop", "stiefel0"], ...cables]));
  const site = await createSite(rig);
  const standIns = await layStandIns(`${rig.directory}/laptop-programs`, { ip, wg });
  const wrap = (argv: readonly string[]): readonly string[] => alone(standIns.wrap(argv));
  const server = stack.use(startServer(rig.machine("laptop"), { site, security: "wireguard", wrap }));
  await server.waitForLine(/Waiting for a desktop/);
  const client = stack.use(startClient(rig.machine("desktop"), { site }));
  assert.equal((await client.exited).exitCode, 0, `${client.lines.join("\n")}\n${server.lines.join("\n")}`);
  await server.waitForLine(/has all it needs/);
  const fetched = await readFetched(rig.machine("desktop"), site);
  const owned = stack.move();
  return {
    rig,
    site,
    server,
    client,
    fetched,
    laptopPrograms: standIns,
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

/** Those of tunnels. */
export function listNamespaces(): readonly string[] {
  return [...Deno.readDirSync("/run/netns")].map(({ name }) => name).filter((name) =>
    /^stiefel-[0-9a-f]{8}$/.test(name)
  );
}

/**
 * Runs a program in the namespace of the tunnel, which only the laptop's agent and what it starts can see: a place of
 * mounts is its own in this rig.
 * @param before what there was of namespaces before anything was lent
 */
export async function runInside(
  { rig, server }: Lent,
  before: readonly string[],
  argv: readonly string[],
): Promise<string> {
  const [namespace, ...more] = listNamespaces().filter((name) => !before.includes(name));
  assert.ok(namespace !== undefined && more.length === 0, more.join(" "));
  const enter = ["nsenter", "--target", String(server.pid), "--mount", "ip", "netns", "exec", namespace];
  return await rig.machine("laptop").run([...enter, ...argv]);
}

/** Fails at once, or when nothing has answered for 3 s. */
export async function canReach(machine: Machine, uri: string): Promise<boolean> {
  const script = 'timeout 3 nbdinfo --size "$0" >/dev/null 2>&1 && echo reached || echo no';
  return await machine.run(["sh", "-c", script, uri]) === "reached\n";
}

/** @returns the secret ones, in base64 */
export function secretKeys({ tunnelConfig }: Fetched): readonly string[] {
  const keys = [...tunnelConfig.matchAll(/^(?:Private|Preshared)Key = (\S+)$/gm)].map(([, key]) => key ?? "");
  assert.equal(keys.length, 2);
  return keys;
}

/**
 * Starts stiefel-keep-link as systemd would; it copies itself into a file system of its own below /run. What takes ten
 * seconds on a desktop takes one here.
 */
export async function startKeeper(desktop: Machine, root: string): Promise<RunningAgent> {
  const quick = (await Deno.readTextFile(`${programs}/stiefel-keep-link`))
    .replace("calm_seconds=10", "calm_seconds=1").replace("quick_seconds=2", "quick_seconds=0.2");
  await Deno.writeTextFile(`${desktop.directory}/stiefel-keep-link`, quick, { mode: 0o755 });
  await Deno.symlink(`${programs}/attach`, `${desktop.directory}/attach`);
  const enter = 'mount --bind "$0" /run; for device in /dev/kmsg /dev/console; do ' +
    '[ ! -e "$device" ] || mount --bind /dev/null "$device"; done; exec "$@"';
  const words = ["dash", `${desktop.directory}/stiefel-keep-link`, "/run/stiefelsystem/keep-link"];
  return desktop.start(["sh", "-euc", enter, `${root}/run`, ...words]);
}

/** A desktop that reads all the time, every 0.1 s, for so many times. */
export function startReader(desktop: Machine, uri: string, reads: number): RunningAgent {
  const commands = Array.from({ length: reads }, () => ["-c", "read 0 4k", "-c", "sleep 100"]).flat();
  // Lines as they come, also into a pipe.
  return desktop.start(["stdbuf", "-oL", "qemu-io", "-f", "raw", ...commands, uri]);
}

/** That many reads, and none has failed. */
export async function assertRead(reader: RunningAgent, reads: number): Promise<void> {
  assert.equal((await reader.exited).exitCode, 0, reader.lines.join("\n"));
  assert.equal(reader.lines.filter((line) => line.startsWith("read 4096/4096")).length, reads);
}
