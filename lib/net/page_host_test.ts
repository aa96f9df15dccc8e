import assert from "node:assert/strict";
import { checkHost } from "./page_host.ts";

const names = ["Laptop", "ThinkPad X1"];

const cases: readonly [localAddress: string, authority: string, expected: ReturnType<typeof checkHost>][] = [
  // the address that was typed
  ["192.0.2.1", "192.0.2.1", "ours"],
  ["192.0.2.1", "192.0.2.1:4645", "ours"],
  ["192.0.2.1", "192.0.2.1:", "ours"],
  ["fe80::1", "[fe80::1]:4645", "ours"],
  ["fe80::1", "[FE80:0:0:0:0:0:0:1]", "ours"],
  ["fe80::1", "[fe80::1%25eth0]:4645", "ours"],
  ["fe80::1", "[fe80::1%eth0]:4645", "ours"],
  ["192.0.2.1", "[::ffff:192.0.2.1]:4645", "ours"],
  ["192.0.2.1", "[::ffff:c000:201]:4645", "ours"],
  // names of the laptop
  ["192.0.2.1", "laptop", "ours"],
  ["192.0.2.1", "LAPTOP.:4645", "ours"],
  ["fe80::1", "laptop.local:4645", "ours"],
  ["fe80::1", "laptop.local.:4645", "ours"],
  ["::1", "localhost:4645", "ours"],
  ["127.0.0.1", "localhost", "ours"],
  // of other machines
  ["192.0.2.1", "evil.example:4645", "foreign"],
  ["192.0.2.1", "laptop.evil.example:4645", "foreign"],
  ["192.0.2.1", "laptop.local.evil.example", "foreign"],
  ["192.0.2.1", "localhost:4645", "foreign"],
  ["192.0.2.1", "192.0.2.2:4645", "foreign"],
  ["192.0.2.1", "192.0.2.1.evil.example", "foreign"],
  ["192.0.2.1", "192.0.2.1:80", "foreign"],
  ["192.0.2.1", "3221225985", "foreign"],
  ["192.0.2.1", "0300.0.2.1", "foreign"],
  ["fe80::1", "[fe80::2]:4645", "foreign"],
  ["fe80::1", "fe80", "foreign"],
  ["192.0.2.1", "thinkpad", "foreign"],
  ["192.0.2.1", "laptop..", "foreign"],
  ["192.0.2.1", ".laptop", "foreign"],
  // what no client sends
  ["192.0.2.1", "", "malformed"],
  ["192.0.2.1", ":4645", "malformed"],
  ["192.0.2.1", "thinkpad x1", "malformed"],
  ["fe80::1", "fe80::1", "malformed"],
  ["fe80::1", "[fe80::1", "malformed"],
  ["fe80::1", "[fe80::1]]", "malformed"],
  ["fe80::1", "[::g]", "malformed"],
  ["192.0.2.1", "user@192.0.2.1", "malformed"],
  ["192.0.2.1", "192.0.2.1/", "malformed"],
  ["192.0.2.1", "192.0.2.1:4645, evil.example", "malformed"],
  ["192.0.2.1", "192.0.2.1:464500", "malformed"],
];

for (const [localAddress, authority, expected] of cases) {
  Deno.test(`A12: "${authority}" is ${expected} at ${localAddress}`, () => {
    assert.equal(checkHost(authority, { localAddress, port: 4645, names }), expected);
  });
}
