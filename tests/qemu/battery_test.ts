/** A laptop on its battery: a real ACPI battery, a real console, and what its speaker plays. */

import assert from "node:assert/strict";
import { startVm } from "../../lib/qemu/run_vm.ts";
import { projectRoot } from "../support/source_tree.ts";
import { prepareQemuTest } from "./machines.ts";

const rig = await prepareQemuTest();

Deno.test({
  name: "a server whose battery is nearly empty beeps on its own console",
  ignore: rig.skipReason !== undefined,
  fn: async () => {
    const { system, options: { runDirectory } } = rig;
    const { image, host } = await rig.machines();
    const sound = `${runDirectory}/beep.wav`;
    await system.remove(sound);
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
          "-audiodev",
          `wav,id=sound,path=${sound}`,
          "-machine",
          "pcspk-audiodev=sound",
        ],
      },
      host,
      { runDirectory, limitMs: 300_000 },
    );
    const endMs = system.monotonicMs() + 180_000;
    let hertz: number | undefined;
    while (hertz === undefined && system.monotonicMs() < endMs) {
      await system.delay(1_000);
      if (await system.stat(sound) !== undefined) hertz = measureHertz(await system.readFile(sound));
    }
    assert.ok(hertz !== undefined && Math.abs(hertz - 1_320) < 20, `${hertz} Hz`);
  },
});

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
