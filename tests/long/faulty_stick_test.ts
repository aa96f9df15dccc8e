/**
 * setup-client-usbdrive on a laptop's own Debian, as root and with its own grants, with devices that really fail: QEMU
 * makes them answer with errors. The true fault is named, and what is left is a stick that starts, or clearly none.
 */

import assert from "node:assert/strict";
import type { ConsoleShell } from "../support/console_shell.ts";
import { inProject } from "../support/project_disk.ts";
import { prepareQemuTest } from "../qemu/machines.ts";
import { type LaptopKind, laptops, startOwnLaptop } from "../qemu/own_system.ts";
import { short, switchOff } from "../qemu/own_system_steps.ts";

const rig = await prepareQemuTest();

const mebibyte = 1024 * 1024;
const stickBytes = 400 * mebibyte;
/** In the kernel on the stick: written and read once each. */
const faultByte = 40 * mebibyte + 512 * 5;

interface Stick {
  readonly serial: string;
  /** Requests that QEMU's blkdebug lets fail (docs/devel/blkdebug.rst); undefined: none. */
  readonly fails?: "read" | "write" | "flush";
  readonly bus: "usb" | "scsi";
}

// USB storage without a page of its cache has none to flush, as Linux sees it: that fault needs another bus.
const sticks = {
  good: { serial: "GOOD0001", bus: "usb" },
  badWrite: { serial: "BADWRITE", fails: "write", bus: "usb" },
  badRead: { serial: "BADREAD0", fails: "read", bus: "usb" },
  badFlush: { serial: "BADFLUSH", fails: "flush", bus: "scsi" },
} as const satisfies Readonly<Record<string, Stick>>;

function stickPath({ serial }: Stick): string {
  return `${rig.options.runDirectory}/stick-${serial}.img`;
}

/** QEMU's words for a stick. */
function plugIn(stick: Stick): readonly string[] {
  const node = stick.serial.toLowerCase();
  const file = { driver: "file", filename: stickPath(stick) };
  const rule = {
    ...{ event: "none", iotype: stick.fails, errno: 5, once: false },
    ...stick.fails === "flush" ? {} : { sector: faultByte / 512 },
  };
  const protocol = stick.fails === undefined ? file : { driver: "blkdebug", image: file, "inject-error": [rule] };
  return [
    ...["-blockdev", JSON.stringify({ driver: "raw", "node-name": node, file: protocol })],
    "-device",
    stick.bus === "usb"
      ? `usb-storage,bus=usb.0,drive=${node},serial=${stick.serial},removable=on`
      : `scsi-hd,bus=scsi.0,drive=${node},serial=${stick.serial}`,
  ];
}

/** Deno in an emulated machine, and 180 MB over an emulated bus. */
const write = { timeoutMs: 600_000 } as const;
/** No firmware that checks signatures: it has nothing to do with this. */
const { hasSecureBoot: _, ...plain }: LaptopKind = laptops.plain;

Deno.test({
  name:
    "a stick that fails is named with its true fault and is no stick afterwards; a good one is written, recognised, and refused while mounted",
  ignore: rig.skipReason !== undefined,
  fn: async () => {
    const { system, options: { runDirectory } } = rig;
    await system.makeDirectory(runDirectory);
    await using stack = new AsyncDisposableStack();
    for (const stick of Object.values(sticks)) {
      stack.defer(() => system.remove(stickPath(stick)));
      await system.remove(stickPath(stick));
      await system.run(["truncate", "-s", String(stickBytes), stickPath(stick)]);
    }
    const buses = ["-device", "qemu-xhci,id=usb", "-device", "virtio-scsi-pci,id=scsi"];
    await using laptop = await startOwnLaptop(rig, plain, {
      limitMs: 2_400_000,
      memoryMiB: 2048,
      devices: [...buses, ...Object.values(sticks).flatMap(plugIn)],
    });
    const shell = await laptop.work(1);

    const listed = await runCommand(shell, "--dry-run");
    assert.equal(listed.exitCode, 0, listed.text);
    assert.match(listed.text, /vda:[^]*carries the running system/);
    for (const { serial } of Object.values(sticks)) assert.ok(listed.text.includes(`serial ${serial}`), listed.text);

    const badWrite = await runCommand(shell, `--yes ${await findDevice(shell, sticks.badWrite)}`);
    assert.equal(badWrite.exitCode, 1, badWrite.text);
    assert.match(badWrite.text, /Writing \/dev\/sd. failed at byte \d+: it reports an input\/output error \(EIO\)/);
    assertAtFault(badWrite.text);
    await assertNoStick(shell, sticks.badWrite);

    const badRead = await runCommand(shell, `--yes ${await findDevice(shell, sticks.badRead)}`);
    assert.equal(badRead.exitCode, 1, badRead.text);
    assert.match(badRead.text, /Reading back \/dev\/sd. failed at byte \d+: it reports an input\/output error \(EIO\)/);
    assertAtFault(badRead.text);
    await assertNoStick(shell, sticks.badRead);

    const badFlush = await runCommand(shell, `--yes ${await findDevice(shell, sticks.badFlush)}`);
    assert.equal(badFlush.exitCode, 1, badFlush.text);
    assert.match(badFlush.text, /Flushing \/dev\/sd. failed: it reports an input\/output error \(EIO\)/);
    await assertNoStick(shell, sticks.badFlush);

    const device = await findDevice(shell, sticks.good);
    const good = await runCommand(shell, `--yes ${device}`);
    assert.equal(good.exitCode, 0, good.text);
    assert.match(good.text, /was read back: \/dev\/sd. can be unplugged now/);
    await shell.mustRun(`sfdisk --verify ${device}`, short);
    const again = await runCommand(shell, `--yes ${device}`);
    assert.equal(again.exitCode, 0, again.text);
    assert.match(again.text, /is a stick of ours, and up to date/);
    // As if it was plugged in again.
    await shell.mustRun(
      `blockdev --rereadpt ${device} && udevadm wait --timeout=60 ${device}2 && udevadm settle`,
      { timeoutMs: 120_000 },
    );
    await shell.mustRun(`mount -o ro ${device}2 /media && ls /media/stiefel`, short);
    const mounted = await runCommand(shell, `--yes ${device}`);
    assert.equal(mounted.exitCode, 1, mounted.text);
    assert.match(mounted.text, /is mounted: \/dev\/sd.2 at "\/media"/);
    await shell.mustRun("umount /media", short);
    await switchOff(laptop);
  },
});

async function runCommand(
  shell: ConsoleShell,
  words: string,
): Promise<{ readonly exitCode: number; readonly text: string }> {
  const { exitCode, lines } = await shell.run(inProject(`./stiefelsystem setup-client-usbdrive ${words}`), write);
  return { exitCode, text: lines.join("\n") };
}

async function findDevice(shell: ConsoleShell, { serial }: Stick): Promise<string> {
  const lines = await shell.mustRun(`lsblk -dnpo NAME,SERIAL | awk '$2 == "${serial}" { print $1 }'`, short);
  const path = lines.find((line) => /^\/dev\/sd[a-z]$/.test(line));
  assert.ok(path !== undefined, lines.join("\n"));
  return path;
}

/** dd hands over a mebibyte at a time: the named byte is at most that far before the fault. */
function assertAtFault(text: string): void {
  const byte = Number(/failed at byte (\d+)/.exec(text)?.[1]);
  assert.ok(byte <= faultByte && byte > faultByte - 4 * mebibyte, text);
}

async function assertNoStick(shell: ConsoleShell, stick: Stick): Promise<void> {
  const device = await findDevice(shell, stick);
  await shell.mustRun(`head -c 4096 ${device} | cmp - /dev/zero 2>&1 | grep EOF`, short);
}
