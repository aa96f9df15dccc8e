/** A machine's card in a switch (QEMU's hub). */
import assert from "node:assert/strict";
import type { VmSpec } from "../../lib/qemu/vm_spec.ts";

/**
 * The machine's card, its cable to the other machine, and something else in one switch.
 * @param other what is there: its id, and QEMU's `-netdev` for it, such as "user,restrict=on" (qemu(1))
 */
export function inSwitch(
  { links: [link], ...spec }: VmSpec,
  other: { readonly id: string; readonly netdev: string },
): VmSpec {
  assert.ok(link !== undefined);
  const hub = (id: string, netdev?: string): readonly string[] => [
    "-netdev",
    `hubport,id=${id},hubid=0${netdev === undefined ? "" : `,netdev=${netdev}`}`,
  ];
  const server = link.end === "listening" ? "on" : "off";
  return {
    ...spec,
    links: [],
    arguments: [
      ...spec.arguments ?? [],
      ...["-netdev", `stream,id=wire,server=${server},addr.type=unix,addr.path=${link.socketPath}`],
      ...hub("port0", "wire"),
      ...["-netdev", `${other.netdev},id=${other.id}`, ...hub("port1", other.id)],
      ...[...hub(link.id), "-device", `virtio-net-pci,netdev=${link.id},mac=${link.mac},romfile=`],
    ],
  };
}
