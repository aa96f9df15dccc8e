/** The kernel's name of the laptop's disk on a desktop: it depends on the transport, and on the desktop's own disks. */

import assert from "node:assert/strict";
import type { Vm } from "../../lib/qemu/run_vm.ts";

const attachedPattern = /The laptop's disk is attached as (\/dev\/\w+)$/;

/** Waits for what stiefel-attach says. @returns "/dev/nvme0n1" */
export async function waitForAttachedDisk(vm: Vm, timeoutMs: number): Promise<string> {
  const line = await vm.waitForLine(attachedPattern, { timeoutMs });
  const disk = attachedPattern.exec(line.text)?.[1];
  assert.ok(disk !== undefined);
  return disk;
}

/** @returns "/dev/nvme0n1p2" */
export function partOf(disk: string, number: number): string {
  return `${disk}p${number}`;
}

/** Waits for multi-user of the demo's system, whose root is the second partition. @returns the disk */
export async function waitForDesktop(vm: Vm, timeoutMs: number): Promise<string> {
  const disk = await waitForAttachedDisk(vm, timeoutMs);
  await vm.waitForLine(new RegExp(`stiefel-demo: root=${partOf(disk, 2)} `), { timeoutMs });
  return disk;
}
