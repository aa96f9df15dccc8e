/** Nothing of a disk that is lent through a tunnel is reached past it, and its keys are nowhere to be read. */
import assert from "node:assert/strict";
import { type Machine, rigTest } from "./rig.ts";
import { attach, canReach, lend, listNamespaces, runInside, secretKeys, uriOf } from "./tunnel_rig.ts";

/** Sends datagrams of every length to a port, one of each kind of WireGuard's messages first. Prints what came back. */
const pester = `use IO::Socket::IP; my $s = IO::Socket::IP->new(PeerHost => $ARGV[0], PeerPort => $ARGV[1],
Proto => "udp") or die $@; my $n = 0;
for my $length (148, 92, 64, 32, 1 .. 400) { my $d = pack("C", 1 + $n++ % 4) . "\\0" x 3 . "x" x $length;
  send($s, substr($d, 0, $length), 0) }
my ($bits, $back) = ("", 0); vec($bits, fileno($s), 1) = 1;
while (select(my $ready = $bits, undef, undef, 1)) { defined recv($s, my $d, 65536, 0) or last; $back++ } print $back;`;

/** Ports on which programs of a machine listen for TCP: local address and state 0A of proc_pid_net(5). */
const listSockets = ["sh", "-c", "cat /proc/net/tcp /proc/net/tcp6"];
function findListeners(text: string): readonly string[] {
  return [...text.matchAll(/^ *\d+: ([0-9A-F]+):([0-9A-F]{4}) \S+ 0A /gm)].map(([, , port = ""]) =>
    String(Number.parseInt(port, 16))
  );
}

rigTest("nothing of the export is reached past the tunnel: by strangers, by any address, from anywhere", async () => {
  const before = listNamespaces();
  await using lent = await lend([["laptop", "eth1", "stranger", "eth0"]]);
  const { rig, fetched } = lent;
  const [laptop, desktop, stranger] = [rig.machine("laptop"), rig.machine("desktop"), rig.machine("stranger")];
  const { tunnel, disk, link } = fetched.session;
  assert.ok(tunnel);
  const uri = uriOf(fetched.session);
  const at = (address: string): string => uri.replace(`[${disk.address}]`, address);

  // Everybody knows all but the keys: addresses, port, name of the export; and the laptop has addresses of a house.
  for (
    const [machine, card, own] of [[laptop, "eth1", "1"], [stranger, "eth0", "2"], [laptop, "eth0", "1"], [
      desktop,
      "stiefel0",
      "2",
    ]] as const
  ) {
    const net = card === "eth1" || machine === stranger ? "98" : "99";
    await machine.run(["ip", "link", "set", "dev", card, "up"]);
    await machine.run(["ip", "address", "add", `192.0.2.${net === "98" ? own : 10 + Number(own)}/32`, "dev", card]);
    await machine.run(["ip", "address", "add", `fd${net}::${own}/64`, "dev", card, "nodad"]);
  }
  await desktop.run(["ip", "-6", "address", "add", link.address, "dev", "stiefel0", "nodad"]);
  for (
    const [machine, card, way, ipv4] of [[stranger, "eth0", "fd98::1", "192.0.2.1"], [
      desktop,
      "stiefel0",
      "fd99::1",
      "192.0.2.11",
    ]] as const
  ) {
    await machine.run(["ip", "-6", "route", "add", disk.address, "via", way, "dev", card]);
    await machine.run(["ip", "route", "add", ipv4, "dev", card]);
    const linkLocal = await laptop.linkLocalAddress(machine === stranger ? "eth1" : "eth0");
    const places = [`[${disk.address}]`, `[${way}]`, `[${linkLocal}%25${card}]`, ipv4];
    for (const place of [...places, ...machine === desktop ? [`[${tunnel.endpoint}]`] : []]) {
      assert.ok(!await canReach(machine, at(place)), `${machine.name} reaches it at ${place}`);
    }
    const answers = await machine.run(["perl", "-e", pester, way, String(tunnel.port)]);
    assert.equal(answers, "0", `${machine.name} has got answers of WireGuard`);
    await machine.run(["ip", "-6", "route", "del", disk.address, "dev", card]);
  }

  // On the laptop itself: what listens beside its cards is the exchange and the state page.
  assert.ok(!await canReach(laptop, uri), "the laptop itself reaches it");
  for (const place of ["[::1]", "127.0.0.1", `[${tunnel.endpoint}]`]) {
    assert.ok(!await canReach(laptop, at(place)), place);
  }
  const outside = findListeners(await laptop.run(listSockets));
  assert.ok(outside.length > 0 && outside.every((port) => port === "4644" || port === "4645"), outside.join(" "));
  assert.deepEqual(findListeners(await runInside(lent, before, listSockets)), [String(disk.port)]);
  const links = await runInside(lent, before, ["ip", "-oneline", "link", "show", "up"]);
  assert.deepEqual([...links.matchAll(/^\d+: (\w+)/gm)].map(([, name]) => name), [tunnel.name]);

  // And by the tunnel it is there: the export works.
  await attach(rig, fetched, (where) => `nbdinfo --size "${where}"`);
  await desktop.run(["ip", "link", "delete", "dev", tunnel.name]);
});

rigTest("keys are on no command line, in no file but the desktop's initramfs, and on no screen", async () => {
  await using lent = await lend();
  const { rig, fetched, laptopPrograms, server, client } = lent;
  const [laptop, desktop] = [rig.machine("laptop"), rig.machine("desktop")];
  const { tunnel } = fetched.session;
  assert.ok(tunnel);
  const root = await attach(rig, fetched, () => ":");
  const keys = secretKeys(fetched);
  const isSecret = (text: string): boolean => keys.some((key) => text.includes(key));

  const calls = await laptopPrograms.readLog();
  assert.ok(calls.some((line) => line.startsWith("wg setconf stiefeltunnel")), calls.join("\n"));
  assert.ok(calls.some((line) => line.startsWith("ip netns exec")));
  assert.ok(!calls.some(isSecret), "on a command line of the laptop's agent");
  const patterns = keys.flatMap((key) => ["-e", key]);
  const find = (machine: Machine, words: readonly string[]): Promise<string> =>
    machine.run(["grep", "-alF", ...patterns, ...words], { acceptExitCodes: [0, 1, 2] });
  // grep itself has them on its own.
  const lines = (await laptop.run(["sh", "-c", "cat /proc/[0-9]*/cmdline | tr '\\0' '\\n'"])).split("\n");
  assert.ok(!lines.some(isSecret), "on a command line");
  assert.equal(await find(laptop, ["-r", laptop.directory]), "", "in a file of the laptop's agent");
  const found = (await find(desktop, ["-r", desktop.directory])).trim().split("\n");
  assert.deepEqual(found, [`${desktop.directory}/run/initramfs`]);
  assert.equal(await Deno.readTextFile(`${root}/stiefelsystem/tunnel.conf`), "");
  assert.ok(!isSecret([...server.lines, ...client.lines].join("\n")), "on a screen");
  await desktop.run(["ip", "link", "delete", "dev", tunnel.name]);
});
