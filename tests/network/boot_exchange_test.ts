/** Both agents, over cables. */
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { parseSession } from "../../lib/protocol/session.ts";
import type { NbdSession } from "../support/protocol_samples.ts";
import { clientCommand, createSite, type Site, startClient, startServer } from "./agents.ts";
import { createRig, denoDirectory, type Machine, rigTest } from "./rig.ts";

/** What the client put into its work directory, checked against what the server had. */
async function readFetched(machine: Machine, site: Site): Promise<NbdSession> {
  assert.ok(
    Buffer.compare(await Deno.readFile(`${machine.directory}/run/kernel`), site.kernel) === 0,
    "another kernel",
  );
  const initramfs = await Deno.readFile(`${machine.directory}/run/initramfs`);
  assert.ok(Buffer.compare(initramfs.subarray(0, site.initramfs.length), site.initramfs) === 0, "another initramfs");
  const extra = new TextDecoder("latin1").decode(initramfs.subarray(site.initramfs.length));
  const session = /STIEFEL_VERSION=2\n(?:STIEFEL_\w+=[^\n]*\n)+/.exec(extra)?.[0];
  assert.ok(session, "no session file in the initramfs");
  const parsed = parseSession(session);
  assert.equal(parsed.disk.transport, "nbd");
  return parsed as NbdSession;
}

/** What nbdinfo says about the export, as the desktop after kexec would see it. */
async function attach(machine: Machine, link: string, session: NbdSession): Promise<string> {
  const { address, port, exportName } = session.disk;
  if (address.startsWith("fd")) {
    await machine.run(["ip", "-6", "address", "add", session.link.address, "dev", link, "nodad"]);
  }
  const host = address.includes(":") ? `[${address}]` : address;
  return await machine.run(["nbdinfo", `nbd://${host}:${port}/${exportName}`]);
}

rigTest("a desktop with two cables, one of them dead, finds the laptop, fetches, and may attach the disk", async () => {
  await using rig = await createRig([["laptop", "eth0", "desktop", "eth0"], ["void", "eth0", "desktop", "eth1"]]);
  const site = await createSite(rig);
  await using server = startServer(rig.machine("laptop"), { site });
  await server.waitForLine(/Waiting for a desktop/);
  await using client = startClient(rig.machine("desktop"), { site });
  assert.equal((await client.exited).exitCode, 0, client.lines.join("\n"));
  await server.waitForLine(/has all it needs/);

  const lines = client.lines.join("\n");
  for (const step of ["agent", "found", "fetched"]) {
    assert.match(lines, new RegExp(`^stiefelsystem: step=${step} after=[\\d.]+$`, "m"));
  }
  assert.match(lines, /Note: A notice/);
  assert.match(lines, /command line {2}root=UUID=1234 quiet x="a b" init_on_free=1 noresume/);
  const session = await readFetched(rig.machine("desktop"), site);
  const info = await attach(rig.machine("desktop"), "eth0", session);
  assert.match(info, /export-size: 1048576/);
  assert.match(info, /can_flush: true/);
  assert.match(info, /can_fua: true/);
  assert.match(info, /can_trim: true/);
  await server.waitForLine(/is connected to the disk/);
  await server.waitForLine(/The desktop is done with the disk/);
});

rigTest("a client that starts first waits for a server, a cable plugged in later included", async () => {
  await using rig = await createRig([["void", "eth0", "desktop", "eth1"], ["laptop", "lo0", "void", "lo0"]]);
  const site = await createSite(rig);
  await using client = startClient(rig.machine("desktop"), { site });
  await client.waitForLine(/eth1 no cable/);
  await rig.plug(["laptop", "eth0", "desktop", "eth0"]);
  await client.waitForLine(/eth0 no cable/); // veth: no carrier until the other end is up as well
  await using server = startServer(rig.machine("laptop"), { site });
  assert.equal((await client.exited).exitCode, 0, client.lines.join("\n"));
  await server.waitForLine(/has all it needs/);
  await readFetched(rig.machine("desktop"), site);
});

rigTest("both sides report a wrong key, once, and nothing is fetched", async () => {
  await using rig = await createRig([["laptop", "eth0", "desktop", "eth0"]]);
  const site = await createSite(rig);
  await using server = startServer(rig.machine("laptop"), { site });
  await using client = startClient(rig.machine("desktop"), { site, keyPath: site.otherKeyPath });
  await client.waitForLine(/A stiefelsystem answers with another key .*same aes-key file/);
  await server.waitForLine(/A desktop asks with another key .*same aes-key file/);
  // by address there is no discovery: the handshake tells
  const address = await rig.machine("laptop").linkLocalAddress("eth0");
  const direct = startClient(rig.machine("desktop"), {
    site,
    keyPath: site.otherKeyPath,
    args: ["--server", `${address}%eth0`],
  });
  await using _direct = direct;
  await direct.waitForLine(/A stiefelsystem answers with another key/);
  await server.waitForLine(/A desktop asks with another key \(fe80/);
  for (const { lines } of [client, direct, server]) {
    assert.ok(lines.filter((line) => /another key/.test(line)).length <= 2, lines.join("\n"));
    assert.ok(!/step=fetched|Sending/.test(lines.join("\n")), lines.join("\n"));
  }
});

rigTest("a server that dies in the middle is waited for, and the transfer starts anew", async () => {
  await using rig = await createRig([["laptop", "eth0", "desktop", "eth0"]]);
  const site = await createSite(rig, { initramfsBytes: 80_000_000 });
  const server = startServer(rig.machine("laptop"), { site });
  await using client = startClient(rig.machine("desktop"), { site });
  await client.waitForLine(/B of 83\.0 MB/);
  await server.kill();
  assert.ok(!client.lines.some((line) => /step=fetched/.test(line)), "the server was killed too late");
  await client.waitForLine(/The exchange failed: The (server closed the connection|connection ended in the middle)/);
  await using again = startServer(rig.machine("laptop"), { site });
  assert.equal((await client.exited).exitCode, 0, client.lines.join("\n"));
  await again.waitForLine(/has all it needs/);
  await readFetched(rig.machine("desktop"), site);
});

rigTest("a second desktop learns who has the disk; the same desktop may start anew", async () => {
  await using rig = await createRig([["laptop", "eth0", "desktop", "eth0"], ["laptop", "eth1", "other", "eth0"]]);
  const site = await createSite(rig);
  const laptop = rig.machine("laptop");
  await using server = startServer(laptop, { site });
  await using first = startClient(rig.machine("desktop"), { site });
  assert.equal((await first.exited).exitCode, 0, first.lines.join("\n"));
  const before = await readFetched(rig.machine("desktop"), site);

  await using other = startClient(rig.machine("other"), { site });
  await other.waitForLine(/The disk is in use by "desktop"/);
  await server.waitForLine(/"other" .* was refused: "desktop" .* has had the disk since/);
  const page = await laptop.run(["curl", "--silent", "http://[::1]:4645/status.txt"]);
  assert.match(page, /^State: +"desktop" \(.*\) has the disk since/m);
  const json = JSON.parse(
    await laptop.run(["curl", "--silent", "--header", "Accept: application/json", "http://127.0.0.1:4645/"]),
  );
  assert.equal(json.details.desktop.name, "desktop");
  assert.ok(!JSON.stringify(json).includes(before.disk.exportName) && !page.includes(before.disk.exportName));

  await using again = startClient(rig.machine("desktop"), { site });
  assert.equal((await again.exited).exitCode, 0, again.lines.join("\n"));
  await server.waitForLine(/"desktop" .* starts again/);
  const after = await readFetched(rig.machine("desktop"), site);
  assert.notEqual(after.disk.exportName, before.disk.exportName);
  // what belonged to the first start is gone from the laptop's link
  const addresses = await laptop.run(["ip", "-6", "address", "show", "dev", "eth0", "scope", "global"]);
  assert.ok(addresses.includes(after.disk.address) && !addresses.includes(before.disk.address), addresses);

  await attach(rig.machine("desktop"), "eth0", after);
  await server.waitForLine(/done with the disk/);
  assert.equal((await other.exited).exitCode, 0, other.lines.join("\n"));
});

rigTest("a server named by address is reached through a router", async () => {
  await using rig = await createRig([["laptop", "eth0", "router", "left"], ["router", "right", "desktop", "eth0"]]);
  const site = await createSite(rig);
  const [laptop, router, desktop] = ["laptop", "router", "desktop"].map((name) => rig.machine(name));
  assert.ok(laptop && router && desktop);
  const configure = async (machine: Machine, link: string, address: string, gateway?: string): Promise<void> => {
    await machine.run(["ip", "link", "set", "dev", link, "up"]);
    await machine.run(["ip", "address", "add", address, "dev", link]);
    if (gateway !== undefined) await machine.run(["ip", "route", "add", "default", "via", gateway]);
  };
  await configure(router, "left", "192.0.2.1/24");
  await configure(router, "right", "198.51.100.1/25");
  await router.run(["sysctl", "--quiet", "--write", "net.ipv4.ip_forward=1"]);
  await configure(laptop, "eth0", "192.0.2.10/24", "192.0.2.1");
  await configure(desktop, "eth0", "198.51.100.20/25", "198.51.100.1");
  // the client's link has another MTU than usual: repeated as well
  await desktop.run(["ip", "link", "set", "dev", "eth0", "mtu", "1400"]);

  await using server = startServer(laptop, { site, args: ["--listen", "192.0.2.10"] });
  await server.waitForLine(/Listening on 192.0.2.10:4644/);
  await using client = startClient(desktop, { site, args: ["--server", "192.0.2.10"] });
  assert.equal((await client.exited).exitCode, 0, client.lines.join("\n"));
  const session = await readFetched(desktop, site);
  assert.deepEqual(
    [session.link.address, session.link.gateway, session.link.mtu, session.disk.address],
    ["198.51.100.20/25", "198.51.100.1", 1400, "192.0.2.10"],
  );
  assert.match(await attach(desktop, "eth0", session), /export-size: 1048576/);
  await server.waitForLine(/done with the disk/);
});

rigTest("a passphrase is typed on the desktop's terminal, not shown there, and opens the disk", async () => {
  await using rig = await createRig([["laptop", "eth0", "desktop", "eth0"]]);
  const site = await createSite(rig);
  const desktop = rig.machine("desktop");
  await using server = startServer(rig.machine("laptop"), { site, passphrase: "correct horse" });
  await server.waitForLine(/Waiting for a desktop/);
  const argv = clientCommand(desktop, { site });
  // script(1) gives the client a terminal and us what it shows
  const command = argv.map((word) => `'${word}'`).join(" ");
  const child = new Deno.Command("ip", {
    args: ["netns", "exec", desktop.namespace, "script", "--quiet", "--return", "--command", command, "/dev/null"],
    env: { TERM: "xterm", DENO_DIR: denoDirectory() },
    stdin: "piped",
    stdout: "piped",
    stderr: "null",
  }).spawn();
  const keyboard = child.stdin.getWriter();
  const type = (text: string): Promise<void> => keyboard.write(new TextEncoder().encode(text));
  let shown = "";
  let asked = 0;
  for await (const text of child.stdout.pipeThrough(new TextDecoderStream())) {
    shown += text;
    if (asked === 0 && /Passphrase .*3 tries, keys: us\): $/.test(shown)) {
      asked++;
      await type("wrong one\r");
    } else if (asked === 1 && /Passphrase .*2 tries, keys: us\): $/.test(shown)) {
      asked++;
      await type("correct cow\x7f\x7f\x7fhorse\r");
    }
  }
  await keyboard.close();
  assert.equal((await child.status).code, 0, shown);
  assert.match(shown, /That passphrase does not open the disk/);
  assert.match(shown, /Fetched 8\.0 MB/);
  assert.doesNotMatch(shown, /step=/, "a screen is for people");
  assert.doesNotMatch(shown + server.lines.join("\n"), /wrong one|cow|horse/);
  assert.ok(shown.includes("\x1b[K"), shown); // a capable terminal is redrawn
});
