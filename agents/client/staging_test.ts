import assert from "node:assert/strict";
import { findBootconfig } from "../../lib/boot/bootconfig.ts";
import type { ArchiveMessage } from "../../lib/protocol/boot_exchange.ts";
import { concatenate } from "../../lib/formats/bytes.ts";
import { archivePaddingBytes } from "../../lib/formats/cpio.ts";
import { buildSessionCpio } from "../../lib/protocol/session.ts";
import { createMemorySystem } from "../../tests/support/memory_system.ts";
import { archive } from "../../tests/support/protocol_samples.ts";
import { Staging } from "./staging.ts";

const session = buildSessionCpio(archive.session, { programs: new Map() });

/** As `bootconfig -a` leaves it, and a server that fills it up. */
function withBootconfig(initramfs: Uint8Array): Uint8Array {
  const data = new TextEncoder().encode("kernel.quiet\n\0");
  const size = data.length + (4 - (initramfs.length + data.length + 20) % 4) % 4;
  const block = new Uint8Array(size + 20);
  block.set(data);
  const view = new DataView(block.buffer);
  view.setUint32(size, size, true);
  view.setUint32(size + 4, data.reduce((sum, byte) => sum + byte, 0), true);
  block.set(new TextEncoder().encode("#BOOTCONFIG\n"), size + 8);
  return concatenate([initramfs, block]);
}

async function stage(initramfs: Uint8Array, pieceBytes: number): Promise<Uint8Array> {
  const system = createMemorySystem();
  const message: ArchiveMessage = { ...archive, kernelBytes: 1, initramfsBytes: initramfs.length };
  await using staging = await Staging.open(system, "/run/stage", message);
  await staging.store("kernel", new Uint8Array([1]));
  for (let at = 0; at < initramfs.length; at += pieceBytes) {
    await staging.store("initramfs", initramfs.slice(at, at + pieceBytes));
  }
  await staging.finish({ programs: new Map() });
  return await system.readFile(staging.keep().initramfsPath);
}

/** What the kernel leaves of it to be unpacked. */
function cutBootconfig(bytes: Uint8Array): Uint8Array {
  return bytes.subarray(0, findBootconfig(bytes)?.start ?? bytes.length);
}

for (const [length, pieceBytes] of [[5, 3], [1000, 7], [70_001, 512], [200_000, 65_536], [200_000, 300_000]] as const) {
  const initramfs = Uint8Array.from({ length }, (_, index) => index % 251);

  Deno.test(`an initramfs of ${length} bytes in pieces of ${pieceBytes} has the session behind it`, async () => {
    const expected = concatenate([initramfs, new Uint8Array(archivePaddingBytes(length)), session]);
    assert.deepEqual(await stage(initramfs, pieceBytes), expected);
  });

  Deno.test(`U6: with a bootconfig behind ${length} bytes in pieces of ${pieceBytes}, the session is before it`, async () => {
    for (const fill of [0, 2, 3]) {
      const staged = await stage(concatenate([withBootconfig(initramfs), new Uint8Array(fill)]), pieceBytes);
      const place = findBootconfig(staged);
      assert.equal(place?.end, staged.length, "at the very end, whole");
      assert.equal(staged.length % 4, 0);
      assert.equal(new TextDecoder().decode(staged.subarray(place?.start, (place?.start ?? 0) + 12)), "kernel.quiet");
      const rest = cutBootconfig(staged);
      const expected = concatenate([initramfs, new Uint8Array(archivePaddingBytes(length)), session]);
      assert.deepEqual(rest.subarray(0, expected.length), expected);
      assert.ok(rest.length - expected.length < 4 && rest.subarray(expected.length).every((byte) => byte === 0));
    }
  });
}
