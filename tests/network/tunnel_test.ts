/**
 * The disk's blocks through WireGuard: both agents and stiefel-attach, with wireguard-go in place of the kernel's,
 * which not every machine has. Whether the kernel's works is for machines of their own to show.
 */
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { fileURLToPath } from "node:url";
import { parseCpio } from "../../lib/formats/cpio.ts";
import { parseSession } from "../../lib/protocol/session.ts";
import type { SessionParameters } from "../../lib/protocol/session_groups.ts";
import { createSite, type Site, startClient, startServer } from "./agents.ts";
import { createRig, type Machine, type Rig, rigTest, type RunningAgent } from "./rig.ts";
import { layStandIns } from "./stand_ins.ts";

const programs = fileURLToPath(new URL("../../image/host/generic/usr/lib/stiefelsystem", import.meta.url));

/** Makes a link of WireGuard as a process does it. */
const ip = `case "$*" in
"link add dev "*" type wireguard") exec wireguard-go "$4" >>"$D/log" 2>&1 ;;
esac
for real in /usr/sbin/ip /usr/bin/ip /sbin/ip; do
  [ ! -x "$real" ] || exec "$real" "$@"
done`;

/** A machine's own place for the sockets of wireguard-go, which are called like its links. */
const alone = (argv: readonly string[]): readonly string[] => [
  ...["sh", "-c", 'mkdir -p /run/wireguard && mount -t tmpfs tmpfs /run/wireguard && exec "$@"', "sh"],
  ...argv,
];

interface Fetched {
  readonly text: string;
  readonly session: SessionParameters;
  readonly tunnelConfig: string;
}

/** What the desktop's agent has put behind the initramfs. */
async function readFetched(desktop: Machine, site: Site): Promise<Fetched> {
  const initramfs = await Deno.readFile(`${desktop.directory}/run/initramfs`);
  const rest = initramfs.subarray(site.initramfs.length);
  const files = new Map(
    parseCpio(rest.subarray(rest.findIndex((byte) => byte !== 0))).map((entry) =>
      [entry.path, entry.kind === "file" ? new TextDecoder().decode(entry.content) : ""] as const
    ),
  );
  const text = files.get("stiefelsystem/session") ?? "";
  return { text, session: parseSession(text), tunnelConfig: files.get("stiefelsystem/tunnel.conf") ?? "" };
}

/** Everything that crosses a link, until it is disposed of. */
async function capture(machine: Machine, link: string): Promise<AsyncDisposable & { read(): Promise<Uint8Array> }> {
  const path = `${machine.directory}/captured`;
  // packet(7): AF_PACKET, SOCK_RAW, ETH_P_ALL; sockaddr_ll with the link's index
  const script =
    `socket(my $s, 17, 3, 0x0300) or die $!; bind($s, pack("SnlSCCx8", 17, 3, ${"$ARGV[0]"}, 0, 0, 0)) or die $!;
open(my $f, ">", $ARGV[1]) or die $!; $f->autoflush(1); $| = 1; print "ready\\n";
while (defined recv($s, my $p, 65536, 0)) { print $f $p }`;
  const index = (await machine.run(["cat", `/sys/class/net/${link}/ifindex`])).trim();
  const program = machine.start(["perl", "-MIO::Handle", "-e", script, index, path]);
  await program.waitForLine(/ready/);
  return { read: () => Deno.readFile(path), [Symbol.asyncDispose]: () => program[Symbol.asyncDispose]() };
}

/**
 * Runs stiefel-attach as the desktop's initramfs would.
 * @param contact what nbd-client does in place of the kernel's block device; URI is the disk's
 * @returns the root that it worked in
 */
async function attach(
  rig: Rig,
  { text, session, tunnelConfig }: Fetched,
  contact: (uri: string) => string,
): Promise<string> {
  const desktop = rig.machine("desktop");
  const root = `${desktop.directory}/root`;
  const { disk } = session;
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
  await Deno.writeTextFile(`${root}/stiefelsystem/session`, text);
  await Deno.writeTextFile(`${root}/stiefelsystem/tunnel.conf`, tunnelConfig, { mode: 0o600 });
  await desktop.run(alone(standIns.wrap(["dash", `${programs}/stiefel-attach`, "attach", root])));
  return root;
}

function uriOf({ disk }: SessionParameters): string {
  assert.equal(disk.transport, "nbd");
  return `nbd://[${disk.address}]:${disk.port}/${disk.exportName}`;
}

async function waitUntil(what: string, condition: () => Promise<boolean>): Promise<void> {
  for (const endMs = Date.now() + 20_000; Date.now() < endMs;) {
    if (await condition()) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error(`It did not come to that in time: ${what}`);
}

interface Lent extends AsyncDisposable {
  readonly rig: Rig;
  readonly site: Site;
  readonly server: RunningAgent;
  readonly client: RunningAgent;
  readonly fetched: Fetched;
}

/** Up to where the desktop's own kernel would start. */
async function lend(): Promise<Lent> {
  await using stack = new AsyncDisposableStack();
  const rig = stack.use(await createRig([["laptop", "eth0", "desktop", "stiefel0"]]));
  const site = await createSite(rig);
  const standIns = await layStandIns(`${rig.directory}/laptop-programs`, { ip });
  const wrap = (argv: readonly string[]): readonly string[] => alone(standIns.wrap(argv));
  const server = stack.use(startServer(rig.machine("laptop"), { site, security: "wireguard", wrap }));
  await server.waitForLine(/Waiting for a desktop/);
  const client = stack.use(startClient(rig.machine("desktop"), { site }));
  assert.equal((await client.exited).exitCode, 0, `${client.lines.join("\n")}\n${server.lines.join("\n")}`);
  await server.waitForLine(/has all it needs/);
  const fetched = await readFetched(rig.machine("desktop"), site);
  const owned = stack.move();
  return { rig, site, server, client, fetched, [Symbol.asyncDispose]: () => owned.disposeAsync() };
}

/** Fails at once, or when nothing has answered for 3 s. */
async function cannotReach(machine: Machine, uri: string): Promise<void> {
  const script = 'timeout 3 nbdinfo --size "$0" 2>/dev/null && echo reached || echo no';
  assert.equal(await machine.run(["sh", "-c", script, uri]), "no\n", uri);
}

rigTest(
  "the disk goes through a tunnel: who is on the cable neither reaches it nor reads it, and its end takes all away",
  async () => {
    const before = listNamespaces();
    await using lent = await lend();
    const { rig, site, server, client, fetched } = lent;
    const [laptop, desktop] = [rig.machine("laptop"), rig.machine("desktop")];
    await server.waitForLine(/go through WireGuard/);
    const { tunnel, disk, link } = fetched.session;
    assert.ok(tunnel);
    assert.notEqual(disk.address, tunnel.endpoint);
    const uri = uriOf(fetched.session);
    const name = uri.slice(uri.lastIndexOf("/") + 1);

    // The desktop itself, past the tunnel: with its address, its place on the link, and the name of the export.
    await desktop.run(["ip", "-6", "address", "add", link.address, "dev", "stiefel0", "nodad"]);
    await cannotReach(desktop, uri.replace(disk.address, tunnel.endpoint));
    await desktop.run(["ip", "-6", "route", "add", disk.address, "via", tunnel.endpoint, "dev", "stiefel0"]);
    await cannotReach(desktop, uri);
    await desktop.run(["ip", "-6", "route", "del", disk.address, "dev", "stiefel0"]);

    const keys = [...fetched.tunnelConfig.matchAll(/^(?:Private|Preshared)Key = (\S+)$/gm)].map(([, key]) => key ?? "");
    assert.equal(keys.length, 2);
    await using captured = await capture(laptop, "eth0");
    // It ends with a goodbye.
    const root = await attach(rig, fetched, (where) => `nbdcopy "${where}" "${desktop.directory}/copy"`);
    await server.waitForLine(/is connected to the disk/);
    const wanted = await Deno.readFile(site.diskPath);
    assert.equal(Buffer.compare(await Deno.readFile(`${desktop.directory}/copy`), wanted), 0, "another disk");

    const bytes = Buffer.from(await captured.read());
    assert.ok(bytes.length > wanted.length, `${bytes.length} bytes crossed the link`);
    for (let start = 0; start < wanted.length; start += 4096) {
      assert.equal(
        bytes.indexOf(wanted.subarray(start, start + 32)),
        -1,
        `the disk's bytes at ${start} crossed the link`,
      );
    }
    assert.equal(bytes.indexOf(name), -1, "the export's name crossed the link");

    // Keys are nowhere: neither in files nor on screens.
    assert.equal(await Deno.readTextFile(`${root}/stiefelsystem/tunnel.conf`), "");
    const left = await desktop.run(["grep", "-rlF", ...keys.flatMap((key) => ["-e", key]), `${root}/run`], {
      acceptExitCodes: [0, 1],
    });
    assert.equal(left, "");
    const shown = [...server.lines, ...client.lines].join("\n");
    assert.ok(keys.every((key) => !shown.includes(key)));

    await server.waitForLine(/The desktop is done with the disk/);
    assert.deepEqual(listNamespaces().filter((one) => !before.includes(one)), []);
    assert.ok(!(await rig.processes("laptop")).includes("wireguard-go"), "the laptop's end is still there");
    await desktop.run(["ip", "link", "delete", "dev", tunnel.name]);
  },
);

/** Those of tunnels. */
function listNamespaces(): readonly string[] {
  return [...Deno.readDirSync("/run/netns")].map(({ name }) => name).filter((name) =>
    /^stiefel-[0-9a-f]{8}$/.test(name)
  );
}

/** One every 0.1 s. */
const reads = 80;

rigTest("N2: what takes addresses from all links takes them from the tunnel, too; the desktop reads on", async () => {
  await using lent = await lend();
  const { rig, server, fetched } = lent;
  const desktop = rig.machine("desktop");
  const { tunnel, disk } = fetched.session;
  assert.ok(tunnel);
  const root = await attach(rig, fetched, () => ":");
  // As systemd would start it; it copies itself into a file system of its own below /run.
  const enter = 'mount --bind "$0" /run; for device in /dev/kmsg /dev/console; do ' +
    '[ ! -e "$device" ] || mount --bind /dev/null "$device"; done; exec "$@"';
  const words = ["dash", `${programs}/stiefel-keep-link`, "/run/stiefelsystem/keep-link"];
  await using keeper = desktop.start(["sh", "-euc", enter, `${root}/run`, ...words]);
  const hasRoute = async (): Promise<boolean> =>
    (await desktop.run(["ip", "-6", "route", "show", "table", "local"])).includes(`${disk.address} dev ${tunnel.name}`);
  await desktop.run(["ip", "route", "del", disk.address, "dev", tunnel.name, "table", "local"]);
  await waitUntil(`the way to the disk is back: ${keeper.lines.join("\n")}`, hasRoute);

  const commands = Array.from({ length: reads }, () => ["-c", "read 0 4k", "-c", "sleep 100"]).flat();
  await using reader = desktop.start(["qemu-io", "-f", "raw", ...commands, uriOf(fetched.session)]);
  await server.waitForLine(/is connected to the disk/);
  const isWhole = async (): Promise<boolean> => {
    const addresses = await desktop.run(["ip", "-6", "address", "show", "dev", tunnel.name]);
    return addresses.includes(tunnel.address) && /[<,]UP[,>]/.test(addresses) && await hasRoute();
  };
  const write = (value: number): Promise<string> =>
    desktop.run(["sh", "-c", `echo ${value} >/proc/sys/net/ipv6/conf/all/disable_ipv6`]);
  const disturbances: readonly (readonly [string, () => Promise<string>])[] = [
    ["IPv6 is switched off for all", () => write(1)],
    ["and on again", () => write(0)],
    ["addresses are flushed", () => desktop.run(["ip", "-6", "address", "flush", "scope", "global"])],
    ["the tunnel is taken down", () => desktop.run(["ip", "link", "set", "dev", tunnel.name, "down"])],
    [
      "the link is taken down for a moment",
      () => desktop.run(["sh", "-c", "ip link set dev stiefel0 down && ip link set dev stiefel0 up"]),
    ],
  ];
  for (const [what, disturb] of disturbances) {
    await disturb();
    await waitUntil(what, isWhole);
  }
  assert.equal((await reader.exited).exitCode, 0, reader.lines.join("\n"));
  assert.equal(reader.lines.filter((line) => line.startsWith("read 4096/4096")).length, reads);
  await server.waitForLine(/The desktop is done with the disk/);
  await desktop.run(["ip", "link", "delete", "dev", tunnel.name]);
});
