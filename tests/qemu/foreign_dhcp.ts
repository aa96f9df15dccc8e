/**
 * A machine's cable in a switch (QEMU's hub), with a DHCP server that is not ours: Debian's dnsmasq behind a tap
 * device, in a network namespace of its own. QEMU's own server does not do: on a hub it answers for every address.
 */
import assert from "node:assert/strict";
import type { VmSpec } from "../../lib/qemu/vm_spec.ts";
import type { System } from "../../lib/system/system.ts";
import { inSwitch } from "./switched_card.ts";

const tap = "stiefeltap0";
const namespace = "stiefel-foreign";
/** What it gives addresses from. */
const own = "192.0.2.1";

/** QEMU makes the tap device; {@link startForeignDhcp} takes it. */
export function besideForeignDhcp(spec: VmSpec): VmSpec {
  return inSwitch(spec, { id: "foreign", netdev: `tap,ifname=${tap},script=no,downscript=no` });
}

/** Until it is disposed. Needs root, and the machine's QEMU to run. */
export async function startForeignDhcp(system: System, workDirectory: string): Promise<AsyncDisposable> {
  const endMs = system.monotonicMs() + 10_000;
  const show = ["ip", "link", "show", "dev", tap];
  while ((await system.run(show, { acceptExitCodes: [0, 1] })).stdout === "") {
    assert.ok(system.monotonicMs() < endMs, `QEMU has made no ${tap}`);
    await system.delay(50);
  }
  await using stack = new AsyncDisposableStack();
  await system.run(["ip", "netns", "add", namespace]);
  stack.defer(async () => void await system.run(["ip", "netns", "delete", namespace]));
  const inside = ["ip", "-netns", namespace];
  await system.run(["ip", "link", "set", tap, "netns", namespace]);
  await system.run([...inside, "address", "add", `${own}/24`, "dev", tap]);
  await system.run([...inside, "link", "set", tap, "up"]);
  stack.use(system.spawn([
    ...["ip", "netns", "exec", namespace, "dnsmasq", "--keep-in-foreground", "--conf-file=/dev/null", "--port=0"],
    ...[`--interface=${tap}`, "--bind-interfaces", "--dhcp-range=192.0.2.10,192.0.2.20,10m", "--user=root"],
    ...[`--dhcp-leasefile=${workDirectory}/foreign-leases`, `--pid-file=${workDirectory}/foreign-pid`],
  ]));
  return stack.move();
}
