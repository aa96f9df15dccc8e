import assert from "node:assert/strict";
import type { Link } from "../../lib/system/facts.ts";
import { sampleLink } from "../../tests/support/sample_link.ts";
import { createMemorySystem, type MemorySystem } from "../../tests/support/memory_system.ts";
import { findLinkTo, settlePacketSize } from "./packet_size.ts";

const link: Link = { ...sampleLink, mtu: 9000 };
const host = "fe80::1%eth0";

/** `ping` is answered up to this size. */
function machine(largestBytes: number): MemorySystem {
  return createMemorySystem({
    commands: [
      ([program, , , , , , size], { signal }) => {
        if (program !== "ping") return undefined;
        if (Number(size) <= largestBytes) return "";
        return new Promise((_, reject) => signal?.addEventListener("abort", () => reject(signal.reason)));
      },
      ([program]) => program === "ip" ? "" : undefined,
    ],
  });
}

/** @returns what was settled, said, and done with the link */
async function settle(largestBytes: number, isOurs: boolean): Promise<readonly [number | undefined, string, string]> {
  const system = machine(largestBytes);
  const said: string[] = [];
  const settling = settlePacketSize({ system, console: { sayRarely: (text) => said.push(text) } }, {
    host,
    link,
    isOurs,
  });
  // Nothing but the wait for the large packet is left.
  for (let turn = 0; turn < 20; turn++) await Promise.resolve();
  system.advance(100);
  const mtu = await settling;
  const done = system.ran.filter(([program]) => program === "ip").map((argv) => argv.join(" ")).join("\n");
  return [mtu, said.join("\n"), done];
}

Deno.test("large packets that come back are used: with IPv6's 48 bytes around what the echo carries", async () => {
  assert.deepEqual(await settle(8952, true), [9000, "", ""]);
});

Deno.test("where they do not come back the link gets Ethernet's MTU, unless it is the running system's", async () => {
  const said = "Packets of 9000 bytes do not come back on eth0: they have 1500 at most";
  assert.deepEqual(await settle(8951, true), [undefined, said, "ip link set dev eth0 mtu 1500"]);
  assert.deepEqual(await settle(8951, false), [undefined, said, ""]);
});

Deno.test("a laptop that answers no echo at all gets packets of Ethernet's size", async () => {
  const system = createMemorySystem({
    commands: [([program]) => program === "ping" ? 1 : program === "ip" ? "" : undefined],
  });
  assert.equal(
    await settlePacketSize({ system, console: { sayRarely: () => {} } }, { host, link, isOurs: true }),
    undefined,
  );
  assert.deepEqual(system.ran.at(-1), ["ip", "link", "set", "dev", "eth0", "mtu", "1500"]);
});

Deno.test("a link that takes no large packets is not asked", async () => {
  const system = createMemorySystem();
  for (const given of [undefined, { ...link, mtu: 1500 }, { ...link, mtu: 1400 }]) {
    const settled = await settlePacketSize({ system, console: { sayRarely: () => {} } }, {
      host,
      link: given,
      isOurs: true,
    });
    assert.equal(settled, undefined);
  }
  assert.deepEqual(system.ran, []);
});

Deno.test("the link to a laptop is that of the address' zone, else that of the route", async () => {
  const other = { ...link, name: "eth1" };
  const system = createMemorySystem({
    commands: [(argv) => argv.at(-1) === "192.0.2.10" ? '[{"dst":"192.0.2.10","dev":"eth1"}]' : 2],
  });
  assert.equal(await findLinkTo(system, host, [other, link]), link);
  assert.equal(await findLinkTo(system, "192.0.2.10", [link, other]), other);
  assert.equal(await findLinkTo(system, "2001:db8::1", [link, other]), undefined);
  assert.equal(await findLinkTo(system, "laptop.example", [link, other]), undefined);
});
