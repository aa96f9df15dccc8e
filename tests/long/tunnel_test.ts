/** The disk's blocks through the kernel's own WireGuard, on both machines; the rest: tests/network/tunnel_test.ts. */

import assert from "node:assert/strict";
import { prepareQemuTest } from "../qemu/machines.ts";
import { bootUnplugged, startConfiguredPair } from "../qemu/unplugged_cable.ts";

const rig = await prepareQemuTest();

/** WireGuard's keys live for 180 s: a shorter cut says nothing of how new ones are made. */
const longerThanKeysS = 200;

// Each shuts down in tests/qemu/boot_test.ts.
const scenarios = [
  { transport: "nvme-tcp", device: /^\/dev\/nvme\d+n1$/ },
  { transport: "nbd", device: /^\/dev\/nbd0$/ },
] as const;

for (const { transport, device } of scenarios) {
  Deno.test({
    name:
      `${transport} through the tunnel: a desktop boots, the cable is out for ${longerThanKeysS} s, and a reboot is a ` +
      "goodbye",
    ignore: rig.skipReason !== undefined,
    fn: () =>
      bootUnplugged(rig, {
        prepare: () =>
          startConfiguredPair(
            rig,
            `tunnel-${transport}`,
            `block:\n  security: wireguard\n  transport: ${transport}\n`,
          ),
        seconds: longerThanKeysS,
        action: "reboot",
        device,
        look: ({ laptop, desktop }) => {
          assert.match(laptop, /The disk's blocks go through WireGuard/);
          assert.match(desktop, /Attaching the disk of fd[0-9a-f:]+::1 port/);
          assert.doesNotMatch(laptop + desktop, /cross the cable unencrypted/);
        },
      }),
  });
}
