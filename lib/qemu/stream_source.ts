/**
 * A laptop that, beside serving its disk, has what its block transports are compared with: plain streams of zeros from
 * it and to it, on the link and inside the tunnel, and one plain NBD export of the scratch partition.
 * The image stays as it is; the programs are a few files appended to its initrd for this one run.
 */

import { archivePaddingBytes, buildCpio } from "../formats/cpio.ts";
import type { System } from "../system/system.ts";
import { demoDiskLayout } from "./demo_disk_layout.ts";
import type { BootImage } from "./machine_pair.ts";

/** Also named in image/demo/usr/lib/stiefel-demo/block_bench. */
export const comparisonPorts = { source: 4700, sink: 4701, nbd: 4702 } as const;

/** The kernel parameter that starts it before the image's own /init. */
export const streamSourceParameter = "rdinit=/bench/init";

const scripts = {
  init: `/bench/compare &
exec /init
`,
  // The tunnel's network namespace is there for as long as its session.
  compare: `/bench/listen
/bench/export
while :; do
    for name in /run/netns/stiefel-*; do
        [ ! -e "$name" ] || [ "$name" = "\${known:-}" ] || { ip netns exec "\${name##*/}" /bench/listen; known=$name; }
    done
    busybox sleep 1
done
`,
  listen: `busybox nc -ll -p ${comparisonPorts.source} -e /bench/source &
busybox nc -ll -p ${comparisonPorts.sink} -e /bench/sink &
`,
  source: `exec busybox cat /dev/zero
`,
  sink: `exec busybox cat >/dev/null
`,
  export: `until [ -b /dev/vda${demoDiskLayout.scratch.number} ]; do busybox sleep 1; done
exec nbdkit --newstyle --tls=off --port=${comparisonPorts.nbd} file /dev/vda${demoDiskLayout.scratch.number}
`,
} as const;

/** The archive that is appended. Pure. */
export function buildStreamSource(): Uint8Array<ArrayBuffer> {
  const encoder = new TextEncoder();
  return buildCpio([
    // A shell opens it for what it starts in the background; nothing is mounted yet. devtmpfs hides it later.
    { kind: "directory", path: "dev", mode: 0o755 },
    { kind: "file", path: "dev/null", mode: 0o666, content: new Uint8Array(0) },
    { kind: "directory", path: "bench", mode: 0o755 },
    ...Object.entries(scripts).map(([name, text]) => {
      const content = encoder.encode(`#!/bin/sh\nexport PATH=/usr/sbin:/usr/bin\n${text}`);
      return { kind: "file", path: `bench/${name}`, mode: 0o755, content } as const;
    }),
  ]);
}

/** The same image with the stream source, its initrd written to `initrdPath` (0600: it may hold the shared key). */
export async function addStreamSource(system: System, image: BootImage, initrdPath: string): Promise<BootImage> {
  const initrd = await system.readFile(image.initrdPath);
  const padding = new Uint8Array(archivePaddingBytes(initrd.length));
  const whole = new Uint8Array(await new Blob([initrd, padding, buildStreamSource()]).arrayBuffer());
  await system.writeFile(initrdPath, whole, { mode: 0o600 });
  return { kernelPath: image.kernelPath, initrdPath };
}
