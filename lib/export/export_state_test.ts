import assert from "node:assert/strict";
import { ProtocolError } from "../errors.ts";
import { type ExportState, formatExportState, parseExportState } from "./export_state.ts";

const state: ExportState = {
  version: 1,
  lease: { holder: { mac: "52:54:00:12:34:56", name: "desk \u2603", address: "fe80::1" }, sinceMs: 1_800_000_000_000 },
  transport: "nbd",
  disk: "/dev/nvme0n1",
  exportName: "0123456789abcdef0123456789abcdef",
  linkAddress: {
    link: "eth0",
    address: "fd00:1:2:3::1/64",
    neighbour: { address: "fd00:1:2:3::2", mac: "02:00:5e:10:00:01" },
  },
  wasUsed: true,
};

Deno.test("what is lent survives being written down", () => {
  assert.deepEqual(parseExportState(formatExportState(state)), state);
  const { linkAddress: _, ...routed } = state;
  assert.deepEqual(parseExportState(formatExportState(routed)), routed);
  const tunnelled: ExportState = { ...state, tunnel: { namespace: "stiefel-08090a0b", name: "stiefeltunnel" } };
  assert.deepEqual(parseExportState(formatExportState(tunnelled)), tunnelled);
});

Deno.test("a note that is cut off or not ours is refused", () => {
  const text = formatExportState(state);
  for (let end = 0; end < text.length; end++) assert.throws(() => parseExportState(text.slice(0, end)), ProtocolError);
  for (const wrong of ['{"version":2}\n', text.replace('"nbd"', '"tape"'), text.replace('"disk"', '"Disk"')]) {
    assert.throws(() => parseExportState(wrong), ProtocolError);
  }
});
