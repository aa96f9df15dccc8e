/**
 * A desktop with a gigabyte, whose programs want more than that while it writes as fast as it can, and a laptop with
 * half of one: whatever has to be written waits for memory to write it with, and nothing waits for ever.
 */

import assert from "node:assert/strict";
import { encodeUtf8 } from "../../lib/formats/text.ts";
import { listDiskErrors, startFaultRig } from "./fault_rig.ts";
import { prepareQemuTest } from "./machines.ts";

const rig = await prepareQemuTest();
const { system } = rig;

const desktopMiB = 1024;
const laptopMiB = 512;
/** WireGuard's keys live for 180 s: a handshake has to find memory, too. */
const leastMs = 300_000;
const leastBytes = 4 * desktopMiB * 1024 * 1024;
const longestStallMs = 30_000;

/**
 * Takes memory until a hundredth of it is left, and uses all of it in turn; where the kernel ends it, another one takes
 * its place.
 */
const hog = `my @pieces; my $size = 8 << 20;
sub left { open my $f, "<", "/proc/meminfo"; while (<$f>) { return $1 if /^MemAvailable:\\s+(\\d+)/ } }
for (my $n = 0; ; $n++) {
  if (left() > ${desktopMiB * 10}) { push @pieces, "x" x $size } else { select undef, undef, undef, 0.2 }
  substr($pieces[$_], ($n * 4096) % $size, 1) = "y" for 0 .. $#pieces;
}`;

/** Overwrites a file again and again, through the page cache. */
const filler = "while :; do dd if=/dev/zero of=/root/filler bs=1M count=192 conv=notrunc status=none; done";

/** Registers the scenario for a transport. */
export function testLittleMemory(transport: "nvme-tcp" | "nbd"): void {
  Deno.test({
    name:
      `${transport}: a desktop of ${desktopMiB} MiB under memory pressure writes four times its memory to a laptop of ` +
      `${laptopMiB} MiB without a deadlock, an error or a long stall`,
    ignore: rig.skipReason !== undefined,
    fn: async () => {
      await using session = await startFaultRig(rig, {
        name: `memory-${transport}`,
        configuration: `block:\n  transport: ${transport}\n`,
        serverMemoryMiB: laptopMiB,
        clientMemoryMiB: desktopMiB,
      });
      const { desktop, onDesktop, disk, handshakesMs } = session;
      const run = async (line: string): Promise<string> =>
        (await onDesktop.mustRun(line, { timeoutMs: 120_000 })).filter((text) => !/^(?:record \d+)?$/.test(text))
          .join("\n");
      const name = disk.slice("/dev/".length);
      const writtenBytes = async (): Promise<number> =>
        512 *
        Number((/^written (\d+)$/m.exec(await run(`set -- $(cat /sys/block/${name}/stat); echo written $7`)))?.[1]);
      await run(`echo ${encodeUtf8(hog).toBase64()} | base64 -d >/run/hog.pl`);
      // The shell on the console is what we look through.
      await run("echo -1000 >/proc/self/oom_score_adj; echo -1000 >/proc/$PPID/oom_score_adj");
      const unit = "systemd-run --quiet --property=Restart=always --property=RestartSec=1";
      await run(`${unit} --property=OOMScoreAdjust=1000 --unit=hog perl /run/hog.pl`);
      await run(`${unit} --unit=filler sh -c '${filler}'`);

      const [startMs, startBytes, handshakes] = [system.monotonicMs(), await writtenBytes(), handshakesMs.length];
      let longestMs = 0;
      let bytes = 0;
      while (system.monotonicMs() - startMs < leastMs || bytes < leastBytes) {
        longestMs = Math.max(longestMs, await session.nextRecord(4 * longestStallMs));
        if (system.monotonicMs() - startMs > 1_500_000) break;
        if ((session.lastRecord() % 50) === 0) bytes = await writtenBytes() - startBytes;
      }
      const tookS = (system.monotonicMs() - startMs) / 1000;
      const memory = await run("grep -E 'MemTotal|MemAvailable|AnonPages|Dirty|Writeback:' /proc/meminfo");
      console.log(
        `${transport}: ${(bytes / 1e6).toFixed(0)} MB in ${tookS.toFixed(0)} s, longest stall ` +
          `${(longestMs / 1000).toFixed(1)} s, ${handshakesMs.length - handshakes} handshakes\n${memory}`,
      );
      assert.ok(bytes >= leastBytes, `${bytes} bytes in ${tookS} s`);
      assert.ok(longestMs <= longestStallMs, `a stall of ${longestMs} ms`);
      assert.ok(handshakesMs.length > handshakes, "no handshake under memory pressure");
      const messages = [...desktop.lines.map(({ text }) => text), ...(await run("dmesg")).split("\n")];
      assert.deepEqual(listDiskErrors(messages), []);
      assert.deepEqual(messages.filter((line) => line.includes("blocked for more than")), []);
    },
  });
}
