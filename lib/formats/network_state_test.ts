import assert from "node:assert/strict";
import { parseNetworkState } from "./network_state.ts";

Deno.test("what stiefel-network writes is understood, and nothing else", () => {
  const cases: readonly (readonly [text: string, state: ReturnType<typeof parseNetworkState>])[] = [
    ["STIEFEL_NETWORK=on\nSTIEFEL_NETWORK_REASON=dhcp\nSTIEFEL_NETWORK_CARD=eth90\n", {
      card: "eth90",
      reason: "dhcp",
    }],
    ["STIEFEL_NETWORK=on\nSTIEFEL_NETWORK_REASON=router\nSTIEFEL_NETWORK_CARD=enp0s31f6\n", {
      card: "enp0s31f6",
      reason: "router",
    }],
    ["STIEFEL_NETWORK=off\nSTIEFEL_NETWORK_REASON=alone\n", { reason: "alone" }],
    ["STIEFEL_NETWORK=off\nSTIEFEL_NETWORK_REASON=no-carrier\n", { reason: "no-carrier" }],
    ["STIEFEL_NETWORK=off\nSTIEFEL_NETWORK_REASON=unusable\n", { reason: "unusable" }],
    ["STIEFEL_NETWORK=on\nSTIEFEL_NETWORK_REASON=dhcp\n", undefined],
    ["STIEFEL_NETWORK=on\nSTIEFEL_NETWORK_REASON=dhcp\nSTIEFEL_NETWORK_CARD=a b\n", undefined],
    ["STIEFEL_NETWORK=off\nSTIEFEL_NETWORK_REASON=tomorrow\n", undefined],
    ["", undefined],
  ];
  for (const [text, state] of cases) assert.deepEqual(parseNetworkState(text), state, text);
});
