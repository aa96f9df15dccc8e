import assert from "node:assert/strict";
import { UserError } from "../../errors.ts";
import type { RunOptions, System } from "../../system/system.ts";
import { insideNamespace, raiseTunnel, removeTunnel } from "./raise_tunnel.ts";

const settings = {
  namespace: "stiefel-08090a0b",
  name: "stiefeltunnel",
  address: "fd77::1",
  peerAddress: "fd77::2",
  mtu: 1420,
  configuration: "[Interface]\nPrivateKey = secret\n",
};

interface Call {
  readonly line: string;
  readonly stdin: RunOptions["stdin"];
}

/** Programs that do nothing, but fail where they are told to. */
function createMachine(fails?: RegExp): { readonly system: System; readonly calls: readonly Call[] } {
  const calls: Call[] = [];
  const run: System["run"] = (argv, options = {}) => {
    const line = argv.join(" ");
    calls.push({ line, stdin: options.stdin });
    if (fails?.test(line)) return Promise.reject(new Error("Unknown device type"));
    return Promise.resolve({ exitCode: 0, stdout: "", stderr: "" });
  };
  return { system: { run } as System, calls };
}

const removal = [
  "ip -n stiefel-08090a0b link delete dev stiefeltunnel",
  "ip link delete dev stiefeltunnel",
  "ip netns delete stiefel-08090a0b",
];

Deno.test("a tunnel is made where the links are, and moved to where nothing else is", async () => {
  const { system, calls } = createMachine();
  await raiseTunnel(system, settings);
  assert.deepEqual(calls.map(({ line }) => line), [
    "ip netns add stiefel-08090a0b",
    "ip link add dev stiefeltunnel type wireguard",
    "ip link set dev stiefeltunnel netns stiefel-08090a0b",
    "ip netns exec stiefel-08090a0b wg setconf stiefeltunnel /proc/self/fd/0",
    "ip netns exec stiefel-08090a0b sysctl -e -q -w net.ipv4.tcp_retries2=255",
    "ip netns exec stiefel-08090a0b sysctl -e -q -w net.ipv4.tcp_rto_max_ms=20000",
    "ip -n stiefel-08090a0b -6 address add fd77::1/128 dev stiefeltunnel nodad",
    "ip -n stiefel-08090a0b link set dev stiefeltunnel mtu 1420 up",
    "ip -n stiefel-08090a0b -6 route add fd77::2/128 dev stiefeltunnel",
  ]);
  assert.deepEqual(calls.filter(({ stdin }) => stdin !== undefined).map(({ stdin }) => stdin), [
    settings.configuration,
  ]);
});

Deno.test("a tunnel that cannot be raised leaves nothing, and no key in the message", async () => {
  for (const fails of [/netns add/, /type wireguard/, /netns stiefel-\w+$/, /wg setconf/, /address add/, /route add/]) {
    const { system, calls } = createMachine(fails);
    await assert.rejects(raiseTunnel(system, settings), (error) => {
      assert.ok(error instanceof UserError);
      assert.match(error.message, /^The encrypted tunnel cannot be raised: Unknown device type/);
      assert.doesNotMatch(error.message, /secret/);
      return true;
    });
    assert.deepEqual(calls.slice(-3).map(({ line }) => line), removal);
  }
  // A kernel before 6.15 has no bound for the pause.
  const older = createMachine(/rto_max/);
  await raiseTunnel(older.system, settings);
  assert.match(older.calls.at(-1)?.line ?? "", /route add/);
});

Deno.test("removing a tunnel takes all of it, also where nothing is left", async () => {
  const { system, calls } = createMachine(/./);
  await removeTunnel(system, settings);
  assert.deepEqual(calls.map(({ line }) => line), removal);
  assert.deepEqual(insideNamespace(undefined), []);
  assert.deepEqual(insideNamespace("x"), ["ip", "netns", "exec", "x"]);
});
