/**
 * The disk of a storage system, which a third machine plays, in place of the laptop's: from the laptop's configuration
 * to a desktop that runs from it (doc/fleet.md).
 */

import assert from "node:assert/strict";
import { copyDemoDisk, readFileOnDemoDisk } from "../../lib/qemu/demo_disk.ts";
import { desktopSpec, laptopSpec, serverReadyPattern } from "../../lib/qemu/machine_pair.ts";
import type { VmSpec } from "../../lib/qemu/vm_spec.ts";
import { prepareQemuTest } from "../qemu/machines.ts";
import { startConfiguredPair } from "../qemu/unplugged_cable.ts";
import { autologinCredentials, openConsoleShell } from "../support/console_shell.ts";
import { formatDhchapSecret, layStorageSystem, storageSpec, type StorageSystem } from "../support/storage_system.ts";

const rig = await prepareQemuTest();

const startMs = 420_000;
const key = (first: number): string => formatDhchapSecret(Uint8Array.from({ length: 32 }, (_, index) => first + index));
const [hostKey, wrongKey, controllerKey] = [key(1), key(100), key(200)];
const storage: StorageSystem = {
  addresses: ["192.0.2.10", "192.0.2.11"],
  subsystem: "nqn.2011-06.com.truenas:uuid:68bf9433-63ef-49f5-a921-4c0f8190fd94:desk",
  namespace: 3,
  host: "nqn.2014-08.org.nvmexpress:uuid:22222222-2222-4222-8222-222222222222",
  hostKeys: [wrongKey, hostKey],
  controllerKey,
};

Deno.test({
  name:
    "a desktop boots from a storage system that the laptop's configuration names, by two ways, known by a secret that " +
    "is on no screen, command line or readable file",
  ignore: rig.skipReason !== undefined,
  fn: async () => {
    const { system, options: { runDirectory } } = rig;
    const { disk, image: base } = await rig.machines();
    const secretPath = `${runDirectory}/engine-secret`;
    await system.writeFile(secretPath, `${hostKey}\n${controllerKey}\n`, { mode: 0o600 });
    const { settings, start } = await startConfiguredPair(
      rig,
      "engine",
      `block:
  engine:
    addresses: [${storage.addresses.join(", ")}]
    subsystem: ${storage.subsystem}
    namespace: ${storage.namespace}
    host: ${storage.host}
    secret-file: ${secretPath}
    desktop: 192.0.2.50/24
`,
    );
    const storageDisk = `${runDirectory}/storage.img`;
    await copyDemoDisk(system, disk, storageDisk);
    const storageImage = await layStorageSystem(system, base, storage, `${runDirectory}/storage-initrd`);
    const sockets = ["to-laptop.sock", "to-desktop.sock"];
    for (const name of sockets) await system.remove(`${runDirectory}/${name}`);
    const plugged = (spec: VmSpec, socketPath: string): VmSpec => ({
      ...spec,
      links: spec.links.map((link) => ({ ...link, socketPath, end: "connecting" })),
    });

    await using engine = await start(storageSpec(storageImage, storageDisk, sockets));
    await engine.waitForLine(/storage system: ready/, { timeoutMs: startMs, unless: /Kernel panic/ });
    await using laptop = await start(plugged(laptopSpec(settings), "to-laptop.sock"));
    await laptop.waitForLine(serverReadyPattern, { timeoutMs: startMs });
    await using desktop = await start(plugged(desktopSpec(settings, autologinCredentials), "to-desktop.sock"));

    // With another secret the storage system turns it away, and it asks again.
    await desktop.waitForLine(/Not attached, trying again/, { timeoutMs: startMs });
    engine.type("\n");
    await engine.waitForLine(/storage system: another key/, { timeoutMs: 60_000 });
    await desktop.waitForLine(/stiefel-demo: root=\/dev\/nvme\d+n1p2 /, { timeoutMs: startMs });

    const shell = await openConsoleShell(system, desktop, { timeoutMs: 60_000 });
    const ask = async (command: string): Promise<string> =>
      (await shell.mustRun(command, { timeoutMs: 60_000 })).join("\n");
    assert.match(
      await ask("cat /sys/class/nvme/*/address | sort"),
      /traddr=192\.0\.2\.10,[^]*traddr=192\.0\.2\.11,/,
    );
    assert.match(await ask("cat /sys/class/nvme/*/state"), /live[^]*live/);
    assert.match(await ask("ip -4 -oneline address show dev stiefel0"), /inet 192\.0\.2\.50\/24/);
    // What the kernel has of the secret is root's alone, and nothing else has it.
    const modes = await ask("stat -c 'mode %a' /sys/class/nvme/*/dhchap_secret /sys/class/nvme/*/dhchap_ctrl_secret");
    assert.deepEqual([...new Set(modes.match(/mode \d+/g))], ["mode 400"], modes);
    assert.match(await ask("cat /sys/class/nvme/*/dhchap_secret | grep -c DHHC-1 || :"), /^2$/m);
    const leaks = "dmesg; journalctl --boot --no-pager; cat /proc/cmdline /proc/[0-9]*/cmdline /run/stiefelsystem/*";
    assert.match(await ask(`{ ${leaks}; } 2>/dev/null | tr '\\0' '\\n' | grep -c 'DHHC-[1]' || :`), /^0$/m);

    await ask("echo of the storage system >/root/engine && sync");
    desktop.type("poweroff\n");
    assert.equal((await desktop.ended).kind, "shutdown");
    const texts = [engine, laptop, desktop].map(({ lines }) => lines.map(({ text }) => text).join("\n"));
    const errors = /I\/O error|EXT4-fs error|Remounting filesystem read-only/;
    for (const text of texts) assert.doesNotMatch(text, errors);
    const [, said = "", shown = ""] = texts;
    for (const secret of [hostKey, controllerKey]) assert.ok(texts.every((text) => !text.includes(secret)));
    for (const text of [said, shown]) {
      assert.match(text, /The disk is that of 192\.0\.2\.10, 192\.0\.2\.11, which knows/);
    }
    await engine[Symbol.asyncDispose]();
    await laptop[Symbol.asyncDispose]();
    assert.match(await readFileOnDemoDisk(system, storageDisk, "/root/engine") ?? "", /of the storage system/);
    assert.equal(await readFileOnDemoDisk(system, settings.diskPath, "/root/engine"), undefined);
  },
});
