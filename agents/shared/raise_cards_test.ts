import assert from "node:assert/strict";
import type { Link } from "../../lib/system/facts.ts";
import { createMemorySystem } from "../../tests/support/memory_system.ts";
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

Deno.test("a card is raised once, and never again after a user has taken it down", () => {
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

interface Laptop {
  /** What the agent said. */
  readonly said: readonly string[];
  /** Shows the links, and those that are there when the agent's patience is over. @returns what it did then */
  show(later: readonly Link[]): Promise<readonly string[]>;
}

function createLaptop(
  links: readonly Link[],
  { ipv6Off = "0" }: { readonly ipv6Off?: string | number } = {},
): Laptop {
  const said: string[] = [];
  const uevents: Readonly<Record<string, string | number>> = {
    "/sys/class/net/eth0/uevent": "INTERFACE=eth0\nIFINDEX=2\n",
    "/sys/class/net/eth0/device/uevent": "DRIVER=e1000e\nDEVTYPE=usb_interface\n",
    "/sys/class/net/wlan0/uevent": "DEVTYPE=wlan\nINTERFACE=wlan0\nIFINDEX=3\n",
    "/sys/class/net/wlan0/device/uevent": "DRIVER=iwlwifi\n",
    "/sys/class/net/veth0/uevent": "INTERFACE=veth0\nIFINDEX=4\n",
    "/proc/sys/net/ipv6/conf/eth0/disable_ipv6": ipv6Off,
  };
  let present = links;
  const system = createMemorySystem({
    commands: [
      ([program, path = ""]) => program === "cat" ? uevents[path] ?? 1 : undefined,
      (argv) => argv.includes("-json") ? formatLinks(present) : undefined,
      ([program = ""]) => ["ip", "sysctl"].includes(program) ? "" : undefined,
    ],
  });
  const console = {
    isScreen: false,
    say: (line: string) => void said.push(line),
    sayRarely: (line: string) => void said.push(line),
    status: () => {},
    page: () => {},
    ring: () => {},
    watchKeys: () => Promise.resolve(),
    mark: () => {},
    askSecret: () => Promise.reject(),
    askLine: () => Promise.reject(),
  };
  const raise = createCardRaiser(system, {
    ...{ console, signal: new AbortController().signal },
    purpose: "hear desktops",
  });
  return {
    said,
    show: async (later: readonly Link[]): Promise<readonly string[]> => {
      const raising = raise(links);
      for (let turns = 0; turns < 50; turns++) await Promise.resolve();
      const isPatient = system.ran.every(([program]) => program === "cat");
      present = later;
      system.advance(5_000);
      await raising;
      const changes = system.ran.filter((argv) => argv[0] !== "cat" && !argv.includes("-json"));
      return [...isPatient ? [] : ["hasty"], ...changes.map((argv) => argv.join(" "))];
    },
  };
}

/** As `ip -json address show` prints them, what is looked at. */
function formatLinks(links: readonly Link[]): string {
  return JSON.stringify(links.map((link) => ({
    ifindex: link.index,
    ifname: link.name,
    flags: [...link.isUp ? ["UP"] : [], ...link.hasCarrier ? ["LOWER_UP"] : []],
    mtu: link.mtu,
    address: link.mac,
    addr_info: link.addresses.map((address) => ({
      family: "inet6",
      local: address.address,
      prefixlen: address.prefixLength,
      scope: address.scope,
    })),
  })));
}

Deno.test("only wired cards are touched: no Wi-Fi that is switched off, no virtual link; routers are not heeded", async () => {
  const links = [down, { ...down, name: "wlan0", index: 3 }, { ...down, name: "veth0", index: 4 }];
  assert.deepEqual(await createLaptop(links).show(links), [
    "sysctl --quiet --write net/ipv6/conf/eth0/accept_ra=0",
    "ip link set dev eth0 up",
  ]);
});

Deno.test("a card that its network manager raises or gives an address in time is left alone", async () => {
  for (const [now, later] of [[down, noCable], [down, usable], [bare, usable], [bare, down]] as const) {
    assert.deepEqual(await createLaptop([now]).show([later]), []);
  }
  assert.deepEqual(await createLaptop([down]).show([{ ...down, name: "enp3s0" }]), [], "named anew meanwhile");
  assert.deepEqual(await createLaptop([bare]).show([bare]), [
    "ip address replace fe80::5054:ff:fe00:1/64 dev eth0 nodad",
  ]);
});

Deno.test("a card without IPv6 is left as it is, and the agent says so", async () => {
  for (const ipv6Off of ["1\n", 1]) {
    for (const link of [down, bare]) {
      const laptop = createLaptop([link], { ipv6Off });
      assert.deepEqual(await laptop.show([link]), []);
      assert.match(laptop.said.join("\n"), /^eth0 cannot hear desktops: IPv6 is switched off on it/);
    }
  }
});
