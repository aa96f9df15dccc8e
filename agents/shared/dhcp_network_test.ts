import assert from "node:assert/strict";
import { toHostName } from "./dhcp_network.ts";

Deno.test("a machine's name becomes one that a DHCP server may call it", () => {
  const cases: readonly (readonly [name: string, hostName: string | undefined])[] = [
    ["thinkpad", "thinkpad"],
    ["ThinkPad X1 Carbon (9th)", "thinkpad-x1-carbon-9th"],
    ["a.b_c", "a-b-c"],
    ["  ", undefined],
    ["äöü", undefined],
    ["-x-", "x"],
    ["x".repeat(62) + " y", "x".repeat(62)],
  ];
  for (const [name, hostName] of cases) assert.equal(toHostName(name), hostName, name);
});
