/** A laptop that passes the network of one of its cards on to the desktop on another one: pass-on of the image. */
import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { formatPassOn } from "../../lib/image/pass_on.ts";
import { Office, startBus, startRouter } from "./office.ts";
import { type Machine, rigTest, type RunningAgent } from "./rig.ts";

const script = fileURLToPath(new URL("../../image/initrd/usr/lib/stiefelsystem/pass-on", import.meta.url));

/** Whether it answers. */
async function reaches(machine: Machine, address: string): Promise<boolean> {
  const ping = ["busybox", "ping", ...address.includes(":") ? ["-6"] : [], "-c", "1", "-W", "3", address];
  return (await machine.run(["sh", "-c", '"$@" >/dev/null 2>&1 && echo yes || echo no', "sh", ...ping])) === "yes\n";
}

/** As the image has it, of a laptop whose eth1 has a network and whose eth0 leads to the desktop. */
async function startPassOn({ debian, desk: { laptop } }: Office, role: "server" | "client"): Promise<RunningAgent> {
  await laptop.run(["ip", "link", "set", "dev", "eth1", "up"]);
  const macOf = async (link: string): Promise<string> =>
    (await laptop.run(["cat", `/sys/class/net/${link}/address`])).trim();
  const settings = formatPassOn({ from: [await macOf("eth1")], to: [await macOf("eth0")] });
  await Deno.mkdir(`${debian.directory}/etc/stiefelsystem`, { recursive: true });
  await Deno.writeTextFile(`${debian.directory}/${settings.path}`, settings.content);
  await Deno.copyFile(script, `${debian.directory}/usr/local/sbin/pass-on`);
  const start = 'echo "quiet $0" >/run/cmdline; mount --bind /run/cmdline /proc/cmdline; exec pass-on';
  return debian.start(laptop, ["sh", "-euc", start, `stiefel.role=${role}`]);
}

/** With what it has started. */
async function end(laptop: Machine, passOn: RunningAgent): Promise<void> {
  await laptop.run(["kill", String(passOn.pid)]);
  assert.equal((await passOn.exited).exitCode, 0);
}

rigTest(
  "a desktop on a cable of its own gets the network of the laptop's other card, and nothing gets in",
  async () => {
    await using office = await Office.open(["nftables", "busybox"], {
      cables: [["laptop", "eth0", "desktop", "stiefel0"], ["laptop", "eth1", "world", "eth0"]],
    });
    const { rig, laptop, desktop } = office.desk;
    const world = rig.machine("world");
    await using _router = await startRouter(world, office.debian);
    // What is beyond the router, which has no way to the desktop.
    await world.run(["ip", "address", "add", "203.0.113.1/32", "dev", "lo"]);
    await world.run(["ip", "address", "add", "2001:db8:2::1/128", "dev", "lo"]);
    await office.heard(/^No DHCP server and no router answers/);

    await using passOn = await startPassOn(office, "server");
    await passOn.waitForLine(/^pass-on: eth0 has the network of eth1$/, { timeoutMs: 90_000 });
    await office.heard(/^A DHCP server answers/);
    await using _bus = await startBus(office);
    await using manager = office.start("/usr/lib/systemd/systemd-networkd");
    await manager.waitForLine(/eth90: (Gained carrier|Configuring)/, { timeoutMs: 60_000 });
    await office.waitForCard(
      "eth90",
      (text) =>
        / 10\.83\.97\.\d+\/24 /.test(text) && / fd\S+\/64 scope global/.test(text) && !text.includes("tentative"),
    );
    assert.ok(await reaches(desktop, "203.0.113.1"), "IPv4");
    assert.ok(await reaches(desktop, "2001:db8:2::1"), "IPv6");
    await office.assertUntouched("the laptop's network");

    // From there nothing begins, even with a way to the desktop.
    const address = / (10\.83\.97\.\d+)\//.exec(await office.address("eth90"))?.[1] ?? "";
    const lease = / (192\.0\.2\.\d+)\//.exec(await laptop.run(["ip", "-4", "address", "show", "dev", "eth1"]))?.[1] ??
      "";
    await world.run(["ip", "route", "add", "10.83.97.0/24", "via", lease]);
    assert.ok(!await reaches(world, address));
    assert.ok(await reaches(world, lease), "the laptop itself answers");

    const from = passOn.lines.length;
    await world.run(["ip", "link", "set", "dev", "eth0", "down"]);
    await passOn.waitForLine(/no more$/, { from });
    assert.equal(await laptop.run(["cat", "/proc/sys/net/ipv4/ip_forward"]), "0\n");
    await office.assertUntouched("the laptop's network has gone");
    await end(laptop, passOn);
  },
);

rigTest(
  "nothing is passed on by a desktop's image, nor where a DHCP server answers on the desktop's cable",
  async () => {
    await using office = await Office.open(["nftables", "busybox"]);
    const { rig, laptop } = office.desk;
    const router = rig.machine("router");
    await using _router = await startRouter(router, office.debian);
    await rig.plug(["laptop", "eth1", "router", "eth1"]);
    await router.run(["ip", "link", "set", "dev", "eth1", "up"]);
    await using desktop = await startPassOn(office, "client");
    assert.equal((await desktop.exited).exitCode, 0);
    await using passOn = await startPassOn(office, "server");
    await passOn.waitForLine(/^pass-on: a DHCP server answers on eth0 already/, { timeoutMs: 60_000 });
    assert.doesNotMatch(await laptop.run(["nft", "list", "ruleset"]), /stiefelsystem/);
    await end(laptop, passOn);
  },
);
