/** A laptop on its battery, with a lid: a real ACPI battery, a real console, and what its speaker plays. */

import assert from "node:assert/strict";
import { startVm } from "../../lib/qemu/run_vm.ts";
import { projectRoot } from "../support/source_tree.ts";
import { prepareQemuTest } from "../qemu/machines.ts";

const rig = await prepareQemuTest();

Deno.test({
  name: "a server whose battery is nearly empty beeps on its own console, and goes on when its lid is closed",
  ignore: rig.skipReason !== undefined,
  fn: async () => {
    const { system, options: { runDirectory } } = rig;
    const { image, host } = await rig.machines();
    const sound = `${runDirectory}/beep.wav`;
    // As long as the battery was looked at often, and the lid closed: see battery.asl.
    const looks = `${runDirectory}/battery-looks`;
    const countLooks = async (): Promise<number> => (await system.stat(looks))?.sizeBytes ?? 0;
    await system.remove(sound);
    await system.remove(looks);
    await using _laptop = await startVm(
      system,
      {
        name: "on-battery",
        memoryMiB: 768,
        boot: {
          kind: "kernel",
          kernel: image.kernelPath,
          initrd: image.initrdPath,
          // The last one is where the agent writes.
          commandLine: "stiefel.role=server console=ttyS0,115200 console=tty0",
        },
        disks: [],
        links: [],
        console: "pipe",
        arguments: [
          "-device",
          "VGA",
          "-acpitable",
          `file=${projectRoot}tests/fixtures/acpi/battery.aml`,
          "-debugcon",
          `file:${looks}`,
          "-global",
          "isa-debugcon.iobase=0x402",
          "-audiodev",
          `wav,id=sound,path=${sound}`,
          "-machine",
          "pcspk-audiodev=sound",
        ],
      },
      host,
      { runDirectory, limitMs: 300_000 },
    );
    let hertz: number | undefined;
    await waitUntil(180_000, async () => {
      if (await system.stat(sound) !== undefined) hertz = measureHertz(await system.readFile(sound));
      return hertz !== undefined;
    });
    assert.ok(hertz !== undefined && Math.abs(hertz - 1_320) < 20, `${hertz} Hz`);
    const closed = await countLooks();
    assert.ok(closed > 0, "the lid was closed");
    await waitUntil(120_000, async () => await countLooks() > closed);
    assert.ok(await countLooks() > closed, "it still looks at its battery");
  },
});

/** Looks once a second. Returns also when the time is over. */
async function waitUntil(limitMs: number, isSo: () => Promise<boolean>): Promise<void> {
  const endMs = rig.system.monotonicMs() + limitMs;
  while (!await isSo() && rig.system.monotonicMs() < endMs) await rig.system.delay(1_000);
}

/** Frames of QEMU's wav files in a second, two samples of 16 bits each; the header has 44 bytes. */
const frameRate = 44_100;

/** The tone that a file begins with; undefined while there is less than half a second of it. */
function measureHertz(wav: Uint8Array<ArrayBuffer>): number | undefined {
  const bytes = wav.subarray(44);
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  const left = (frame: number): number => view.getInt16(frame * 4, true);
  const rises: number[] = [];
  for (let frame = 1; frame < Math.floor(bytes.length / 4); frame++) {
    if (left(frame - 1) <= 0 && left(frame) > 0) rises.push(frame);
  }
  const [first = 0, last = 0] = [rises[0], rises.at(-1)];
  return last - first < frameRate / 2 ? undefined : (rises.length - 1) * frameRate / (last - first);
}
