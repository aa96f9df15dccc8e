/**
 * A third machine on the cable, without the key: it hears all of a boot and learns nothing of the disk; it sends
 * 100,000 packets to every port of both machines, and gets nothing back but refusals; the session goes on at its rate.
 */

import assert from "node:assert/strict";
import { DISCOVERY_PORT } from "../../lib/protocol/discovery.ts";
import { BOOT_EXCHANGE_PORT } from "../../lib/protocol/boot_exchange.ts";
import { STATUS_PORT } from "../../lib/formats/status.ts";
import { demoDiskLayout } from "../../lib/qemu/demo_disk_layout.ts";
import { startFaultRig } from "../qemu/fault_rig.ts";
import { prepareQemuTest } from "../qemu/machines.ts";
import { findSamples, takeSamples } from "../support/known_bytes.ts";
import { learn, Stranger } from "../support/stranger.ts";

const rig = await prepareQemuTest();
const { system } = rig;

/** Of every library of the system; it is read from the laptop's disk for certain. */
const knownFile = "/usr/lib/x86_64-linux-gnu/libc.so.6";
const packets = 100_000;
const rounds = 10;
/** How long the rate is measured with the stranger silent, and with it at work, in each round. */
const roundMs = 20_000;
/** What a peer without the key may hear from the boot exchange, and from discovery, at most. */
const refusalMaxBytes = 64;
const replyMaxBytes = 512;

Deno.test({
  name: "a stranger on the cable reads nothing, gets nothing, and does not slow the session down",
  ignore: rig.skipReason !== undefined,
  fn: async () => {
    const heard: Uint8Array[] = [];
    let stranger: Stranger | undefined;
    let isListening = true;
    let blockBytes = 0;
    await using session = await startFaultRig(rig, {
      name: "strangers",
      configuration: "{}\n",
      onFrame: (frame, from) => {
        if (isListening) heard.push(frame.slice());
        else if (from === 0) blockBytes += frame.length;
        stranger?.hear(frame);
      },
    });
    const { onDesktop, cable, disk } = session;

    // It has heard the boot exchange and the disk's blocks, of a file that was read anew.
    await onDesktop.mustRun(`sync; echo 3 >/proc/sys/vm/drop_caches; cat ${knownFile} >/dev/null`, {
      timeoutMs: 300_000,
    });
    isListening = false;
    const known = await readKnownFile(session.diskPath);
    const samples = takeSamples(known);
    assert.ok(samples.length > 100, `${samples.length} samples of ${knownFile}`);
    assert.ok(findSamples([known], samples) >= samples.length);
    assert.ok(heard.reduce((sum, { length }) => sum + length, 0) > 50e6, "the cable was not heard");
    assert.equal(findSamples(heard, samples), 0, `${knownFile} was read from the cable`);

    const someone = stranger = new Stranger(cable, learn(heard));
    // Something for the session to do, as fast as it can.
    const load = `while :; do dd if=${disk} of=/dev/null bs=1M iflag=direct count=64 status=none; done`;
    await onDesktop.mustRun(`systemd-run --quiet --unit=load sh -c '${load}'`, { timeoutMs: 60_000 });
    const measure = async (work: () => Promise<void>): Promise<number> => {
      const [bytes, startMs] = [blockBytes, system.monotonicMs()];
      await work();
      return (blockBytes - bytes) / (system.monotonicMs() - startMs);
    };
    await measure(() => system.delay(roundMs / 2));
    const rates = { quiet: 0, disturbed: 0 };
    for (let round = 0; round < rounds; round++) {
      rates.quiet += await measure(() => system.delay(roundMs)) / rounds;
      rates.disturbed += await measure(() => someone.work(system, packets / rounds, roundMs)) / rounds;
    }
    const ratio = rates.disturbed / rates.quiet;
    await someone.talk(system, 300);

    const { opened, datagrams, resets, errors, sent, conversations } = someone.account();
    console.log(
      `${sent} packets, ${resets} resets and ${errors} messages of ICMPv6 back, ports open: ${
        [...opened].join(" ")
      }; ` +
        `${rates.quiet.toFixed(0)} and ${rates.disturbed.toFixed(0)} kB/s: ${ratio.toFixed(2)}`,
    );
    assert.ok(sent >= packets);
    assert.deepEqual([...opened].sort(), [`laptop ${BOOT_EXCHANGE_PORT}`, `laptop ${STATUS_PORT}`]);
    for (const { place, bytes, text } of conversations) {
      if (place === `laptop ${BOOT_EXCHANGE_PORT}`) assert.ok(bytes <= refusalMaxBytes, `${bytes} bytes from ${place}`);
      // Noise that is no question of HTTP gets no answer.
      else assert.match(text, /^(?:HTTP\/1\.[01] |$)/, `${place} said ${JSON.stringify(text)}`);
    }
    assert.ok(conversations.some(({ place }) => place === `laptop ${BOOT_EXCHANGE_PORT}`));
    for (const { place, bytes } of datagrams) {
      assert.equal(place, `laptop ${DISCOVERY_PORT}`);
      assert.ok(bytes <= replyMaxBytes, `${bytes} bytes from ${place}`);
    }
    assert.ok(datagrams.length <= someone.account().asked, "more answers than questions");
    assert.ok(ratio >= 0.9, `the session had ${ratio.toFixed(2)} of its rate`);
    await session.nextRecord(30_000);
    const messages = await onDesktop.mustRun("dmesg", { timeoutMs: 60_000 });
    assert.deepEqual(messages.filter((line) => /I\/O error|EXT4-fs error|Remounting|CUT OFF/i.test(line)), []);
  },
});

/** As it lies on the laptop's disk; nothing writes to it. Runs `debugfs`. */
async function readKnownFile(diskPath: string): Promise<Uint8Array> {
  const path = `${rig.options.runDirectory}/known`;
  await system.remove(path);
  await system.run([
    "debugfs",
    "-R",
    `dump ${knownFile} ${path}`,
    `${diskPath}?offset=${demoDiskLayout.root.offsetBytes}`,
  ]);
  return await system.readFile(path);
}
