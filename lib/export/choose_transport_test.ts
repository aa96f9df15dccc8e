import assert from "node:assert/strict";
import { chooseTransport, type TransportInputs } from "./choose_transport.ts";

const all = ["nvme-tcp", "nbd"];
const cases: readonly (readonly [inputs: TransportInputs, transport: string | undefined, words: RegExp])[] = [
  [{ setting: "auto", laptop: all, client: all }, "nvme-tcp", /^by nvme-tcp \(the laptop's initramfs .* has it\)$/],
  [{ setting: "auto", laptop: undefined, client: all }, "nbd", /no nvme-tcp: the laptop's .* built without it/],
  [{ setting: "auto", laptop: ["nbd"], client: all }, "nbd", /^by nbd \(no nvme-tcp: .* built without it\)$/],
  [{ setting: "auto", laptop: all, client: ["nbd"] }, "nbd", /no nvme-tcp: the stick does not know it/],
  [{ setting: "auto", laptop: ["nvme-tcp"], client: all }, "nvme-tcp", /has it/],
  [{ setting: "nbd", laptop: all, client: all }, "nbd", /^by nbd \(block\.transport\)$/],
  [{ setting: "nvme-tcp", laptop: all, client: all }, "nvme-tcp", /block\.transport/],
  [{ setting: "nvme-tcp", laptop: ["nbd"], client: all }, undefined, /no nvme-tcp.*run setup-server on the laptop/],
  [{ setting: "nvme-tcp", laptop: undefined, client: all }, undefined, /built without it/],
  [
    { setting: "auto", laptop: ["nbd"], client: ["nvme-tcp"] },
    undefined,
    /no nvme-tcp: the laptop.*; no nbd: the stick/,
  ],
  [{ setting: "auto", laptop: ["nvme-engine"], client: ["nvme-engine"] }, undefined, /no nvme-tcp: the laptop's/],
  [{ setting: "nvme-engine", laptop: ["nvme-engine"], client: ["nvme-engine"] }, "nvme-engine", /\(block\.engine\)$/],
  [{ setting: "nvme-engine", laptop: all, client: ["nvme-engine"] }, undefined, /no nvme-engine: the laptop's/],
  [{ setting: "auto", laptop: [], client: ["future"] }, undefined, /cannot be lent/],
];

for (const [inputs, transport, words] of cases) {
  Deno.test(`of ${inputs.laptop ?? "nothing noted"} and ${inputs.client}, ${inputs.setting} takes ${transport}`, () => {
    const decision = chooseTransport(inputs);
    assert.equal(decision.kind === "use" ? decision.transport : undefined, transport);
    const said = decision.kind === "use" ? decision.why : decision.message;
    assert.match(said, words);
  });
}
