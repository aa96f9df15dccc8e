import assert from "node:assert/strict";
import { addressFamily, isAddressWithPrefix, isAddressWithZone, isLinkName, isMac } from "./address.ts";

Deno.test("an address has a family, other text has none", () => {
  const cases: readonly [string, 4 | 6 | undefined][] = [
    ["192.0.2.1", 4],
    ["0.0.0.0", 4],
    ["255.255.255.255", 4],
    ["256.0.0.1", undefined],
    ["1.2.3", undefined],
    ["1.2.3.4.", undefined],
    ["1.2.3.4.5", undefined],
    ["01.2.3.4", undefined],
    ["0x7f.1", undefined],
    ["2130706433", undefined],
    ["::", 6],
    ["fe80::1", 6],
    ["fdd3:1f5e:42aa:1::2", 6],
    ["::ffff:192.0.2.1", 6],
    ["1:2:3:4:5:6:7:8", 6],
    ["1:2:3:4:5:6:7:8:9", undefined],
    ["1::2::3", undefined],
    ["fe80::1%eth0", undefined],
    ["[::1]", undefined],
    [":::", undefined],
    ["12345::", undefined],
    ["", undefined],
    ["localhost", undefined],
  ];
  for (const [text, family] of cases) assert.equal(addressFamily(text), family, text);
});

Deno.test("prefix lengths and zones are checked", () => {
  for (const text of ["192.0.2.1/24", "192.0.2.1/0", "fd00::2/64", "::1/128"]) assert(isAddressWithPrefix(text), text);
  for (const text of ["192.0.2.1", "192.0.2.1/33", "::1/129", "::1/064", "::1/", "/64", "::1/64/64", "fe80::1%a/64"]) {
    assert(!isAddressWithPrefix(text), text);
  }
  for (const text of ["192.0.2.1", "fe80::1", "fe80::1%stiefel0"]) assert(isAddressWithZone(text), text);
  for (const text of ["192.0.2.1%eth0", "fe80::1%", "fe80::1%a b", "fe80::1%a%b", "%eth0"]) {
    assert(!isAddressWithZone(text), text);
  }
});

Deno.test("link names and MAC addresses have one form", () => {
  for (const text of ["eth0", "stiefel0", "enp0s31f6", "enx001122334455", "br-lan.5"]) assert(isLinkName(text), text);
  for (const text of ["", ".", "..", "-x", "a b", "a/b", "a".repeat(16), "ä", "a;b"]) assert(!isLinkName(text), text);
  assert(isMac("52:54:00:ab:cd:ef"));
  for (
    const text of ["52:54:00:AB:CD:EF", "52-54-00-ab-cd-ef", "52:54:00:ab:cd", "525400abcdef", "52:54:00:ab:cd:ef\n"]
  ) {
    assert(!isMac(text), text);
  }
});
