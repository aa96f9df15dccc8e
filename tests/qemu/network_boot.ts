/**
 * A desktop without a stick and without a disk starts from the laptop's server: over a direct cable, and beside another
 * DHCP server.
 */

import assert from "node:assert/strict";
import { prepareMachines } from "../../lib/cli/commands/prepare_machines.ts";
import { copyDemoDisk } from "../../lib/qemu/demo_disk.ts";
import {
  cablePath,
  demoCredentials,
  desktopSpec,
  laptopSpec,
  newToken,
  serialConsole,
  serverMac,
} from "../../lib/qemu/machine_pair.ts";
import { startVm, type Vm } from "../../lib/qemu/run_vm.ts";
import { prepareUefi } from "../../lib/qemu/uefi_firmware.ts";
import type { UefiFirmware, VmBoot } from "../../lib/qemu/vm_spec.ts";
import { waitForDesktop } from "./attached_disk.ts";
import { waitForText } from "../support/console_prompts.ts";
import { besideForeignDhcp, startForeignDhcp } from "./foreign_dhcp.ts";
import { fetchFirmware } from "./firmware_files.ts";
import { prepareQemuTest, type QemuTest } from "./machines.ts";

const rig = await prepareQemuTest();

export interface NetworkDesktop {
  readonly name: string;
  readonly boot: VmBoot;
  readonly firmware?: (rig: QemuTest) => Promise<UefiFirmware>;
  readonly hasSecureBoot?: boolean;
  /** Another DHCP server is on the same switch. */
  readonly isBesideAnother?: boolean;
}

export const uefi = ({ system, options: { runDirectory } }: QemuTest): Promise<UefiFirmware> =>
  prepareUefi(system, { runDirectory, name: "desktop" });

export const secureBoot = async (): Promise<UefiFirmware> =>
  (await fetchFirmware(rig)).prepare({ name: "desktop", trust: "both" });

type Prepared = Awaited<ReturnType<typeof prepareMachines>>;
let machines: Promise<Prepared> | undefined;

/** The image of a laptop that starts desktops over its cable. */
function prepare(): Promise<Prepared> {
  const make = async (): Promise<Prepared> => {
    const { system, ui, options } = rig;
    const configPath = `${options.runDirectory}/netboot.yaml`;
    const cmdline = serialConsole.split(" ");
    await system.makeDirectory(options.runDirectory);
    await system.writeFile(configPath, JSON.stringify({ netboot: { links: [serverMac], cmdline } }));
    const image = { ...options.image, configPath, outDir: `${options.runDirectory}/netboot-image` };
    return await prepareMachines(system, ui, { ...options, image });
  };
  return machines ??= make();
}

/** Registers the scenario for a desktop. */
export function testNetworkBoot(desktop: NetworkDesktop): void {
  Deno.test({
    name: `a desktop ${desktop.name} asks for the laptop's code, and goes through to multi-user`,
    ignore: rig.skipReason !== undefined,
    fn: async () => {
      const { system, options: { runDirectory } } = rig;
      const { image, disk, host } = await prepare();
      const diskPath = `${runDirectory}/disk.img`;
      await copyDemoDisk(system, disk, diskPath);
      await system.remove(cablePath(runDirectory));
      const settings = { image, diskPath, serverMemoryMiB: 1024, clientMemoryMiB: 1024, console: "pipe" } as const;
      const limits = { runDirectory, limitMs: 1_200_000 };
      const parameters = ["retain_initrd", "stiefel.on_end=poweroff"];
      const laptopAlone = laptopSpec(settings, parameters);
      const isBeside = desktop.isBesideAnother ?? false;
      await using laptop = await startVm(system, isBeside ? besideForeignDhcp(laptopAlone) : laptopAlone, host, limits);
      await using _foreign = isBeside ? await startForeignDhcp(system, runDirectory) : undefined;
      const isReady = isBeside ? /another DHCP server answers/ : /no other DHCP server answers/;
      await laptop.waitForLine(isReady, { timeoutMs: 240_000 });
      const firmware = await desktop.firmware?.(rig);
      const spec = {
        ...desktopSpec(settings, demoCredentials({ action: "poweroff", token: newToken(system) })),
        boot: desktop.boot,
        ...firmware === undefined ? {} : { firmware },
      };
      await using vm = await startVm(system, spec, host, limits);
      const agent = await vm.waitForLine(/stiefelsystem: step=agent/, { timeoutMs: 600_000 });
      console.log(`${desktop.name}: the agent ran ${Math.round(agent.atMs / 1000)} s after power-on`);
      const isLocked = vm.lines.some(({ text }) => /Kernel is locked down from EFI Secure Boot/.test(text));
      assert.equal(isLocked, desktop.hasSecureBoot ?? false, "Secure Boot is enforced where it is meant to be");
      await vm.waitForLine(/shows a code.*Type it here/, { timeoutMs: 120_000 });
      await typeCode(vm, laptop);
      await waitForDesktop(vm, 600_000);
      assert.equal((await vm.ended).kind, "shutdown");
      assert.equal((await laptop.ended).kind, "shutdown");
    },
  });
}

/** What a person does who sees both screens. */
async function typeCode(desktop: Vm, laptop: Vm): Promise<void> {
  const { text } = await laptop.waitForLine(/The code for a desktop without a key/, { timeoutMs: 60_000 });
  const code = /[0-9A-Z]{4}(?:-[0-9A-Z]{4}){2}/.exec(text)?.[0];
  assert.ok(code, text);
  // What is typed before the question is lost.
  await waitForText(rig.system, desktop, /Code: ?$/, { timeoutMs: 60_000 });
  desktop.type(`${code}\r`);
  await desktop.waitForLine(/has given its key to this desktop/, { timeoutMs: 120_000 });
}
