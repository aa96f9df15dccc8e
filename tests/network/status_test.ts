/** Who sees what of a laptop's status, over cables; and the command on the desktop. */
import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { parseSessionState } from "../../lib/formats/session_state.ts";
import { parseStatus } from "../../lib/formats/status.ts";
import { attachDisk, createSite, startClient, startServer } from "./agents.ts";
import { installDebian } from "./debian_tree.ts";
import { createRig, denoDirectory, type Machine, rigTest } from "./rig.ts";
import { attach, lend, startReader, uriOf } from "./tunnel_rig.ts";

const project = fileURLToPath(new URL("../../", import.meta.url));

async function ask(machine: Machine, url: string, ...more: readonly string[]): Promise<string> {
  return await machine.run(["curl", "--silent", "--globoff", "--max-time", "20", ...more, url]);
}

/** `stiefelsystem status` on a desktop whose initramfs has noted this. */
async function runStatus(desktop: Machine, state: string, ...args: readonly string[]): Promise<string> {
  await Deno.writeTextFile(`${desktop.directory}/session.state`, state);
  const script = 'mount -t tmpfs none /run && mkdir /run/stiefelsystem && cp "$0" /run/stiefelsystem && exec "$@" 2>&1';
  return await desktop.run(
    [
      ...["env", `DENO_DIR=${denoDirectory()}`, "sh", "-c", script, `${desktop.directory}/session.state`],
      ...[`${project}stiefelsystem`, "status", ...args],
    ],
    { acceptExitCodes: [0, 1] },
  );
}

rigTest("only the desktop that has the disk sees more than serving or busy", async () => {
  await using rig = await createRig([["laptop", "eth0", "desktop", "eth0"], ["laptop", "eth1", "other", "eth0"]]);
  const [laptop, desktop, other] = [rig.machine("laptop"), rig.machine("desktop"), rig.machine("other")];
  const site = await createSite(rig);
  await using server = startServer(laptop, { site });
  await server.waitForLine(/Waiting for a desktop/);
  await other.run(["ip", "link", "set", "dev", "eth0", "up"]);
  const fromOther = `http://[${await laptop.linkLocalAddress("eth1")}%25eth0]:4645`;
  await other.linkLocalAddress("eth0");
  assert.deepEqual(JSON.parse(await ask(other, `${fromOther}/status.json`)), {
    version: 1,
    name: "laptop",
    state: "serving",
  });

  await using client = startClient(desktop, { site });
  assert.equal((await client.exited).exitCode, 0, client.lines.join("\n"));
  await server.waitForLine(/has all it needs/);
  await using disk = await attachDisk(desktop, { reads: 600 });
  await server.waitForLine(/is connected to the disk/);
  const address = /inet6 (fd\S+)\/64/.exec(await laptop.run(["ip", "-6", "address", "show", "dev", "eth0"]))?.[1];
  assert.ok(address);
  const fromDesktop = `http://[${address}]:4645`;

  // The desktop, from the address of its session.
  const status = parseStatus(await ask(desktop, `${fromDesktop}/status.json`));
  assert.equal(status?.state, "busy");
  assert.equal(status.details?.phase, "lent");
  assert.equal(status.details.desktop?.name, "desktop");
  assert.equal(status.details.desktop.isConnected, true);
  assert.equal(status.details.desktop.transport, "nbd");
  assert.equal(status.details.link?.name, "eth0");
  const page = await ask(desktop, `${fromDesktop}/`);
  assert.match(page, /^<!doctype html>.*<dt>State<\/dt><dd>&quot;desktop&quot; \(.* has the disk since/s);
  assert.match(await ask(desktop, `${fromDesktop}/metrics`), /^stiefelsystem_desktop_connected 1$/m);
  const head = await ask(desktop, `${fromDesktop}/`, "--head");
  assert.match(head, /^HTTP\/1\.1 200 .*\r\nContent-Security-Policy: default-src 'none';/s);
  assert.match(await ask(desktop, `${fromDesktop}/favicon.ico`, "--head"), /^HTTP\/1\.1 204 /);
  assert.match(
    await ask(desktop, `${fromDesktop}/`, "--include", "--data", "x"),
    /^HTTP\/1\.1 405 .*Allow: GET, HEAD/s,
  );

  // Another desktop, in whatever form, and with the right Host; the desktop itself by another address.
  const onLink = `http://[${await laptop.linkLocalAddress("eth0")}%25eth0]:4645`;
  for (const [machine, base] of [[other, fromOther], [desktop, onLink]] as const) {
    for (const path of ["/", "/status.txt", "/status.json", "/metrics"]) {
      const text = await ask(machine, `${base}${path}`);
      assert.match(text, /busy|A desktop has the disk/, path);
      assert.doesNotMatch(
        text,
        /Test disk|disk\.img|nbd|eth0|[0-9a-f]{2}:[0-9a-f]{2}:[0-9a-f]{2}:|fd[0-9a-f]{2}:/,
        path,
      );
    }
  }
  // A stranger on another link that takes the desktop's address gets no answer: it goes to the desktop's link.
  const stolen = `${address.replace(/::1$/, "")}::2`;
  await other.run(["ip", "-6", "address", "add", `${stolen}/128`, "dev", "eth0", "nodad"]);
  await other.run(["ip", "-6", "route", "add", address, "dev", "eth0"]);
  const nothing = await other.run(
    ["curl", "--silent", "--globoff", "--max-time", "3", "--interface", stolen, `${fromDesktop}/status.json`],
    { acceptExitCodes: [0, 7, 28] },
  );
  assert.equal(nothing, "");

  // While strangers hold every place, the desktop gets in.
  await using strangers = other.start([
    ...["perl", "-MIO::Socket::IP", "-e"],
    'my @all = map { IO::Socket::IP->new(PeerHost => $ARGV[0], PeerPort => 4645) } 1 .. 12; $| = 1; print "held\\n"; sleep 60',
    `${await laptop.linkLocalAddress("eth1")}%eth0`,
  ]);
  await strangers.waitForLine(/held/);
  assert.match(await ask(desktop, `${fromDesktop}/status.txt`), /^State: +"desktop"/m);

  // The command on the desktop.
  const state = `STIEFEL_VERSION=1\nSTIEFEL_STATUS_ADDRESS=${address}\nSTIEFEL_LINK_NAME=eth0\n` +
    "STIEFEL_TRANSPORT=nbd\nSTIEFEL_DISK=/dev/nbd0\n";
  const text = await runStatus(desktop, state);
  assert.match(text, /^Laptop +laptop\nState +"desktop" .* has the disk since .*\nDisk +Test disk \(/);
  assert.match(
    text,
    /^Disk here +\/dev\/nbd0 by nbd, not encrypted\nRound trip +[\d.]+ ms\nLink here +eth0, .*no errors since boot$/m,
  );
  assert.match(text, new RegExp(`^Page +http://\\[${address}\\]:4645/$`, "m"));
  assert.equal(JSON.parse(await runStatus(desktop, state, "--json")).details.desktop.name, "desktop");
  assert.match(await runStatus(desktop, "STIEFEL_VERSION=1\n"), /older than this command/);
  await disk.kill();
});

rigTest("the message after a login on Debian's console is that of /run/motd.d, where the address stands", async () => {
  await using rig = await createRig([["laptop", "eth0", "desktop", "eth0"]]);
  const desktop = rig.machine("desktop");
  await using tree = await installDebian(["login", "libpam-modules"]);
  // The tree's /run is this directory of the machine.
  await Deno.mkdir(`${desktop.directory}/debian-run/motd.d`, { recursive: true });
  await Deno.writeTextFile(`${desktop.directory}/debian-run/motd.d/stiefelsystem`, "shown at http://[fd12::1]:4645/\n");
  await Deno.writeTextFile(`${tree.directory}/root/.profile`, "exit\n");
  await using login = desktop.start(
    ["script", "--quiet", "--return", "--command", enterCommand(tree.directory, desktop), "/dev/null"],
  );
  await login.waitForLine(/^shown at http:\/\/\[fd12::1\]:4645\//);
});

/** login(1) wants /dev and a terminal. */
function enterCommand(directory: string, machine: Machine): string {
  return [
    ...[`mount -t proc proc ${directory}/proc`, `mount --rbind /dev ${directory}/dev`],
    ...[`mount --bind ${machine.directory}/debian-run ${directory}/run`, `exec chroot ${directory} /bin/login -f root`],
  ].join(" && ");
}

rigTest("with a tunnel the desktop sees the status on the link, by what its initramfs has noted", async () => {
  await using lent = await lend();
  const { rig, server, fetched } = lent;
  const [laptop, desktop] = [rig.machine("laptop"), rig.machine("desktop")];
  const root = await attach(rig, fetched, () => ":");
  await using reader = startReader(desktop, uriOf(fetched.session), 100);
  await server.waitForLine(/is connected to the disk/);
  const state = await Deno.readTextFile(`${root}/run/stiefelsystem/session.state`);
  const address = parseSessionState(state).statusAddress ?? "";
  assert.equal(address, fetched.session.tunnel?.endpoint);
  const status = parseStatus(await ask(desktop, `http://[${address}]:4645/status.json`));
  assert.equal(status?.details?.desktop?.isEncrypted, true);
  assert.equal(await ask(desktop, `http://[${address}]:4645/end`), "go on\n");
  // What tells a wish of the laptop from a forged one is known to both, also to an agent that is started anew.
  const note = JSON.parse(await Deno.readTextFile(`${laptop.directory}/run/export.json`));
  assert.match(note.tunnel.publicKey, /^[0-9a-f]{64}$/);
  assert.match(state, new RegExp(`^STIEFEL_END_KEY=${note.tunnel.publicKey}$`, "m"));
  await reader.kill();
  await server.waitForLine(/The desktop is done with the disk|lost its connection/);
});
