/**
 * A laptop that, beside serving its disk, sends a plain stream of zeros to every client: what the block transports are
 * compared with.
 * The image stays as it is; the sender is a few files appended to its initrd for this one run.
 */

import { archivePaddingBytes, buildCpio } from "../formats/cpio.ts";
import type { System } from "../system/system.ts";
import type { BootImage } from "./machine_pair.ts";

/** Also named in image/demo/usr/lib/stiefel-demo/block_bench. */
export const streamPort = 4700;

/** The kernel parameter that starts it before the image's own /init. */
export const streamSourceParameter = "rdinit=/bench/init";

const initScript = `#!/bin/sh
/usr/bin/busybox nc -ll -p ${streamPort} -e /bench/stream &
exec /init
`;
const streamScript = `#!/bin/sh
exec /usr/bin/busybox cat /dev/zero
`;

/** The archive that is appended. Pure. */
export function buildStreamSource(): Uint8Array<ArrayBuffer> {
  const encoder = new TextEncoder();
  return buildCpio([
    // A shell opens it for what it starts in the background; nothing is mounted yet. devtmpfs hides it later.
    { kind: "directory", path: "dev", mode: 0o755 },
    { kind: "file", path: "dev/null", mode: 0o666, content: new Uint8Array(0) },
    { kind: "directory", path: "bench", mode: 0o755 },
    { kind: "file", path: "bench/init", mode: 0o755, content: encoder.encode(initScript) },
    { kind: "file", path: "bench/stream", mode: 0o755, content: encoder.encode(streamScript) },
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
