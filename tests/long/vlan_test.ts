/** A desktop and its laptop on a VLAN of the cable: all that is ours is tagged, and a card that comes back is, too. */

import assert from "node:assert/strict";
import { BOOT_EXCHANGE_PORT } from "../../lib/protocol/boot_exchange.ts";
import { DISCOVERY_PORT } from "../../lib/protocol/discovery.ts";
import { linkId } from "../../lib/qemu/machine_pair.ts";
import { type FaultRig, startFaultRig } from "../qemu/fault_rig.ts";
import { prepareQemuTest } from "../qemu/machines.ts";

const rig = await prepareQemuTest();

const id = 20;
const ethertype = { vlan: 0x8100, ipv4: 0x0800, ipv6: 0x86dd };
const waitMs = 120_000;

interface Seen {
  readonly tag: number | undefined;
  readonly ports: readonly [from: number, to: number] | undefined;
}

/** Of an Ethernet frame: its tag (IEEE 802.1Q), and the ports of UDP and TCP. */
function readFrame(frame: Uint8Array): Seen {
  const view = new DataView(frame.buffer, frame.byteOffset, frame.byteLength);
  const isTagged = frame.length >= 18 && view.getUint16(12) === ethertype.vlan;
  const tag = isTagged ? view.getUint16(14) & 0xfff : undefined;
  const start = isTagged ? 18 : 14;
  const kind = view.getUint16(start - 2);
  const [protocolAt, headerBytes] = kind === ethertype.ipv6 ? [start + 6, 40] : [start + 9, 20];
  const hasPorts = (kind === ethertype.ipv6 || kind === ethertype.ipv4) && frame.length >= start + headerBytes + 4 &&
    [6, 17].includes(view.getUint8(protocolAt));
  const at = start + headerBytes;
  return { tag, ports: hasPorts ? [view.getUint16(at), view.getUint16(at + 2)] : undefined };
}

Deno.test("a frame's tag and ports are read, with and without a tag", () => {
  const packet = [0x60, 0, 0, 0, 0, 8, 17, 255, ...new Array(32).fill(0), 0xf0, 0x82, 0x12, 0x24, 0, 8, 0, 0];
  const macs = new Array(12).fill(0);
  assert.deepEqual(readFrame(Uint8Array.from([...macs, 0x86, 0xdd, ...packet])), {
    tag: undefined,
    ports: [DISCOVERY_PORT, BOOT_EXCHANGE_PORT],
  });
  assert.deepEqual(readFrame(Uint8Array.from([...macs, 0x81, 0, 0x20, id, 0x86, 0xdd, ...packet])), {
    tag: id,
    ports: [DISCOVERY_PORT, BOOT_EXCHANGE_PORT],
  });
  assert.deepEqual(readFrame(Uint8Array.from([...macs, 0x08, 0x06, 0, 0])), { tag: undefined, ports: undefined });
});

Deno.test({
  name: "on a VLAN: the desktop boots, nothing of ours is untagged, and the disk goes on with a card that is back",
  ignore: rig.skipReason !== undefined,
  fn: async () => {
    const tagged = new Set<number>();
    const untagged = new Set<number>();
    const tags = new Set<number | undefined>();
    await using faults = await startFaultRig(rig, {
      name: "vlan",
      configuration: `network:\n  vlan: ${id}\n`,
      onFrame: (frame) => {
        const { tag, ports } = readFrame(frame);
        tags.add(tag);
        for (const port of ports ?? []) (tag === undefined ? untagged : tagged).add(port);
      },
    });
    const { onDesktop, onLaptop } = faults;
    const details = (await onDesktop.mustRun("ip -d link show dev stiefel0", { timeoutMs: waitMs })).join(" ");
    assert.match(details, new RegExp(`stiefel0@stiefel0c: .*\\bvlan protocol 802.1Q id ${id}\\b`));
    const address = (await onLaptop.mustRun("ip -o -6 address show", { timeoutMs: waitMs })).join("\n");
    assert.match(address, new RegExp(`eth0\\.${id} +inet6 fd`), "the laptop's end has the session's address");

    await replugCard(faults);
    await faults.nextRecord(waitMs);

    assert.deepEqual([...tags].filter((tag) => tag !== undefined), [id]);
    for (const port of [DISCOVERY_PORT, BOOT_EXCHANGE_PORT]) assert.ok(tagged.has(port), `${port} in ${[...tagged]}`);
    // Where there is no tag, it is the desktop's own system that asks: router and address.
    const own = [546, 547, 67, 68, 5353, 5355];
    assert.deepEqual([...untagged].filter((port) => !own.includes(port)), []);
  },
});

async function replugCard({ desktop, slot, nextRecord }: FaultRig): Promise<void> {
  const control = await desktop.control();
  await control.execute("device_del", { id: slot.device });
  for (
    const endMs = rig.system.monotonicMs() + waitMs;
    !control.events.some(({ event, data }) => event === "DEVICE_DELETED" && data.device === slot.device);
  ) {
    assert.ok(rig.system.monotonicMs() < endMs, "the card was not unplugged");
    await rig.system.delay(100);
  }
  await control.execute("device_add", {
    ...{ driver: "virtio-net-pci", id: slot.device, bus: slot.bus, netdev: linkId },
    ...{ mac: "52:54:00:5a:1e:f2", romfile: "" },
  });
  await nextRecord(waitMs);
}
