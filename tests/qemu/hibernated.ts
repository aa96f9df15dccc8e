/** What a desktop has to do with a hibernated laptop: nothing. */

import assert from "node:assert/strict";
import { answerPrompts } from "../support/console_prompts.ts";
import { installedDiskPassphrase } from "../support/installed_disk.ts";
import { cablePath, desktopSpec, laptopSpec, serverReadyPattern } from "../../lib/qemu/machine_pair.ts";
import { startVm } from "../../lib/qemu/run_vm.ts";
import type { QemuTest } from "./machines.ts";
import { passphrasePrompt } from "./own_system.ts";

const second = 1000;

/**
 * Boots a desktop from the disk: it has to say that a system sleeps in `sleeper`, to mount nothing and to give the
 * disk back, with every byte as it was; then both machines switch themselves off.
 */
export async function assertRefused(rig: QemuTest, diskPath: string, sleeper: string): Promise<void> {
  const { system, options: { runDirectory } } = rig;
  const { image, host } = await rig.machines();
  const untouched = `${diskPath}.before`;
  await using stack = new AsyncDisposableStack();
  stack.defer(() => system.remove(untouched));
  await system.run(["cp", "--sparse=always", "--reflink=auto", diskPath, untouched]);

  const place = { runDirectory, limitMs: 600 * second };
  const settings = { image, diskPath, serverMemoryMiB: 768, clientMemoryMiB: 1024, console: "pipe" } as const;
  await system.remove(cablePath(runDirectory));
  const server = { ...laptopSpec(settings, ["stiefel.on_end=poweroff"]), name: "laptop-as-server" };
  await using laptop = await startVm(system, server, host, place);
  await laptop.waitForLine(serverReadyPattern, { timeoutMs: 180 * second });
  await using desktop = await startVm(system, desktopSpec(settings), host, place);
  await using _typist = answerPrompts(system, desktop, { prompt: passphrasePrompt, answer: installedDiskPassphrase });
  const refusal = new RegExp(`This laptop is hibernated: its sleeping system is in ${RegExp.escape(sleeper)}$`);
  await desktop.waitForLine(refusal, { timeoutMs: 300 * second });
  await desktop.waitForLine(/Press Enter to switch this machine off/, { timeoutMs: 60 * second });
  desktop.type("\n");
  assert.equal((await desktop.ended).kind, "shutdown");
  // The desktop has told it that the disk is no longer used.
  assert.equal((await laptop.ended).kind, "shutdown");
  const writers = desktop.lines.filter(({ text }) =>
    /EXT4-fs .* r\/w |recovering journal|stiefel-demo: root=/.test(text)
  );
  assert.deepEqual(writers, []);
  await system.run(["cmp", diskPath, untouched], { timeoutMs: 120 * second });
}
