/**
 * The stick as it is written, started by every kind of firmware. A laptop with Secure Boot and such a desktop are in
 * tests/qemu.
 */

import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { AGENT_KEY_PATH } from "../../lib/formats/agent_settings.ts";
import { buildCpio } from "../../lib/formats/cpio.ts";
import { SHARED_KEY_BYTES } from "../../lib/protocol/keys.ts";
import { copyDemoDisk } from "../../lib/qemu/demo_disk.ts";
import {
  type BootImage,
  cablePath,
  demoCredentials,
  desktopSpec,
  laptopSpec,
  newToken,
  serverReadyPattern,
} from "../../lib/qemu/machine_pair.ts";
import { startVm, type Vm } from "../../lib/qemu/run_vm.ts";
import { prepareUefi } from "../../lib/qemu/uefi_firmware.ts";
import { fromStick, type StickBoot } from "../../lib/qemu/stick_spec.ts";
import { waitForDesktop } from "../qemu/attached_disk.ts";
import { makeStick } from "../qemu/boot_stick.ts";
import { fetchFirmware, type FirmwareFiles, type Trust } from "../qemu/firmware_files.ts";
import { readVariables } from "../support/uefi_variables.ts";
import { prepareQemuTest, type QemuTest } from "../qemu/machines.ts";

const rig = await prepareQemuTest();
let files: Promise<FirmwareFiles> | undefined;
const firmwareFiles = (): Promise<FirmwareFiles> => files ??= fetchFirmware(rig);

interface Desktop {
  readonly name: string;
  prepare(rig: QemuTest): Promise<StickBoot>;
  readonly sectorBytes?: 4096;
  readonly hasSecureBoot?: boolean;
  /** Also through to the laptop's multi-user: one of each kind of firmware. */
  readonly goesThrough?: boolean;
}

const uefi = async ({ system, options: { runDirectory } }: QemuTest): Promise<StickBoot> => ({
  firmware: await prepareUefi(system, { runDirectory, name: "desktop" }),
});
const secureBoot = (trust: Trust, isStrict = false) => async (): Promise<StickBoot> => ({
  firmware: await (await firmwareFiles()).prepare({ name: "desktop", trust, isStrict }),
});

const desktops: readonly Desktop[] = [
  { name: "with a BIOS", prepare: () => Promise.resolve({}), goesThrough: true },
  { name: "with UEFI, from USB", prepare: async (rig) => ({ ...await uefi(rig), bus: "usb" }), goesThrough: true },
  { name: "with UEFI, from a disk with sectors of 4096 bytes", prepare: uefi, sectorBytes: 4096 },
  { name: "with Secure Boot that trusts Microsoft's CA of 2011", prepare: secureBoot("2011"), hasSecureBoot: true },
  {
    name: "with Secure Boot that trusts both CAs",
    prepare: secureBoot("both"),
    hasSecureBoot: true,
    goesThrough: true,
  },
  { name: "with Secure Boot that trusts the CA of 2023 only", prepare: secureBoot("2023"), hasSecureBoot: true },
  { name: "with Secure Boot and strict NX", prepare: secureBoot("2023", true), hasSecureBoot: true },
];

const agentPattern = /stiefelsystem: step=agent/;

/** Starts a desktop from a new stick. */
async function startDesktop(
  { prepare, sectorBytes }: Pick<Desktop, "prepare" | "sectorBytes">,
  credentials: Readonly<Record<string, string>> = {},
  laptopKey?: Uint8Array,
): Promise<Vm> {
  const { system, options: { runDirectory } } = rig;
  const { image, host } = await rig.machines();
  const stick = await makeStick(rig, sectorBytes, laptopKey);
  const desktop = desktopSpec({ image, clientMemoryMiB: 1024, console: "pipe" }, credentials);
  return await startVm(system, fromStick(desktop, stick, await prepare(rig)), host, { runDirectory, limitMs: 840_000 });
}

/** What OVMF itself notes: its devices, its own entries, its consoles. */
const ownVariables =
  /^(?:Boot(?:[0-9A-F]{4}|Order)|Con(?:In|Out)|ErrOut|Key[0-9A-F]{4}|Timeout|Lang|PlatformLang|MTC)$/;

/**
 * shim has raised the SBAT level in the firmware's variables (doc/stick.md); no other boot loader has written
 * anything.
 */
async function assertOnlySbatLevel(vm: Vm): Promise<void> {
  await vm[Symbol.asyncDispose]();
  const { system, options: { runDirectory } } = rig;
  const now = readVariables(await system.readFile(`${runDirectory}/desktop.uefi-variables`));
  const before = (await firmwareFiles()).variableNames;
  assert.deepEqual([...now.keys()].filter((name) => !before.has(name) && !ownVariables.test(name)), ["SbatLevel"]);
  assert.match(now.get("SbatLevel") ?? "", /^sbat,1,\d{10}\nshim,\d+\n/);
  const entries = [...now].filter(([name]) => /^Boot[0-9A-F]{4}$/.test(name));
  assert.deepEqual(entries.filter(([, content]) => /B\0O\0O\0T\0X|g\0r\0u\0b\0x|s\0h\0i\0m/i.test(content)), []);
}

for (const desktop of desktops) {
  Deno.test({
    name: `a desktop ${desktop.name} starts from the stick, to the agent`,
    ignore: rig.skipReason !== undefined,
    fn: async () => {
      await rig.system.remove(cablePath(rig.options.runDirectory));
      await using vm = await startDesktop(desktop);
      await vm.waitForLine(agentPattern, { timeoutMs: 400_000 });
      const isLocked = vm.lines.some(({ text }) => /Kernel is locked down from EFI Secure Boot/.test(text));
      assert.equal(isLocked, desktop.hasSecureBoot ?? false, "Secure Boot is enforced where it is meant to be");
      if (desktop.hasSecureBoot) await assertOnlySbatLevel(vm);
    },
  });
}

Deno.test({
  name: "a desktop with Secure Boot that trusts neither CA refuses the stick: what is enforced above is Secure Boot",
  ignore: rig.skipReason !== undefined,
  fn: async () => {
    await using vm = await startDesktop({ prepare: secureBoot("none") });
    await vm.waitForLine(/BdsDxe: failed to (?:load|start) .*(?:Access Denied|Security Violation)/, {
      timeoutMs: 200_000,
      unless: /Linux version/,
    });
  },
});

/**
 * The image of a laptop that has a key of its own: what comes last counts (Documentation/driver-api/early-userspace).
 */
async function withKey(image: BootImage, key: Uint8Array): Promise<BootImage> {
  const { system, options: { runDirectory } } = rig;
  const initrdPath = `${runDirectory}/laptop.initrd`;
  const cpio = buildCpio([{ kind: "file", path: AGENT_KEY_PATH.slice(1), mode: 0o600, content: key }]);
  await system.writeFile(initrdPath, Buffer.concat([await system.readFile(image.initrdPath), cpio]), { mode: 0o600 });
  return { ...image, initrdPath };
}

for (const desktop of desktops.filter(({ goesThrough }) => goesThrough)) {
  Deno.test({
    name: `a desktop ${desktop.name} goes from a stick with several keys through to the laptop's multi-user`,
    ignore: rig.skipReason !== undefined,
    fn: async () => {
      const { system, options: { runDirectory } } = rig;
      const { image, disk, host } = await rig.machines();
      const diskPath = `${runDirectory}/disk.img`;
      await copyDemoDisk(system, disk, diskPath);
      await system.remove(cablePath(runDirectory));
      const key = system.randomBytes(SHARED_KEY_BYTES);
      const laptopImage = await withKey(image, key);
      const settings = {
        image: laptopImage,
        diskPath,
        serverMemoryMiB: 768,
        clientMemoryMiB: 1024,
        console: "pipe",
      } as const;
      await using laptop = await startVm(system, laptopSpec(settings, ["stiefel.on_end=poweroff"]), host, {
        runDirectory,
        limitMs: 840_000,
      });
      await laptop.waitForLine(serverReadyPattern, { timeoutMs: 180_000 });
      const credentials = demoCredentials({ action: "poweroff", token: newToken(system) });
      await using vm = await startDesktop(desktop, credentials, key);
      await waitForDesktop(vm, 600_000);
      assert.equal((await vm.ended).kind, "shutdown");
      assert.equal((await laptop.ended).kind, "shutdown");
    },
  });
}
