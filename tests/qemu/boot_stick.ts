/** A stick for a desktop with Secure Boot, as somebody makes one by hand (doc/secure-boot.md). */

import { demoDiskLayout } from "../../lib/qemu/demo_disk_layout.ts";
import { efiPartition } from "../../lib/qemu/efi_partition.ts";
import type { BootImage } from "../../lib/qemu/machine_pair.ts";
import { prepareSecureBoot } from "../support/uefi_firmware.ts";
import type { VmSpec } from "../../lib/qemu/vm_spec.ts";
import type { QemuTest } from "./machines.ts";

const mebibyte = 1024 * 1024;

/**
 * The same desktop, with firmware that starts signed programs only, from a stick: Debian's shim and GRUB, which are taken from the EFI
 * system partition of a laptop's disk, start the image. The stick is `stick.img` in the run directory.
 */
export async function startFromStick(
  { system, options: { runDirectory } }: QemuTest,
  desktop: VmSpec,
  { image, laptopDiskPath }: { readonly image: BootImage; readonly laptopDiskPath: string },
): Promise<VmSpec> {
  if (desktop.boot.kind !== "kernel") throw new TypeError("This desktop has a disk already");
  const stick = `${runDirectory}/stick.img`;
  const efi = `${runDirectory}/stick-efi.img`;
  const menu = `${runDirectory}/stick-grub.cfg`;
  const run = (argv: readonly string[], stdin = ""): Promise<unknown> =>
    system.run(argv, { timeoutMs: 120_000, stdin });
  const { offsetBytes, sizeBytes } = demoDiskLayout.scratch;
  const [first, count] = [offsetBytes / mebibyte, sizeBytes / mebibyte];
  await run(["dd", `if=${laptopDiskPath}`, `of=${efi}`, "bs=1M", `skip=${first}`, `count=${count}`, "conv=sparse"]);
  await system.writeFile(menu, `linux /kernel ${desktop.boot.commandLine}\ninitrd /initrd\nboot\n`);
  const files = [[menu, "EFI/debian/grub.cfg"], [image.kernelPath, "kernel"], [image.initrdPath, "initrd"]] as const;
  for (const [from, to] of files) await run(["mcopy", "-o", "-i", efi, from, `::${to}`]);
  await system.remove(stick);
  await run(["truncate", "-s", `${count + 2}M`, stick]);
  await run(["sfdisk", "--quiet", stick], `label: gpt\nstart=1MiB, size=${count}MiB, type=${efiPartition.type}\n`);
  await run(["dd", `if=${efi}`, `of=${stick}`, "bs=1M", "seek=1", "conv=notrunc,sparse"]);
  await system.remove(efi);
  return {
    ...desktop,
    boot: { kind: "disk" },
    disks: [{ path: stick, format: "raw", serial: "stick" }],
    firmware: await prepareSecureBoot(system, { runDirectory, name: desktop.name }),
  };
}
