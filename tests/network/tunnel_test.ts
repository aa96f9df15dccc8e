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
import { createRig, type Machine, type Rig, rigTest } from "./rig.ts";
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
 * Runs stiefel-attach as the desktop's initramfs would; in place of the block device the disk is copied, which ends
 * with a goodbye.
 * @returns the root that it worked in
 */
async function attach(rig: Rig, desktop: Machine, { text, session, tunnelConfig }: Fetched): Promise<string> {
  const root = `${desktop.directory}/root`;
  const { disk } = session;
  assert.equal(disk.transport, "nbd");
  const standIns = await layStandIns(`${rig.directory}/desktop-programs`, {
    ip,
    modprobe: "",
    udevadm: "",
    "nbd-client": `[ "$1" != -d ] || exit 0
nbdcopy "nbd://[${disk.address}]:${disk.port}/${disk.exportName}" "${desktop.directory}/copy" || exit 1
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

/** Fails at once, or when nothing has answered for 3 s. */
async function cannotReach(machine: Machine, uri: string): Promise<void> {
  const script = 'timeout 3 nbdinfo --size "$0" 2>/dev/null && echo reached || echo no';
  assert.equal(await machine.run(["sh", "-c", script, uri]), "no\n", uri);
}

rigTest(
  "the disk goes through a tunnel: who is on the cable neither reaches it nor reads it, and its end takes all away",
  async () => {
    await using rig = await createRig([["laptop", "eth0", "desktop", "stiefel0"]]);
    const [laptop, desktop] = [rig.machine("laptop"), rig.machine("desktop")];
    const site = await createSite(rig);
    const standIns = await layStandIns(`${rig.directory}/laptop-programs`, { ip });
    const wrap = (argv: readonly string[]): readonly string[] => alone(standIns.wrap(argv));
    await using server = startServer(laptop, { site, security: "wireguard", wrap });
    await server.waitForLine(/Waiting for a desktop/);
    await using client = startClient(desktop, { site });
    assert.equal((await client.exited).exitCode, 0, `${client.lines.join("\n")}\n${server.lines.join("\n")}`);
    await server.waitForLine(/has all it needs/);
    await server.waitForLine(/go through WireGuard/);

    const fetched = await readFetched(desktop, site);
    const { tunnel, disk, link } = fetched.session;
    assert.ok(tunnel);
    assert.notEqual(disk.address, tunnel.endpoint);
    const name = disk.transport === "nbd" ? disk.exportName : "";

    // The desktop itself, past the tunnel: with its address, its place on the link, and the name of the export.
    await desktop.run(["ip", "-6", "address", "add", link.address, "dev", "stiefel0", "nodad"]);
    await cannotReach(desktop, `nbd://[${tunnel.endpoint}]:${disk.port}/${name}`);
    await desktop.run(["ip", "-6", "route", "add", disk.address, "via", tunnel.endpoint, "dev", "stiefel0"]);
    await cannotReach(desktop, `nbd://[${disk.address}]:${disk.port}/${name}`);
    await desktop.run(["ip", "-6", "route", "del", disk.address, "dev", "stiefel0"]);

    const keys = [...fetched.tunnelConfig.matchAll(/^(?:Private|Preshared)Key = (\S+)$/gm)].map(([, key]) => key ?? "");
    assert.equal(keys.length, 2);
    await using captured = await capture(laptop, "eth0");
    const root = await attach(rig, desktop, fetched);
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

    // nbdcopy has said goodbye.
    await server.waitForLine(/The desktop is done with the disk/);
    const namespaces = [...Deno.readDirSync("/run/netns")].map((entry) => entry.name);
    assert.deepEqual(namespaces.filter((one) => /^stiefel-[0-9a-f]{8}$/.test(one)), []);
    assert.ok(!(await rig.processes("laptop")).includes("wireguard-go"), "the laptop's end is still there");
    await desktop.run(["ip", "link", "delete", "dev", tunnel.name]);
  },
);
