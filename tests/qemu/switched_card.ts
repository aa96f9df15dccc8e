/** A machine's card in a switch (QEMU's hub), together with a router. */
import assert from "node:assert/strict";
import type { VmSpec } from "../../lib/qemu/vm_spec.ts";

/** By which QEMU's monitor knows the router. */
export const routerId = "router";

/**
 * The machine's card in a switch, with its cable to the other machine and QEMU's own router, which gives addresses by
 * DHCP and reaches nothing beyond it (`restrict` of `-netdev user`, qemu(1)).
 */
export function onSwitch({ links: [link], ...spec }: VmSpec): VmSpec {
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
      ...["-netdev", `user,id=${routerId},restrict=on`, ...hub("port1", routerId)],
      ...[...hub(link.id), "-device", `virtio-net-pci,netdev=${link.id},mac=${link.mac},romfile=`],
    ],
  };
}
