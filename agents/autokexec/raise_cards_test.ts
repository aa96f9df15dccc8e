import assert from "node:assert/strict";
import type { Link } from "../../lib/system/facts.ts";
import { createMemorySystem } from "../../lib/system/memory.ts";
import { createCardRaiser, NeedBook } from "./raise_cards.ts";

const address = { family: "ipv6", address: "fe80::1", prefixLength: 64, scope: "link", isTentative: false } as const;
const down: Link = {
  name: "eth0",
  index: 2,
  mac: "52:54:00:00:00:01",
  isUp: false,
  hasCarrier: false,
  isLoopback: false,
  mtu: 1500,
  addresses: [],
};
const noCable: Link = { ...down, isUp: true };
const bare: Link = { ...noCable, hasCarrier: true };
const usable: Link = { ...bare, addresses: [address] };

/** What the book says at each of these sights of one card. */
function needs(sights: readonly Link[]): readonly string[] {
  const book = new NeedBook();
  return sights.map((link) => book.take([link]).map(({ need }) => need).join());
}

Deno.test("a card is raised once, and never again after somebody has taken it down", () => {
  assert.deepEqual(needs([down, down, noCable, down, down]), ["up", "", "", "", ""]);
  assert.deepEqual(needs([usable, down]), ["", ""]);
  assert.deepEqual(needs([down, { ...down, index: 7 }]), ["up", "up"], "another card of the same name");
});

Deno.test("a missing address is given once, again only after it was there or the cable was out", () => {
  assert.deepEqual(needs([bare, bare, bare]), ["address", "", ""]);
  assert.deepEqual(needs([bare, usable, bare]), ["address", "", "address"]);
  assert.deepEqual(needs([bare, noCable, bare]), ["address", "", "address"]);
});

Deno.test("loopback and tunnels need nothing", () => {
  assert.deepEqual(needs([{ ...down, isLoopback: true }, { ...down, mac: "" }]), ["", ""]);
});

Deno.test("only wired cards are touched: no Wi-Fi that is switched off, no virtual link", async () => {
  const uevents: Readonly<Record<string, string>> = {
    "/sys/class/net/eth0/uevent": "INTERFACE=eth0\nIFINDEX=2\n",
    "/sys/class/net/eth0/device/uevent": "DRIVER=e1000e\nDEVTYPE=usb_interface\n",
    "/sys/class/net/wlan0/uevent": "DEVTYPE=wlan\nINTERFACE=wlan0\nIFINDEX=3\n",
    "/sys/class/net/wlan0/device/uevent": "DRIVER=iwlwifi\n",
    "/sys/class/net/veth0/uevent": "INTERFACE=veth0\nIFINDEX=4\n",
  };
  const system = createMemorySystem({
    commands: [
      ([program, path = ""]) => program === "cat" ? uevents[path] ?? 1 : undefined,
      ([program]) => program === "ip" ? "" : undefined,
    ],
  });
  const console = {
    say: () => {},
    sayRarely: () => {},
    status: () => {},
    mark: () => {},
    askSecret: () => Promise.reject(),
  };
  const raise = createCardRaiser(system, { console, signal: new AbortController().signal });
  await raise([down, { ...down, name: "wlan0", index: 3 }, { ...down, name: "veth0", index: 4 }]);
  assert.deepEqual(system.ran.filter(([program]) => program === "ip"), [["ip", "link", "set", "dev", "eth0", "up"]]);
});
