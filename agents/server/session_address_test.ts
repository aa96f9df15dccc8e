import assert from "node:assert/strict";
import { sampleLink } from "../../tests/support/sample_link.ts";
import type { Link } from "../../lib/system/facts.ts";
import { findMissingAddress, type LinkAddress } from "./session_address.ts";

const wanted: LinkAddress = { link: "eth0", address: "fd00:1:2:3::1/64" };

function linkOf(name: string, addresses: readonly string[]): Link {
  return {
    ...sampleLink,
    name,
    addresses: addresses.map((text) => {
      const [address = "", length] = text.split("/");
      return { family: "ipv6", address, prefixLength: Number(length), scope: "global", isTentative: false };
    }),
  };
}

Deno.test("an address is missing where its link is there without it, and nowhere else", () => {
  const cases: readonly (readonly [readonly Link[], LinkAddress | undefined, LinkAddress | undefined])[] = [
    [[linkOf("eth0", [])], undefined, undefined],
    [[], wanted, undefined],
    [[linkOf("eth1", [])], wanted, undefined],
    [[linkOf("eth0", ["fe80::1/64", "fd00:1:2:3::1/64"])], wanted, undefined],
    [[linkOf("eth0", ["fe80::1/64", "fd00:1:2:3::1/128"])], wanted, wanted],
    [[linkOf("eth1", ["fd00:1:2:3::1/64"]), linkOf("eth0", ["fe80::1/64"])], wanted, wanted],
  ];
  for (const [links, address, missing] of cases) assert.deepEqual(findMissingAddress(links, address), missing);
});
