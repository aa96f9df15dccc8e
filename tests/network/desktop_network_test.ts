/**
 * A desktop's own network on the cable that carries its disk: stiefel-network beside the network managers of Debian 13.
 * Whatever they do, the disk reads on without a gap, and its link stays as it is.
 */
import assert from "node:assert/strict";
import { hasBoth, hasNone, hasV4, hasV6, isUsers, Office, startBus, startRouter } from "./office.ts";
import { rigTest, type RunningAgent } from "./rig.ts";

rigTest(
  "NetworkManager gives the desktop's own card the user's wired profile, and never touches the disk",
  async () => {
    const path = "/etc/NetworkManager/system-connections/wired.nmconnection";
    // An address of the user's own tells this profile from one that NetworkManager makes.
    const profile = "[connection]\nid=wired\nuuid=0b2d1f5a-2d3c-4e57-9a55-6d0d2f8e9d11\ntype=ethernet\n" +
      "[ipv4]\nmethod=auto\naddress1=198.51.100.7/24\n[ipv6]\nmethod=auto\n";
    await using office = await Office.open(["network-manager"], { files: { [path]: profile } });
    const { rig, desktop } = office.desk;
    await using _router = await startRouter(rig.machine("router"), office.debian);
    await office.heard(/^A DHCP server answers .* eth90 /);
    assert.equal(
      await office.readState(),
      "STIEFEL_NETWORK=on\nSTIEFEL_NETWORK_REASON=dhcp\nSTIEFEL_NETWORK_CARD=eth90\n",
    );
    await using _bus = await startBus(office);
    const startManager = async (): Promise<RunningAgent> => {
      const manager = office.start("NetworkManager", "--debug");
      await manager.waitForLine(/startup complete/, { timeoutMs: 60_000 });
      return manager;
    };
    {
      await using _manager = await startManager();
      await office.waitForCard("eth90", isUsers);
      await office.assertUntouched("NetworkManager has started");
      assert.match(await office.run("nmcli", "--terse", "--fields", "DEVICE,STATE", "device"), /^stiefel0:unmanaged$/m);
      assert.match(await desktop.run(["ip", "route", "get", "203.0.113.1"]), /via 192\.0\.2\.1 dev eth90 /);
      await desktop.run(["busybox", "ping", "-c", "1", "-W", "5", "192.0.2.1"]);
      await desktop.run(["busybox", "ping", "-6", "-c", "1", "-W", "5", "2001:db8:1::1"]);

      await office.run("nmcli", "device", "disconnect", "eth90");
      await office.waitForCard("eth90", hasNone);
      await office.assertUntouched("disconnected");
      await office.run("nmcli", "device", "connect", "eth90");
      await office.waitForCard("eth90", isUsers);
      await office.run("nmcli", "networking", "off");
      await office.waitForCard("eth90", hasNone);
      await office.assertUntouched("networking off");
      await office.run("nmcli", "networking", "on");
      await office.waitForCard("eth90", isUsers);
      await office.run("nmcli", "connection", "modify", "wired", "ipv4.addresses", "198.51.100.9/24");
      await office.run("nmcli", "connection", "up", "wired");
      await office.waitForCard("eth90", (text) => hasBoth(text) && text.includes(" 198.51.100.9/24 "));
      await office.assertUntouched("another profile");
    }
    await using _manager = await startManager();
    await office.waitForCard("eth90", hasBoth);
    await office.assertUntouched("NetworkManager has started again");
    // Its own MAC address on the wire, and the same one in the next session.
    const macs = (await desktop.run(["cat", "/sys/class/net/stiefel0/address", "/sys/class/net/eth90/address"])).split(
      "\n",
    );
    assert.notEqual(macs[0], macs[1]);
    assert.equal(macs[0]?.slice(2), macs[1]?.slice(2));
  },
);

rigTest("networkd does, with the user's file for wired cards, and without one", async () => {
  const path = "/etc/systemd/network/wired.network";
  const file = "[Match]\nName=en* eth*\n[Network]\nDHCP=yes\nAddress=198.51.100.7/24\n";
  await using office = await Office.open([], { files: { [path]: file } });
  const { rig, desktop } = office.desk;
  await using _router = await startRouter(rig.machine("router"), office.debian);
  await office.heard(/^A DHCP server answers/);
  await using _bus = await startBus(office);
  const startManager = async (): Promise<RunningAgent> => {
    const manager = office.start("/usr/lib/systemd/systemd-networkd");
    await manager.waitForLine(/eth90: (Gained carrier|Configuring)/, { timeoutMs: 60_000 });
    return manager;
  };
  {
    await using _manager = await startManager();
    await office.waitForCard("eth90", isUsers);
    await office.assertUntouched("networkd has started");
    await desktop.run(["busybox", "ping", "-c", "1", "-W", "5", "192.0.2.1"]);
    await office.run("networkctl", "down", "eth90");
    await office.waitForCard("eth90", hasNone);
    await office.assertUntouched("down");
    await office.run("networkctl", "up", "eth90");
    await office.waitForCard("eth90", isUsers);
    await office.run("networkctl", "reconfigure", "eth90");
    await office.waitForCard("eth90", isUsers);
    await office.assertUntouched("reconfigured");
  }
  await Deno.remove(`${office.debian.directory}${path}`);
  await using _manager = await startManager();
  await office.waitForCard("eth90", (text) => hasBoth(text) && !text.includes("198.51.100.7"));
  await office.assertUntouched("networkd has started again, without the user's file");
});

rigTest("ifupdown does, with what the user has for the laptop's own card", async () => {
  const interfaces = "auto lo\niface lo inet loopback\nauto enp0s31f6\niface enp0s31f6 inet dhcp\n" +
    "iface enp0s31f6 inet6 auto\n";
  await using office = await Office.open(["ifupdown", "dhcpcd-base"], {
    files: {
      "/etc/network/interfaces": interfaces,
      "/etc/stiefelsystem/laptop":
        "# as stiefel-laptop writes it\nMODULE=kernel/drivers/net/phy/realtek\nCARD=enp0s31f6\n",
    },
  });
  const { rig, desktop } = office.desk;
  await using _router = await startRouter(rig.machine("router"), office.debian);
  await office.heard(/^A DHCP server answers .* enp0s31f6 /);
  await office.waitForCard("enp0s31f6", hasBoth);
  await office.assertUntouched("up");
  await desktop.run(["busybox", "ping", "-c", "1", "-W", "5", "192.0.2.1"]);
  await office.run("ifdown", "enp0s31f6");
  await office.waitForCard("enp0s31f6", hasNone);
  await office.assertUntouched("ifdown");
  await office.run("ifup", "enp0s31f6");
  await office.waitForCard("enp0s31f6", hasBoth);
  await office.assertUntouched("ifup");
  await office.run("ifdown", "enp0s31f6");
});

rigTest("dhcpcd does, as it takes every card", async () => {
  await using office = await Office.open(["dhcpcd-base"]);
  const { rig, desktop } = office.desk;
  // What doctor asks for.
  await Deno.writeTextFile(`${office.debian.directory}/etc/dhcpcd.conf`, "denyinterfaces stiefel*\n", { append: true });
  await using _router = await startRouter(rig.machine("router"), office.debian);
  await office.heard(/^A DHCP server answers/);
  for (const time of ["started", "started again"]) {
    // There is no udev here to ask.
    await using _manager = office.start("dhcpcd", "--nobackground", "--nodev");
    await office.waitForCard("eth90", hasBoth);
    await office.assertUntouched(time);
    await desktop.run(["busybox", "ping", "-c", "1", "-W", "5", "192.0.2.1"]);
    await office.run("dhcpcd", "--release", "eth90");
    await office.waitForCard("eth90", (text) => !hasV4(text));
    await office.assertUntouched("released");
  }
});

rigTest(
  "there is none where the laptop is alone on the cable, until a router comes, and again when it is out",
  async () => {
    await using office = await Office.open(["network-manager"]);
    const { rig, desktop, disk } = office.desk;
    await office.heard(/^No DHCP server and no router answers/);
    assert.equal(await office.readState(), "STIEFEL_NETWORK=off\nSTIEFEL_NETWORK_REASON=alone\n");
    assert.doesNotMatch(await desktop.run(["ip", "-oneline", "link"]), /eth90/);
    await office.assertUntouched("alone");
    {
      // IPv6 only.
      await using _router = await startRouter(rig.machine("router"), office.debian, ["6"]);
      await office.heard(/^A router answers/);
      await using _bus = await startBus(office);
      await using manager = office.start("NetworkManager", "--debug");
      await manager.waitForLine(/startup complete/, { timeoutMs: 60_000 });
      await office.waitForCard("eth90", hasV6);
      await office.assertUntouched("a router has come");

      const port = (state: string): Promise<string> =>
        rig.machine("switch").run(["ip", "link", "set", "dev", "desktop", state]);
      const from = office.lineCount;
      await port("down");
      await office.heard(/is out$/, from);
      await office.waitForCard("eth90", (text) => !hasV6(text));
      await port("up");
      await office.heard(/^A router answers/, from);
      await office.waitForCard("eth90", hasV6);
      await disk.waitForLine(/^read 4096/, { from: disk.lines.length });
    }
    // A card that was pulled out and comes back is another link with the same MAC address.
    const from = office.lineCount;
    const mac = (await desktop.run(["cat", "/sys/class/net/stiefel0/address"])).trim();
    await desktop.run(["ip", "link", "delete", "dev", "stiefel0"]);
    await office.heard(/is out$/, from);
    await rig.plug(["desktop", "stiefel0", "switch", "desktop"]);
    await rig.machine("switch").run(["ip", "link", "set", "dev", "desktop", "master", "bridge", "up"]);
    await using _router = await startRouter(rig.machine("router"), office.debian);
    await desktop.run(["ip", "link", "set", "dev", "stiefel0", "address", mac, "up"]);
    await office.heard(/^A DHCP server answers/, from);
  },
);
