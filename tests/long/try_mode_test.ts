/** Try mode: what a desktop changes is gone when it shuts down, and the laptop's disk is as it was, byte by byte. */

import assert from "node:assert/strict";
import { hashFile } from "../../lib/hash.ts";
import { serverReadyPattern } from "../../lib/qemu/machine_pair.ts";
import { startVm, type Vm } from "../../lib/qemu/run_vm.ts";
import type { VmSpec } from "../../lib/qemu/vm_spec.ts";
import { prepareQemuTest } from "../qemu/machines.ts";
import { startPair } from "../qemu/unplugged_cable.ts";
import {
  askLaptop,
  assertIsMarked,
  guestSpec,
  laptopWithCables,
  readIdentity,
  soilJournal,
  workAsGuest,
} from "../qemu/guests.ts";
import { autologinCredentials } from "../support/console_shell.ts";

const rig = await prepareQemuTest();

const limitMs = 40 * 60_000;
const startMs = 420_000;
const bytesWritten = 200 * 1024 * 1024;
const writeMs = 600_000;

interface TryRig extends AsyncDisposable {
  readonly laptop: Vm;
  /** Of the laptop's disk, before any desktop. */
  readonly before: string;
  start(spec: VmSpec): Promise<Vm>;
  desktop(number: number, mode: "write" | "try"): VmSpec;
  hash(): Promise<string>;
}

async function startTry(
  { memoryMiB, cables = 1, isSoiled = false }: {
    readonly memoryMiB: number;
    readonly cables?: number;
    readonly isSoiled?: boolean;
  },
): Promise<TryRig> {
  const { system, options: { runDirectory } } = rig;
  const { settings: pair, host } = await startPair(rig);
  const settings = { ...pair, serverMemoryMiB: memoryMiB };
  if (isSoiled) await soilJournal(system, settings.diskPath);
  for (let number = 1; number <= cables; number++) await system.remove(`${runDirectory}/cable${number}.sock`);
  const before = await hashFile(system, settings.diskPath);
  const start = (spec: VmSpec): Promise<Vm> => startVm(system, spec, host, { runDirectory, limitMs });
  const laptop = await start(laptopWithCables(settings, cables));
  try {
    await laptop.waitForLine(serverReadyPattern, { timeoutMs: startMs });
  } catch (error) {
    await laptop[Symbol.asyncDispose]();
    throw error;
  }
  return {
    laptop,
    before,
    start,
    desktop: (number, mode) => guestSpec(settings, { number, mode, credentials: autologinCredentials }),
    hash: () => hashFile(system, settings.diskPath),
    [Symbol.asyncDispose]: () => laptop[Symbol.asyncDispose](),
  };
}

/** The demo's system has no sshd: the unit of a guest runs with a program in its place. */
const makesKeys = [
  "mkdir -p /etc/ssh",
  "echo laptop >/etc/ssh/ssh_host_ed25519_key",
  "printf '#!/bin/sh\\necho \"$*\" >/etc/ssh/ssh_host_ed25519_key\\n' >/usr/bin/ssh-keygen",
  "chmod 755 /usr/bin/ssh-keygen",
  "systemctl start stiefel-host-keys.service",
  "grep -qx -e -A /etc/ssh/ssh_host_ed25519_key",
].join(" && ");

async function shutDown(desktop: Vm): Promise<void> {
  desktop.type("systemctl poweroff\n");
  assert.equal((await desktop.ended).kind, "shutdown");
}

Deno.test({
  name: "a guest recovers a journal, writes 200 MB and shuts down: nothing of it is there any more, nor on the disk",
  ignore: rig.skipReason !== undefined,
  fn: async () => {
    await using tried = await startTry({ memoryMiB: 1536, isSoiled: true });
    let storeBytes = 0;
    {
      await using desktop = await tried.start(tried.desktop(1, "try"));
      const shell = await workAsGuest(rig.system, desktop);
      assert.ok(
        desktop.lines.some(({ text }) => /recovering journal|recovery complete/.test(text)),
        "it was recovered",
      );
      await assertIsMarked(shell);
      const { hostName } = await readIdentity(shell);
      assert.match(hostName, /^[\w-]+-try$/);
      await shell.mustRun(makesKeys, { timeoutMs: 60_000 });
      await shell.mustRun(
        `dd if=/dev/urandom of=/root/changes bs=1M count=${bytesWritten / 1024 / 1024} conv=fsync`,
        { timeoutMs: writeMs },
      );
      // Read back, not from memory.
      await shell.mustRun(
        'sum=$(sha256sum </root/changes); echo 3 >/proc/sys/vm/drop_caches; [ "$(sha256sum </root/changes)" = "$sum" ]',
        { timeoutMs: writeMs },
      );
      const level = /^store (\d+)$/.exec(await askLaptop(shell, "/store"))?.[1];
      assert.ok(Number(level) > 20 && Number(level) < 100, `the level is ${level}`);
      const status = JSON.parse(await askLaptop(shell, "/status.json"));
      const [guest] = status.details.guests;
      storeBytes = guest.store.sizeBytes;
      assert.ok(guest.store.usedBytes > bytesWritten && guest.isConnected, JSON.stringify(guest));
      assert.equal(await tried.hash(), tried.before, "the disk has changed under the guest");
      await shutDown(desktop);
    }
    await tried.laptop.waitForLine(/The desktop is done with the disk/, { timeoutMs: 120_000 });
    assert.equal(await tried.hash(), tried.before, "the disk has changed");
    await using again = await tried.start(tried.desktop(1, "try"));
    const shell = await workAsGuest(rig.system, again);
    await shell.mustRun("[ ! -e /root/changes ]", { timeoutMs: 60_000 });
    // The memory has come back, too.
    const [guest] = JSON.parse(await askLaptop(shell, "/status.json")).details.guests;
    assert.ok(guest.store.sizeBytes > 0.9 * storeBytes, `${guest.store.sizeBytes} of ${storeBytes}`);
    await shutDown(again);
    assert.equal(await tried.hash(), tried.before, "the disk has changed at the second try");
  },
});

Deno.test({
  name: "a store that overflows: people are warned before, the console says what happened, and the disk is as it was",
  ignore: rig.skipReason !== undefined,
  fn: async () => {
    await using tried = await startTry({ memoryMiB: 768 });
    {
      await using desktop = await tried.start(tried.desktop(1, "try"));
      await workAsGuest(rig.system, desktop);
      await desktop.waitForLine(/Started .*Watches the room|stiefel-guest\.service/, { timeoutMs: 60_000 });
      // Slowly, so that the level can be seen.
      desktop.type(
        "for i in $(seq 300); do dd if=/dev/urandom of=/root/changes-$i bs=1M count=1 conv=fsync; sleep 0.5; done 2>/dev/null\n",
      );
      await desktop.waitForLine(/TRY MODE: THE ROOM FOR CHANGES IS [789]\d % USED/, { timeoutMs: writeMs });
      await tried.laptop.waitForLine(/has used [789]\d % of the memory/, { timeoutMs: 60_000 });
      await desktop.waitForLine(/TRY MODE: THE ROOM FOR CHANGES IS USED UP/, { timeoutMs: writeMs });
      await desktop.waitForLine(/Nothing is lost on the laptop/, { timeoutMs: 10_000 });
      await tried.laptop.waitForLine(/THE MEMORY FOR THE CHANGES OF ".*" IS FULL/, { timeoutMs: 60_000 });
      assert.equal(await tried.hash(), tried.before, "the disk has changed");
    }
    // Its power key: the laptop notices, and is free for the next one.
    await tried.laptop.waitForLine(/is gone, whose changes had no room any more/, { timeoutMs: 120_000 });
    assert.equal(await tried.hash(), tried.before, "the disk has changed");
  },
});

Deno.test({
  name: "two guests at once are two machines, and a desktop that would write is refused and learns who is there",
  ignore: rig.skipReason !== undefined,
  fn: async () => {
    await using tried = await startTry({ memoryMiB: 1024, cables: 3 });
    await using one = await tried.start(tried.desktop(1, "try"));
    const first = await workAsGuest(rig.system, one);
    await using two = await tried.start(tried.desktop(2, "try"));
    const second = await workAsGuest(rig.system, two);
    const identities = [await readIdentity(first), await readIdentity(second)];
    assert.match(identities[0]?.hostName ?? "", /-try$/);
    assert.match(identities[1]?.hostName ?? "", /-try-2$/);
    assert.notEqual(identities[0]?.machineId, identities[1]?.machineId);
    // Each sees its own changes.
    await first.mustRun("echo one >/root/mine && sync", { timeoutMs: 60_000 });
    await second.mustRun("[ ! -e /root/mine ] && echo two >/root/mine && sync", { timeoutMs: 60_000 });
    await first.mustRun("echo 3 >/proc/sys/vm/drop_caches; grep -q one /root/mine", { timeoutMs: 60_000 });

    {
      await using writer = await tried.start(tried.desktop(3, "write"));
      const refusal = await writer.waitForLine(/The disk is in use by /, { timeoutMs: startMs });
      assert.match(refusal.text, /has been trying the laptop's system since .*, and .* has been trying/);
      assert.match(refusal.text, /52:54:00:5a:1e:b1.*52:54:00:5a:1e:b2/);
    }
    await shutDown(one);
    await second.mustRun("grep -q two /root/mine && ls /usr >/dev/null", { timeoutMs: 60_000 });
    await shutDown(two);
    await tried.laptop.waitForLine(/The desktop is done with the disk/, { timeoutMs: 120_000 });
    assert.equal(await tried.hash(), tried.before, "the disk has changed");
  },
});
