/**
 * What can happen to the link of a desktop that writes and reads all the time: its disk stands still meanwhile, goes on
 * afterwards, and nothing of what was flushed is lost. Each fault lies across a new handshake of WireGuard, which makes
 * one every 120 s.
 */

import assert from "node:assert/strict";
import { demoDiskLayout } from "../../lib/qemu/demo_disk_layout.ts";
import { linkId } from "../../lib/qemu/machine_pair.ts";
import { type FaultRig, listDiskErrors, recordsPath, startFaultRig } from "./fault_rig.ts";
import { prepareQemuTest } from "./machines.ts";
import { readFileOnDemoDisk } from "../../lib/qemu/demo_disk.ts";

const rig = await prepareQemuTest();
const { system } = rig;

/** WireGuard's REKEY_AFTER_TIME: how old keys are when new ones are made. They are used for 180 s. */
const rekeyMs = 120_000;

export type FaultyTransport = "nvme-tcp" | "nbd";

interface Way {
  /** How soon reading and writing go on when the cable is back. */
  readonly backMs: number;
  /** Ends the laptop's export under the desktop. */
  readonly breakExport: string;
}

const ways: Readonly<Record<FaultyTransport, Way>> = {
  "nvme-tcp": {
    // 2 to 4 s, emulated; the rest is for a machine that others use. What it takes is printed (doc/hooks.md).
    backMs: 10_000,
    // The port listens on: a desktop that finds none there goes on trying.
    breakExport:
      "mount -t configfs configfs /sys/kernel/config; rm $(ls -d /sys/kernel/config/nvmet/ports/*/subsystems/* | grep -v :goodbye)",
  },
  // Its connection stays, and its TCP sends again when its timer says so (doc/hooks.md, "Link loss").
  nbd: { backMs: 125_000, breakExport: "kill -9 $(pidof nbdkit)" },
};

/** Waits until the next handshake is due in so many ms; it was seen that the one before was made. */
async function waitForRekey(faults: FaultRig, leadMs: number): Promise<void> {
  const last = faults.handshakesMs.at(-1);
  assert.ok(last !== undefined, "no handshake of WireGuard was seen");
  // Where it has passed already, the one after it.
  let waitMs = last + rekeyMs - leadMs - system.monotonicMs();
  while (waitMs < 0) {
    const known = faults.handshakesMs.length;
    await waitFor(() => faults.handshakesMs.length > known, rekeyMs + 30_000, "no new handshake");
    waitMs = (faults.handshakesMs.at(-1) ?? 0) + rekeyMs - leadMs - system.monotonicMs();
  }
  await system.delay(waitMs);
}

async function waitFor(condition: () => boolean, timeoutMs: number, message: string): Promise<void> {
  const endMs = system.monotonicMs() + timeoutMs;
  while (!condition()) {
    assert.ok(system.monotonicMs() < endMs, message);
    await system.delay(100);
  }
}

/** The cable is out for so long. @returns after how many ms a record was written that begins when it is back */
async function unplug(faults: FaultRig, seconds: number): Promise<number> {
  await faults.setCable(false);
  await system.delay(seconds * 1000);
  await faults.setCable(true);
  return await faults.nextRecord(300_000);
}

interface Fault {
  readonly name: string;
  /** Before a handshake is due. */
  readonly leadMs: number;
  /** @returns how long the disk stood still after the fault was over */
  run(faults: FaultRig): Promise<number>;
}

/** In turn. */
export const cableFaults: readonly Fault[] = [
  { name: "the cable is out for 10 s", leadMs: 5_000, run: (faults) => unplug(faults, 10) },
  { name: "the cable is out for 60 s", leadMs: 30_000, run: (faults) => unplug(faults, 60) },
  {
    name: "the cable goes out and in every 2 s for a minute",
    leadMs: 30_000,
    run: async (faults) => {
      for (let times = 0; times < 15; times++) {
        await faults.setCable(false);
        await system.delay(2_000);
        await faults.setCable(true);
        if (times < 14) await system.delay(2_000);
      }
      return await faults.nextRecord(300_000);
    },
  },
  { name: "the cable is out for 200 s", leadMs: 10_000, run: (faults) => unplug(faults, 200) },
];

/** In turn. */
export const endFaults: readonly Fault[] = [
  {
    name: "the laptop's agent is killed, and the next one takes over",
    leadMs: 5_000,
    run: async (faults) => {
      const from = faults.laptop.lines.length;
      await faults.onLaptop.mustRun("kill -9 $(pidof deno stiefel-server)", { timeoutMs: 30_000 });
      const stillMs = await faults.nextRecord(30_000);
      await faults.laptop.waitForLine(/agent starting role=server/, { timeoutMs: 60_000, from });
      await faults.laptop.waitForLine(/still has the disk|has the disk/, { timeoutMs: 120_000, from });
      return stillMs;
    },
  },
  {
    name: "both ends get another MTU",
    leadMs: 10_000,
    run: async (faults) => {
      const known = faults.handshakesMs.length;
      const setMtu = async (value: number): Promise<void> => {
        await faults.onLaptop.mustRun(
          `for l in /sys/class/net/*; do [ ! -e $l/device ] || ip link set dev \${l##*/} mtu ${value}; done`,
          { timeoutMs: 30_000 },
        );
        await faults.onDesktop.mustRun(`ip link set dev stiefel0 mtu ${value}`, { timeoutMs: 60_000 });
      };
      await setMtu(1300);
      const lowMs = await faults.nextRecord(60_000);
      await waitFor(() => faults.handshakesMs.length > known, 60_000, "no handshake with the smaller MTU");
      await setMtu(1500);
      return Math.max(lowMs, await faults.nextRecord(60_000));
    },
  },
  {
    name: "the desktop's card is unplugged and plugged in again: it has another index",
    leadMs: 10_000,
    run: async (faults) => {
      const { desktop, onDesktop, slot } = faults;
      const index = async (): Promise<string> =>
        (await onDesktop.mustRun("cat /sys/class/net/stiefel0/ifindex", { timeoutMs: 60_000 })).find((line) =>
          /^\d+$/.test(line)
        ) ?? "";
      const before = await index();
      const control = await desktop.control();
      await control.execute("device_del", { id: slot.device });
      await waitFor(
        () => control.events.some(({ event, data }) => event === "DEVICE_DELETED" && data.device === slot.device),
        60_000,
        "the card was not unplugged",
      );
      await system.delay(15_000);
      await control.execute("device_add", {
        driver: "virtio-net-pci",
        id: slot.device,
        bus: slot.bus,
        netdev: linkId,
        mac: "52:54:00:5a:1e:f2",
        romfile: "",
      });
      const stillMs = await faults.nextRecord(120_000);
      assert.notEqual(await index(), before);
      // The machine itself takes its time to find a card.
      return Math.max(0, stillMs - cardMs);
    },
  },
];

/** From plugging in to a card with a carrier: pciehp, virtio_net. */
const cardMs = 5_000;

/** What is in the journal of the root file system counts, too. e2fsck(8) opens it again then, without an offset. */
async function recoverJournal(diskPath: string): Promise<void> {
  const mebibyte = 1024 * 1024;
  const { offsetBytes, sizeBytes } = demoDiskLayout.root;
  const part = `${diskPath}.root`;
  const copy = (from: string, to: string, ...more: readonly string[]): Promise<unknown> =>
    system.run(["dd", `if=${from}`, `of=${to}`, "bs=1M", "status=none", ...more]);
  await copy(diskPath, part, `skip=${offsetBytes / mebibyte}`, `count=${sizeBytes / mebibyte}`, "conv=sparse");
  await system.run(["e2fsck", "-fy", part], { acceptExitCodes: [0, 1] });
  await copy(part, diskPath, `seek=${offsetBytes / mebibyte}`, "conv=notrunc");
  await system.remove(part);
}

/** Registers the scenario for a transport and faults; in the end the export is broken. */
export function testLinkFaults(
  transport: FaultyTransport,
  { what, faults: faultsInTurn }: { readonly what: string; readonly faults: readonly Fault[] },
): void {
  const { backMs, breakExport } = ways[transport];
  Deno.test({
    name: `${transport}: whatever happens to ${what}, the desktop's disk goes on, and nothing that was flushed is lost`,
    ignore: rig.skipReason !== undefined,
    fn: async () => {
      await using faults = await startFaultRig(rig, {
        name: `faults-${transport}`,
        configuration: `block:\n  transport: ${transport}\n`,
      });
      const { laptop, desktop, onDesktop, onLaptop } = faults;
      const late: string[] = [];
      for (const { name, leadMs, run } of faultsInTurn) {
        await waitForRekey(faults, leadMs);
        const [fromMs, known] = [system.monotonicMs(), faults.handshakesMs.length];
        const stillMs = await run(faults);
        await waitFor(() => faults.handshakesMs.length > known, 60_000, `no handshake after: ${name}`);
        const tookS = Math.round((system.monotonicMs() - fromMs) / 1000);
        console.log(`${transport}: ${name}: goes on after ${(stillMs / 1000).toFixed(1)} s (of ${tookS} s)`);
        if (stillMs > backMs) late.push(`${name}: ${stillMs} ms`);
      }
      assert.deepEqual(late, []);

      // Every record is there, in order, also those of the worst moments.
      await onDesktop.mustRun("systemctl stop writer && sync", { timeoutMs: 120_000 });
      const last = faults.lastRecord();
      const check = `perl -ne '$n++; $_ == $n or die "$_ in place of $n\\n"; END { print "all-$n\\n" }' ${recordsPath}`;
      const all = (await onDesktop.mustRun(check, { timeoutMs: 60_000 })).find((line) => /^all-\d+$/.test(line)) ?? "";
      const count = Number(all.slice("all-".length));
      assert.ok(count >= last && count > 100, `${count} records, the last one that was flushed is ${last}`);
      const messages = await onDesktop.mustRun("dmesg", { timeoutMs: 60_000 });
      assert.deepEqual(listDiskErrors(messages), []);

      // The end that does not come back: both say so, and what was flushed is on the laptop's disk.
      await onLaptop.mustRun(breakExport, { timeoutMs: 60_000 });
      await desktop.waitForLine(/THE LAPTOP'S DISK IS CUT OFF/, { timeoutMs: 180_000 });
      await Promise.all([desktop, laptop].map((vm) => vm[Symbol.asyncDispose]()));
      await recoverJournal(faults.diskPath);
      const onDisk = await readFileOnDemoDisk(system, faults.diskPath, recordsPath);
      assert.equal(onDisk?.trim().split("\n").length, count);
    },
  });
}
