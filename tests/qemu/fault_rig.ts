/**
 * A desktop that writes and reads all the time, and what can go wrong on its way to the laptop's disk: both machines at
 * a cable that is watched, a shell on each, and a writer on the desktop whose records are numbered.
 */

import assert from "node:assert/strict";
import { encodeUtf8 } from "../../lib/formats/text.ts";
import { cableSocket, desktopSpec, laptopSpec, linkId, serverReadyPattern } from "../../lib/qemu/machine_pair.ts";
import { startVm, type Vm } from "../../lib/qemu/run_vm.ts";
import type { VmSpec } from "../../lib/qemu/vm_spec.ts";
import { autologinCredentials, type ConsoleShell, openConsoleShell } from "../support/console_shell.ts";
import { addShell, openShellLine, withShellLine } from "../support/laptop_shell.ts";
import { layRelayCable, type RelayCable } from "../support/relay_cable.ts";
import { waitForAttachedDisk } from "./attached_disk.ts";
import type { QemuTest } from "./machines.ts";
import { startConfiguredPair } from "./unplugged_cable.ts";

export interface FaultRig extends AsyncDisposable {
  readonly laptop: Vm;
  readonly desktop: Vm;
  readonly onLaptop: ConsoleShell;
  readonly onDesktop: ConsoleShell;
  readonly cable: RelayCable;
  readonly diskPath: string;
  /** The kernel's name of the disk on the desktop: "/dev/nvme0n1". */
  readonly disk: string;
  /** Of the desktop's card, for `device_del`. */
  readonly slot: { readonly bus: string; readonly device: string };
  /** When each handshake of WireGuard was complete: the clock's `monotonicMs`. */
  readonly handshakesMs: readonly number[];
  setCable(isIn: boolean): Promise<void>;
  /** The number of the last record whose fsync has come back. */
  lastRecord(): number;
  /** Waits for the next record whose work began after now. @returns how long it took, in ms */
  nextRecord(timeoutMs: number): Promise<number>;
}

export interface FaultOptions {
  readonly name: string;
  readonly configuration: string;
  readonly serverMemoryMiB?: number;
  readonly clientMemoryMiB?: number;
  readonly onFrame?: (frame: Uint8Array, from: 0 | 1) => void;
  /** Of both machines. */
  readonly arguments?: readonly string[];
}

const limitMs = 60 * 60_000;
const startMs = 420_000;
export const recordsPath = "/root/records";

/**
 * Appends a number and flushes it, reads 4 KiB of a place of the disk that is in no cache, and says the number on the
 * console; ten times a second at most. It ends, and says why, when a call fails.
 */
const writer = `use IO::Handle;
open my $records, ">>", "${recordsPath}" or die; open my $disk, "<", $ARGV[0] or die;
open my $console, ">>", "/dev/ttyS0" or die;
sub say_it { syswrite $console, "\\nrecord $_[0]\\n" }
for (my $n = 1; ; $n++) {
  defined syswrite $records, "$n\\n" or say_it("failed: write: $!"), exit 1;
  $records->sync or say_it("failed: fsync: $!"), exit 1;
  sysseek $disk, $n * 7919 % 65000 * 4096, 0; my $piece;
  (sysread $disk, $piece, 4096) == 4096 or say_it("failed: read: $!"), exit 1;
  say_it($n); select undef, undef, undef, 0.1;
}
`;

/** Boots both, and starts the writer. */
export async function startFaultRig(rig: QemuTest, options: FaultOptions): Promise<FaultRig> {
  const { system, options: { runDirectory } } = rig;
  const { name, configuration, serverMemoryMiB, clientMemoryMiB } = options;
  await using stack = new AsyncDisposableStack();
  const { settings: pair, host } = await startConfiguredPair(rig, name, configuration);
  const settings = {
    ...pair,
    ...serverMemoryMiB === undefined ? {} : { serverMemoryMiB },
    ...clientMemoryMiB === undefined ? {} : { clientMemoryMiB },
  };
  const start = (spec: VmSpec): Promise<Vm> =>
    startVm(system, { ...spec, arguments: [...spec.arguments ?? [], ...options.arguments ?? []] }, host, {
      runDirectory,
      limitMs,
    });

  const handshakesMs: number[] = [];
  const laptopEnd = `laptop-${cableSocket}`;
  await system.remove(`${runDirectory}/${laptopEnd}`);
  const cable = stack.use(layRelayCable([`${runDirectory}/${laptopEnd}`, `${runDirectory}/${cableSocket}`], {
    onFrame: (frame, from) => {
      if (isHandshakeResponse(frame)) handshakesMs.push(system.monotonicMs());
      options.onFrame?.(frame, from);
    },
  }));
  const slot = { bus: "dock", device: "dock-card" };

  const server = laptopSpec({ ...settings, image: await addShell(system, settings.image, runDirectory) }, [
    "stiefel.on_end=poweroff",
  ]);
  const laptop = stack.use(
    await start(withShellLine({
      ...server,
      links: server.links.map((link) => ({ ...link, socketPath: laptopEnd, end: "connecting" })),
    })),
  );
  await laptop.waitForLine(serverReadyPattern, { timeoutMs: startMs });
  const client = desktopSpec(settings, autologinCredentials);
  const desktop = stack.use(await start({ ...client, links: client.links.map((link) => ({ ...link, slot })) }));
  const disk = await waitForAttachedDisk(desktop, startMs);
  await desktop.waitForLine(/stiefel-demo: root=\/dev\/n/, { timeoutMs: startMs });
  const onDesktop = await openConsoleShell(system, desktop, { timeoutMs: 60_000 });
  const onLaptop = await openConsoleShell(system, stack.use(await openShellLine(system, runDirectory)), {
    timeoutMs: 60_000,
  });
  await onDesktop.mustRun(`echo ${encodeUtf8(writer).toBase64()} | base64 -d >/run/writer.pl`, { timeoutMs: 60_000 });
  await onDesktop.mustRun(`systemd-run --quiet --unit=writer perl /run/writer.pl ${disk}p3`, { timeoutMs: 60_000 });

  const nextRecord = async (timeoutMs: number): Promise<number> => {
    const fromMs = system.monotonicMs();
    const line = await desktop.waitForLine(/^record (?:\d+|failed.*)$/, { timeoutMs, from: desktop.lines.length });
    assert.doesNotMatch(line.text, /failed/);
    return system.monotonicMs() - fromMs;
  };
  await nextRecord(60_000);
  const owned = stack.move();
  return {
    laptop,
    desktop,
    onLaptop,
    onDesktop,
    cable,
    diskPath: settings.diskPath,
    disk,
    slot,
    handshakesMs,
    setCable: async (isIn) => {
      await Promise.all([desktop.setLink(linkId, isIn), laptop.setLink(linkId, isIn)]);
    },
    lastRecord: () => {
      const line = desktop.lines.findLast(({ text }) => /^record \d+$/.test(text));
      assert.ok(line !== undefined, "no record yet");
      return Number(line.text.slice("record ".length));
    },
    nextRecord,
    [Symbol.asyncDispose]: () => owned[Symbol.asyncDispose](),
  };
}

/**
 * Lines of a kernel's log that tell of an error of a disk or a file system. Not those of reading ahead: what is under
 * way when the link is lost is not tried again, and is read when somebody wants it (doc/hooks.md, "Link loss").
 */
export function listDiskErrors(log: readonly string[]): readonly string[] {
  const ahead = log.flatMap((line) => {
    const [, disk, sector, flags] = /I\/O error, dev (\S+), sector (\d+) op 0x0:\(READ\) flags 0x(\w+)/.exec(line) ??
      [];
    // REQ_RAHEAD (include/linux/blk_types.h of Linux 6.12).
    return flags !== undefined && (Number.parseInt(flags, 16) & 0x80000) !== 0
      ? [`${disk}, sector ${sector} `, `${disk}: I/O Cmd(0x2) @ LBA ${sector}, `]
      : [];
  });
  return log.filter((line) =>
    /I\/O error|EXT4-fs error|Remounting|CUT OFF/i.test(line) && !ahead.some((part) => line.includes(part))
  );
}

const wireguardPort = 51820;

/** Over UDP and IPv6, in an Ethernet frame. WireGuard's second message, of 92 bytes, completes a handshake. */
function isHandshakeResponse(frame: Uint8Array): boolean {
  if (frame.length < 62 + 92) return false;
  const view = new DataView(frame.buffer, frame.byteOffset);
  return view.getUint16(12) === 0x86dd && view.getUint8(20) === 17 && view.getUint8(62) === 2 &&
    view.getUint16(58) === 92 + 8 &&
    (view.getUint16(54) === wireguardPort || view.getUint16(56) === wireguardPort);
}
