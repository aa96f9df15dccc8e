/** What a stick, a laptop's initramfs and a configuration of different dates come to, in every combination. */
import assert from "node:assert/strict";
import { hello as sample } from "../../tests/support/protocol_samples.ts";
import type { DiskReport } from "../disk/inspect_disk.ts";
import { chooseSecurity, securities, type Security } from "../formats/security.ts";
import { type HelloMessage, NOTICE_MAX_BYTES } from "../protocol/boot_exchange.ts";
import { findContradiction, type TransportSetting, transportSettings } from "../protocol/session_groups.ts";
import { findNotTaken } from "../protocol/unknown_groups.ts";
import { chooseTransport } from "./choose_transport.ts";
import { planSession, SESSION_RANDOM_BYTES } from "./session_plan.ts";
import { TUNNEL_RANDOM_BYTES } from "./tunnel/plan_tunnel.ts";
import { makeTunnelKeys } from "./tunnel/wireguard_config.ts";

interface Combination {
  readonly stick: readonly string[];
  readonly knowsTunnel: boolean;
  readonly laptop: readonly string[] | undefined;
  readonly canTunnel: boolean;
  readonly setting: TransportSetting;
  readonly security: Security;
}

const both = [true, false];
const sticks = [["nbd"], ["nvme-tcp"], ["nvme-tcp", "nbd"], ["nvme-tcp", "nbd", "later"], ["later"]];
const laptops = [undefined, [], ["nbd"], ["nvme-tcp"], ["nvme-tcp", "nbd"], ["later", "nbd"]];

const combinations: readonly Combination[] = sticks.flatMap((stick) =>
  both.flatMap((knowsTunnel) =>
    laptops.flatMap((laptop) =>
      both.flatMap((canTunnel) =>
        transportSettings.flatMap((setting) =>
          securities.map((security) => ({ stick, knowsTunnel, laptop, canTunnel, setting, security }))
        )
      )
    )
  )
);

const disk: DiskReport = {
  ...{ path: "/dev/sda", name: "sda", sizeBytes: 512 * 1024 ** 2, logicalBlockSize: 512 },
  ...{ problems: [], notices: [] },
};
const keys = await makeTunnelKeys(new Uint8Array(32).fill(7));

/** @returns how it ends */
function play({ stick, knowsTunnel, laptop, canTunnel, setting, security }: Combination): string {
  const decision = chooseTransport({ setting, laptop, client: stick });
  if (decision.kind === "none") {
    assert.ok(new TextEncoder().encode(decision.message).length <= NOTICE_MAX_BYTES);
    assert.match(decision.message, /run setup-server on the laptop, and write the stick again/);
    return "no transport";
  }
  const { transport } = decision;
  assert.ok(stick.includes(transport) && (laptop ?? ["nbd"]).includes(transport));
  const { tunnel: _, ...plain } = sample;
  const hello: HelloMessage = {
    ...plain,
    disk: { transports: [...stick] },
    ...knowsTunnel ? { tunnel: { publicKey: "ab".repeat(32) } } : {},
  };
  const decided = chooseSecurity(security, canTunnel);
  const tunnel = { keys, presharedKey: keys.privateKey, random: new Uint8Array(TUNNEL_RANDOM_BYTES).fill(6) };
  const { session } = planSession({
    ...{ hello, arrival: { kind: "link", link: "eth0" }, disk, transport },
    random: new Uint8Array(SESSION_RANDOM_BYTES).fill(5),
    ...decided.security === "none" ? {} : { tunnel },
  });
  assert.equal(findContradiction(session), undefined);
  const isEncrypted = session.tunnel !== undefined;
  // In the open with a sentence, and only where it is not to be encrypted, or cannot be.
  assert.equal(isEncrypted, security === "wireguard" && canTunnel);
  assert.equal(decided.notice === undefined, isEncrypted);
  const notTaken = findNotTaken(hello, session);
  if (notTaken === undefined) return isEncrypted ? "encrypted" : "in the open";
  assert.ok(isEncrypted && !knowsTunnel);
  assert.match(notTaken, /"tunnel".*write the stick again/);
  return "no tunnel";
}

Deno.test("each combination gives a session that the stick takes, or a reason and what to do", () => {
  const ends = new Map<string, number>();
  for (const combination of combinations) {
    try {
      const end = play(combination);
      ends.set(end, (ends.get(end) ?? 0) + 1);
    } catch (error) {
      throw new Error(JSON.stringify(combination), { cause: error });
    }
  }
  assert.deepEqual([...ends.keys()].sort(), ["encrypted", "in the open", "no transport", "no tunnel"]);
  assert.equal([...ends.values()].reduce((sum, count) => sum + count), combinations.length);
});
