/**
 * N2, N3, A14: the link of a running desktop, as stiefel-attach and stiefel-keep-link leave it, and what VPN programs
 * do to all links. A real nbdkit is the laptop, qemu-io the desktop's disk.
 */
import assert from "node:assert/strict";
import { assertReadOn, attachDesktop as attach, laptopAddress as server, waitUntil } from "./attached_desktop.ts";
import { rigTest } from "./rig.ts";
import { sendAllElsewhere } from "./vpn_routes.ts";

/** One every 0.1 s. */
const reads = 60;

const shells = [["dash"], ["busybox", "sh"]] as const;

for (const shell of shells) {
  rigTest(
    `N2: a VPN switches IPv6 off for all links, and on again: the desktop reads on (${shell.join(" ")})`,
    async () => {
      await using desk = await attach({ shell, keeps: true, reads });
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
      await assertReadOn(disk, reads, 25_000);
    },
  );
}

rigTest("N3: whatever sends all into a tunnel, the disk's packets never enter it", async () => {
  // without stiefel-keep-link: nothing of it is needed
  await using desk = await attach({ shell: ["dash"], reads });
  const { desktop, disk } = desk;
  await sendAllElsewhere(desktop, async (name) => {
    assert.match(await desktop.run(["ip", "route", "get", server]), / dev stiefel0 table local /, name);
  });
  await assertReadOn(disk, reads, 25_000);
});

rigTest("A14: the desktop knows the laptop's MAC address for good", async () => {
  await using desk = await attach({ shell: ["dash"], reads });
  const { desktop, laptop } = desk;
  const mac = /link\/ether (\S+)/.exec(await laptop.run(["ip", "link", "show", "dev", "eth0"]))?.[1] ?? "";
  const entry = await desktop.run(["ip", "neighbour", "show", "to", server]);
  assert.match(entry, new RegExp(`lladdr ${mac} .*PERMANENT`));
});

rigTest(
  "A3: the desktop says in large letters that its disk is cut off, and otherwise that the laptop does not answer",
  async () => {
    await using desk = await attach({ shell: ["busybox", "sh"], keeps: true, reads });
    const { desktop, laptop, nbdkit, keeper } = desk;
    assert.ok(keeper !== undefined);
    // Two of its processes share a file: the one that reads it may find nothing in it yet.
    const pace = `/proc/${keeper.pid}/root/run/stiefelsystem/pace`;
    await desktop.run(["ln", "-sf", "/is/not/there", pace]);
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
