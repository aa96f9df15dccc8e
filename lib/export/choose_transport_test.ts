import assert from "node:assert/strict";
import { chooseTransport, type TransportInputs } from "./choose_transport.ts";

const all = ["nbd", "nvme-tcp"];
const cases: readonly (readonly [inputs: TransportInputs, transport: string | undefined, words: RegExp | undefined])[] =
  [
    [{ setting: "auto", laptop: all, client: all }, "nbd", undefined],
    [{ setting: "auto", laptop: undefined, client: all }, "nbd", undefined],
    [
      { setting: "auto", laptop: ["nvme-tcp"], client: all },
      "nvme-tcp",
      /no nbd: the laptop's initramfs .* built without it/,
    ],
    [{ setting: "auto", laptop: all, client: ["nvme-tcp"] }, "nvme-tcp", /no nbd: the stick does not know it/],
    [{ setting: "nbd", laptop: all, client: all }, "nbd", undefined],
    [{ setting: "nvme-tcp", laptop: all, client: all }, "nvme-tcp", undefined],
    [{ setting: "nvme-tcp", laptop: ["nbd"], client: all }, undefined, /no nvme-tcp.*run setup-server on the laptop/],
    [{ setting: "nvme-tcp", laptop: undefined, client: all }, undefined, /built without it/],
    [
      { setting: "auto", laptop: ["nvme-tcp"], client: ["nbd"] },
      undefined,
      /no nbd: the laptop.*; no nvme-tcp: the stick/,
    ],
    [{ setting: "auto", laptop: [], client: ["future"] }, undefined, /cannot be lent/],
  ];

for (const [inputs, transport, words] of cases) {
  Deno.test(`of ${inputs.laptop ?? "nothing noted"} and ${inputs.client}, ${inputs.setting} takes ${transport}`, () => {
    const decision = chooseTransport(inputs);
    assert.equal(decision.kind === "use" ? decision.transport : undefined, transport);
    const said = decision.kind === "use" ? decision.why : decision.message;
    if (words === undefined) assert.equal(said, undefined);
    else assert.match(said ?? "", words);
  });
}
