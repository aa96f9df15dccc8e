/**
 * A second boot: a desktop with Secure Boot that trusts Debian's kernels and the further CA with which the shim of
 * another distribution is signed. Its stick starts that shim, once, and the usual entry the next time.
 */

import assert from "node:assert/strict";
import { copyDemoDisk, readFileOnDemoDisk } from "../../lib/qemu/demo_disk.ts";
import { demoDiskLayout } from "../../lib/qemu/demo_disk_layout.ts";
import {
  cablePath,
  demoCredentials,
  demoMarkerPath,
  desktopSpec,
  laptopSpec,
  newToken,
  serialConsole,
  serverReadyPattern,
} from "../../lib/qemu/machine_pair.ts";
import { startVm, type Vm } from "../../lib/qemu/run_vm.ts";
import { fromStick } from "../../lib/qemu/stick_spec.ts";
import { makeStickImage } from "../../lib/media/stick_image.ts";
import { readStickTable } from "../../lib/media/stick_layout.ts";
import type { UefiFirmware } from "../../lib/qemu/vm_spec.ts";
import { waitForDesktop } from "../qemu/attached_disk.ts";
import { fetchForeignChain, type ForeignChain } from "../qemu/foreign_laptop.ts";
import { fetchFirmware } from "../qemu/firmware_files.ts";
import { prepareQemuTest } from "../qemu/machines.ts";
import { answerPrompts } from "../support/console_prompts.ts";
import { listChangedVariables } from "../support/uefi_variables.ts";

const rig = await prepareQemuTest();
const second = 1000;
const stickBytes = 640 * 1024 * 1024;
const placeUuid = "0a1b2c3d-4e5f-4a6b-8c7d-9e0f10213243";

/** The EFI system partition of the laptop, and its kernel. Runs `mkfs.vfat`, `mmd`, `mcopy`, `dd`, `debugfs`. */
async function putChain(diskPath: string, { shim, grub, kernel }: ForeignChain): Promise<void> {
  const { system, options: { runDirectory } } = rig;
  const path = `${runDirectory}/foreign-file`;
  const { boot, scratch } = demoDiskLayout;
  const esp = `${runDirectory}/foreign-esp.img`;
  await system.remove(esp);
  await system.run(["truncate", "-s", String(scratch.sizeBytes), esp]);
  await system.run(["mkfs.vfat", "-F", "32", esp]);
  await system.run(["mmd", "-i", esp, "::EFI", "::EFI/debian"]);
  for (const [name, bytes] of [["shimx64.efi", shim], ["grubx64.efi", grub]] as const) {
    await system.writeFile(path, bytes);
    await system.run(["mcopy", "-i", esp, path, `::EFI/debian/${name}`]);
  }
  const seek = scratch.offsetBytes / 1024 / 1024;
  await system.run(["dd", `if=${esp}`, `of=${diskPath}`, "bs=1M", `seek=${seek}`, "conv=notrunc,sparse"]);
  await system.writeFile(path, kernel);
  const bootPartition = `${diskPath}?offset=${boot.offsetBytes}`;
  for (const request of ["rm /linux-stiefel", `write ${path} linux-stiefel`]) {
    await system.run(["debugfs", "-w", "-R", request, bootPartition]);
  }
  const { stdout } = await system.run(["debugfs", "-R", "ls -l /", bootPartition]);
  assert.match(stdout, new RegExp(`\\b${kernel.length}\\b.* linux-stiefel`), "the kernel was not replaced");
}

/** All that is on the stick but in the place, and how much of the place is used. */
async function readStickFile(path: string): Promise<{ readonly rest: string; readonly isPlaceEmpty: boolean }> {
  const { system } = rig;
  const first = new Uint8Array(
    await new Response(await system.openRead(path, { offset: 0, sizeBytes: 1 << 20 }))
      .arrayBuffer(),
  );
  const table = readStickTable(first, { sectorBytes: 512, sizeBytes: stickBytes });
  const place = table?.place ?? assert.fail("the stick has no place for a second boot");
  assert.equal(place.partitionUuid, placeUuid);
  const hash = async (offset: number, sizeBytes: number): Promise<string> =>
    new Uint8Array(
      await crypto.subtle.digest(
        "SHA-256",
        await new Response(await system.openRead(path, { offset, sizeBytes })).arrayBuffer(),
      ),
    ).toHex();
  const end = place.offsetBytes + place.sizeBytes;
  const rest = [await hash(0, place.offsetBytes), await hash(end, stickBytes - end)].join(" ");
  const used = new Uint8Array(
    await new Response(await system.openRead(path, { offset: place.offsetBytes, sizeBytes: place.sizeBytes }))
      .arrayBuffer(),
  );
  return { rest, isPlaceEmpty: !used.some((byte) => byte !== 0) };
}

interface Desktop {
  readonly stickPath: string;
  readonly firmware: UefiFirmware;
  readonly token: string;
}

async function startDesktop({ stickPath, firmware, token }: Desktop, limitMs: number): Promise<Vm> {
  const { system, options: { runDirectory } } = rig;
  const { image, host } = await rig.machines();
  const credentials = demoCredentials({ action: "poweroff", token });
  const desktop = desktopSpec({ image, clientMemoryMiB: 1536, console: "pipe" }, credentials);
  const spec = fromStick(desktop, { path: stickPath, sectorBytes: 512 }, { firmware, bus: "usb", isWritable: true });
  return await startVm(system, spec, host, { runDirectory, limitMs });
}

Deno.test({
  name:
    "a desktop that does not trust the laptop's kernel starts the laptop's own signed boot loaders from the stick, once",
  ignore: rig.skipReason !== undefined,
  fn: async () => {
    const { system, options: { image: built, projectDirectory, runDirectory } } = rig;
    const { image, disk, host } = await rig.machines();
    const chain = await fetchForeignChain(rig);
    const files = await fetchFirmware(rig);
    const firmware = await files.prepare({ name: "desktop", trust: "both", further: [chain.firmwareCertificate] });
    const before = await system.readFile(firmware.variablesPath);
    const diskPath = `${runDirectory}/disk.img`;
    await copyDemoDisk(system, disk, diskPath);
    await putChain(diskPath, chain);
    const stickPath = `${runDirectory}/stick.img`;
    await system.remove(stickPath);
    await makeStickImage(system, {
      buildDirectory: built.outDir ?? `${projectDirectory}/build`,
      keyPath: built.keyPath ?? `${projectDirectory}/aes-key`,
      parameters: serialConsole.split(" "),
      sizeBytes: stickBytes,
      placeUuid,
    }, stickPath);
    const fresh = await readStickFile(stickPath);
    assert.equal(fresh.isPlaceEmpty, true);
    await system.remove(cablePath(runDirectory));
    const settings = { image, diskPath, serverMemoryMiB: 768, clientMemoryMiB: 1536, console: "pipe" } as const;
    const desktop = { stickPath, firmware, token: newToken(system) };
    {
      const parameters = ["stiefel.on_end=poweroff"];
      await using laptop = await startVm(system, laptopSpec(settings, parameters), host, {
        runDirectory,
        limitMs: 2400 * second,
      });
      await laptop.waitForLine(serverReadyPattern, { timeoutMs: 180 * second });
      {
        await using first = await startDesktop(desktop, 1200 * second);
        await using _yes = answerPrompts(system, first, { prompt: /Do that\? \(yes\/no\): /, answer: "yes" });
        await using _enter = answerPrompts(system, first, { prompt: /Enter restarts this desktop: /, answer: "" });
        const refused = /This desktop cannot start the laptop's kernel, which is signed by "Another Secure Boot CA"/;
        await first.waitForLine(refused, { timeoutMs: 400 * second });
        await first.waitForLine(/The stick is ready/, { timeoutMs: 500 * second });
        assert.equal((await first.ended).kind, "reset");
      }
      const armed = await readStickFile(stickPath);
      assert.equal(armed.isPlaceEmpty, false);
      assert.equal(armed.rest, fresh.rest, "nothing but the place was written");
      {
        await using again = await startDesktop(desktop, 900 * second);
        await waitForDesktop(again, 700 * second);
        const isLocked = again.lines.some(({ text }) => /Kernel is locked down from EFI Secure Boot/.test(text));
        assert.equal(isLocked, true, "Secure Boot is enforced");
        const started = again.lines.find(({ text }) => /Command line: .*BOOT_IMAGE=/.test(text))?.text ?? "";
        assert.match(started, /BOOT_IMAGE=\(hd\d+,gpt3\)\/EFI\/debian\/kernel root=UUID=/);
        assert.equal((await again.ended).kind, "shutdown");
      }
      assert.equal((await laptop.ended).kind, "shutdown");
    }
    const marker = await readFileOnDemoDisk(system, diskPath, demoMarkerPath);
    assert.match(marker ?? "", new RegExp(`token=${desktop.token} `));
    const { added, changed } = listChangedVariables(before, await system.readFile(firmware.variablesPath));
    assert.deepEqual(added, ["SbatLevel"]);
    assert.deepEqual(changed, []);

    // The laptop is back as a server; the next start of the stick takes the usual entry, and empties the place.
    await system.remove(cablePath(runDirectory));
    await using laptop = await startVm(system, laptopSpec(settings), host, { runDirectory, limitMs: 1200 * second });
    await laptop.waitForLine(serverReadyPattern, { timeoutMs: 180 * second });
    {
      await using third = await startDesktop(desktop, 900 * second);
      await third.waitForLine(/stiefelsystem: step=agent/, { timeoutMs: 300 * second });
      await third.waitForLine(/What a second boot had left on the stick is removed/, { timeoutMs: 400 * second });
    }
    assert.deepEqual(await readStickFile(stickPath), fresh);
  },
});
