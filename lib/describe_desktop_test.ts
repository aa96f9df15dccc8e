import assert from "node:assert/strict";
import { type DesktopFacts, listDesktopRows } from "./describe_desktop.ts";

const usual: DesktopFacts = {
  session: {
    statusAddress: "fd01::1",
    transport: "nvme-tcp",
    disk: "/dev/nvme0n1",
    linkName: "stiefel0",
    linkDownCount: 1,
    tunnelName: "stiefeltunnel",
  },
  link: { hasCarrier: true, speedMbps: 2500, packetErrors: 0, downCount: 1 },
  roundTripMs: 0.4321,
  network: { card: "eth90", reason: "dhcp" },
  isSwapOff: true,
  isSleepOff: true,
  isFirmwareHidden: true,
};
const tell = (facts: Partial<DesktopFacts>): readonly string[] =>
  listDesktopRows({ ...usual, ...facts }).map(({ label, text, isAlarm }) => `${isAlarm ? "! " : ""}${label}: ${text}`);

Deno.test("a desktop tells its disk, the way to it, its network, and what is not as on the laptop", () => {
  assert.deepEqual(tell({}), [
    "Disk here: /dev/nvme0n1 by nvme-tcp, encrypted (WireGuard, stiefeltunnel)",
    "Round trip: 0.43 ms",
    "Link here: stiefel0, 2500 Mbit/s, no errors since boot",
    "Network: eth90: a DHCP server answers on the cable",
    "Not as there: swap on the disk is off (touch /run/stiefelsystem/allow-swap allows it)",
    ": sleep is off: it would cut off the disk",
    ": an initramfs that is built here is one for any machine, until the next update on the laptop",
    ": this computer's firmware variables are hidden",
  ]);
});

Deno.test("what is wrong is marked, and what is not known is left out", () => {
  const { tunnelName: _, ...open } = usual.session;
  const link = { hasCarrier: true, packetErrors: 1, downCount: 3 };
  const [disk, trouble] = tell({ session: { ...open, transport: "nbd", disk: "/dev/nbd0" }, link, roundTripMs: 12.6 })
    .filter((row) => !row.startsWith("Round trip"));
  assert.equal(disk, "Disk here: /dev/nbd0 by nbd, not encrypted");
  assert.equal(trouble, "! Link here: stiefel0, 1 error, 2 times without its cable since boot");
  assert.ok(tell({ roundTripMs: 12.6 }).includes("Round trip: 13 ms"));
  // Another card, which counts anew.
  assert.ok(
    tell({ link: { ...link, packetErrors: 0, downCount: 0 } }).includes("Link here: stiefel0, no errors since boot"),
  );
  assert.ok(
    tell({ link: { hasCarrier: false, packetErrors: 0 } }).includes("! Link here: stiefel0, its cable is out"),
  );
  const { link: _link, roundTripMs: _time, network: _network, ...least } = usual;
  const rows = listDesktopRows({ ...least, session: {}, isSwapOff: false, isSleepOff: false, isFirmwareHidden: false });
  assert.deepEqual(rows.map(({ label, text }) => `${label}: ${text}`), [
    "Link here: the link is not there",
    "Not as there: an initramfs that is built here is one for any machine, until the next update on the laptop",
  ]);
});

Deno.test("a desktop without a network of its own tells why", () => {
  const network = (reason: "alone" | "no-carrier" | "unusable"): string =>
    tell({ network: { reason } }).find((row) => row.startsWith("Network")) ?? "";
  assert.match(network("alone"), /none of its own on this cable, where no router answers/);
  assert.match(network("no-carrier"), /which is out/);
  assert.match(network("unusable"), /lacks macvlan, bridge or veth/);
});
