/** When a session is over, none of its keys is in the memory of either machine. */

import assert from "node:assert/strict";
import type { Vm } from "../../lib/qemu/run_vm.ts";
import { startFaultRig } from "../qemu/fault_rig.ts";
import { prepareQemuTest } from "../qemu/machines.ts";
import { findCopies, findPresharedKeys, findPrivateKey } from "../support/find_keys.ts";

const rig = await prepareQemuTest();
const { system, options: { runDirectory } } = rig;

const memoryMiB = 768;
/** Machines that have switched themselves off stay as they are, so that their memory can be read. */
const stays = ["-no-shutdown"];

async function dump(vm: Vm, name: string): Promise<string> {
  const path = `${runDirectory}/${name}.memory`;
  await system.remove(path);
  // A machine of this size has all of its memory below the hole for devices.
  await (await vm.control()).execute("pmemsave", { val: 0, size: memoryMiB * 1024 * 1024, filename: path }, {
    timeoutMs: 180_000,
  });
  return path;
}

async function waitForPowerOff(vm: Vm, timeoutMs: number): Promise<void> {
  const { events } = await vm.control();
  for (const endMs = system.monotonicMs() + timeoutMs; system.monotonicMs() < endMs; await system.delay(200)) {
    if (events.some(({ event }) => event === "SHUTDOWN")) return;
  }
  throw new Error(`Machine "${vm.name}" has not switched itself off`);
}

for (const transport of ["nvme-tcp", "nbd"]) {
  Deno.test({
    name: `${transport}: when desktop and laptop have ended the session, none of its keys is in their memory`,
    ignore: rig.skipReason !== undefined,
    fn: async () => {
      await using session = await startFaultRig(rig, {
        name: `keys-${transport}`,
        configuration: `block:\n  transport: ${transport}\n`,
        serverMemoryMiB: memoryMiB,
        clientMemoryMiB: memoryMiB,
        arguments: stays,
      });
      const { laptop, desktop, onLaptop, onDesktop } = session;
      // Public keys alone: what is asked for stays in memory.
      const ask = async (what: string): Promise<Uint8Array> => {
        const lines = await onLaptop.mustRun(`ns=$(ip netns list); ip netns exec \${ns%% *} wg show all ${what}`, {
          timeoutMs: 60_000,
        });
        const key = /stiefeltunnel\s+(\S{43}=)/.exec(lines.join("\n"))?.[1];
        assert.ok(key !== undefined, lines.join("\n"));
        return Uint8Array.fromBase64(key);
      };
      const publicKeys = { laptop: await ask("public-key"), desktop: await ask("peers") };
      const [laptopDump, desktopDump] = [await dump(laptop, "laptop"), await dump(desktop, "desktop")];
      const seen = await findPresharedKeys(desktopDump, publicKeys.laptop);
      const keys = {
        "the laptop's private key": await findPrivateKey(laptopDump, publicKeys.laptop),
        "the desktop's private key": await findPrivateKey(desktopDump, publicKeys.desktop),
        "the pre-shared key": [...await findPresharedKeys(laptopDump, publicKeys.desktop)].filter((key) =>
          seen.has(key)
        )
          .map((key) => Uint8Array.fromHex(key))[0],
      };
      for (const [name, key] of Object.entries(keys)) {
        assert.ok(key !== undefined, `${name} is not where the kernel has it while the session is on`);
        for (const [machine, path] of Object.entries({ laptop: laptopDump, desktop: desktopDump })) {
          console.log(`${transport}, session on, ${machine}: ${name}: ${(await findCopies(path, key)).join(", ")}`);
        }
      }

      await onDesktop.run("systemctl poweroff", { timeoutMs: 60_000 }).catch(() => {}); // the shell ends, too
      await waitForPowerOff(desktop, 300_000);
      await waitForPowerOff(laptop, 300_000);
      const left: string[] = [];
      for (const vm of [laptop, desktop]) {
        const path = await dump(vm, vm.name);
        for (const [name, key] of Object.entries(keys)) {
          if (key === undefined) continue;
          left.push(...(await findCopies(path, key)).map((copy) => `${vm.name}: ${name}, ${copy}`));
        }
      }
      assert.deepEqual(left, []);
    },
  });
}
