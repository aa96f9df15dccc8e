import assert from "node:assert/strict";
import { createMemorySystem } from "../../tests/support/memory_system.ts";
import { readDesktop } from "./read_desktop.ts";

const session = { statusAddress: "fd01::1", linkName: "stiefel0" };

/** grep(1) with these options, of files that no memory system has. */
const grep = (files: Readonly<Record<string, string>>) => (argv: readonly string[]): string | undefined =>
  argv[0] === "grep"
    ? argv.flatMap((path) => path in files ? (files[path] ?? "").split("\n").map((line) => `${path}:${line}\n`) : [])
      .join("")
    : undefined;

Deno.test("a desktop is read from what the kernel counts and what stiefel-attach has left", async () => {
  const link = "/sys/class/net/stiefel0";
  const system = createMemorySystem({
    files: {
      "/run/stiefelsystem/network.state":
        "STIEFEL_NETWORK=on\nSTIEFEL_NETWORK_REASON=dhcp\nSTIEFEL_NETWORK_CARD=eth90\n",
      "/run/systemd/system/swap.d/50-stiefelsystem.conf": "",
      "/run/systemd/sleep.conf.d/zz-stiefelsystem.conf": "",
    },
    commands: [grep({
      [`${link}/ifindex`]: "3",
      [`${link}/carrier`]: "1",
      [`${link}/speed`]: "2500",
      [`${link}/carrier_down_count`]: "2",
      [`${link}/statistics/rx_errors`]: "3",
      [`${link}/statistics/tx_errors`]: "4",
      "/proc/mounts": "proc /proc proc rw 0 0\nstiefelsystem /sys/firmware/efi/efivars tmpfs ro,nosuid 0 0",
    })],
  });
  assert.deepEqual(await readDesktop(system, session, () => Promise.resolve(0.5)), {
    session,
    link: { hasCarrier: true, speedMbps: 2500, packetErrors: 7, downCount: 2 },
    roundTripMs: 0.5,
    network: { card: "eth90", reason: "dhcp" },
    isSwapOff: true,
    isSleepOff: true,
    isFirmwareHidden: true,
  });
});

Deno.test("swap that the user has allowed is not off, and a link that is not there is told from one without a cable", async () => {
  const files = { "/run/systemd/system/swap.d/50-stiefelsystem.conf": "", "/run/stiefelsystem/allow-swap": "" };
  const nothing = () => Promise.resolve(undefined);
  const gone = await readDesktop(createMemorySystem({ files, commands: [grep({})] }), session, nothing);
  assert.deepEqual(gone, { session, isSwapOff: false, isSleepOff: false, isFirmwareHidden: false });
  const system = createMemorySystem({
    commands: [grep({ "/sys/class/net/stiefel0/ifindex": "3", "/sys/class/net/stiefel0/speed": "-1" })],
  });
  assert.deepEqual((await readDesktop(system, session, nothing)).link, { hasCarrier: false, packetErrors: 0 });
});
