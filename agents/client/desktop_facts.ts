/**
 * What this desktop is, as far as it matters for what it starts: firmware, what its kernel demands of another one,
 * memory, firmware that its cards miss, links. What cannot be seen is left out; nothing here fails.
 */
import { type KernelDemands, parseTrustedKeys } from "../../lib/boot/kernel_trust.ts";
import { machineIdOf } from "../../lib/formats/machine_identity.ts";
import {
  type Link,
  linkSpeedPath,
  lockdownPath,
  parseLinkSpeed,
  parseLockdown,
  parseMemory,
} from "../../lib/system/facts.ts";
import { readKernelFiles } from "../../lib/system/kernel_files.ts";
import type { System } from "../../lib/system/system.ts";
import { isCandidate } from "../shared/links.ts";
import { listMissingFirmware, type MissingFirmware } from "../shared/missing_firmware.ts";

export interface DesktopFacts extends KernelDemands {
  readonly firmware?: "BIOS" | "UEFI";
  /** The firmware enforces Secure Boot. */
  readonly isSecureBoot?: boolean;
  readonly memoryBytes?: number;
  /** lib/formats/machine_identity.ts */
  readonly machineId?: string;
  /** Files of firmware that a driver has asked for and that are not in the image. */
  readonly missingFirmware?: readonly MissingFirmware[];
}

export interface LinkFacts {
  readonly name: string;
  readonly hasCarrier: boolean;
  /** Mbit/s */
  readonly speed?: number;
  readonly driver?: string;
}

const keysPath = "/proc/keys";
const memoryPath = "/proc/meminfo";
/** There with UEFI only (Documentation/ABI/testing/sysfs-firmware-efi). */
const platformPath = "/sys/firmware/efi/fw_platform_size";
/** What the firmware of any PC says of itself. */
const makerPath = "/sys/class/dmi/id/bios_vendor";
const identityPaths = {
  productUuid: "/sys/class/dmi/id/product_uuid",
  productSerial: "/sys/class/dmi/id/product_serial",
  boardSerial: "/sys/class/dmi/id/board_serial",
};

/** Runs `grep`, `dmesg`. */
export async function readDesktopFacts(system: System): Promise<DesktopFacts> {
  const [files, log] = await Promise.all([
    readKernelFiles(system, [
      ...[lockdownPath, keysPath, memoryPath, platformPath, makerPath],
      ...Object.values(identityPaths),
    ]).catch(() => noFiles),
    system.run(["dmesg"], { timeoutMs: 10_000 }).then(({ stdout }) => stdout, () => undefined),
  ]);
  const firmware = files.has(platformPath) ? "UEFI" : files.has(makerPath) ? "BIOS" : undefined;
  const isSecureBoot = readSecureBootOf(log ?? "");
  const { productUuid, productSerial, boardSerial } = identityPaths;
  const machineId = await machineIdOf({
    productUuid: files.get(productUuid),
    productSerial: files.get(productSerial),
    boardSerial: files.get(boardSerial),
  });
  const memoryBytes = parseMemory(files.get(memoryPath) ?? "", "MemTotal");
  return {
    lockdown: files.has(lockdownPath) ? parseLockdown(files.get(lockdownPath) ?? "") : readLockdownOf(log ?? ""),
    trustedKeys: parseTrustedKeys(files.get(keysPath) ?? ""),
    ...firmware === undefined ? {} : { firmware },
    ...isSecureBoot === undefined ? {} : { isSecureBoot },
    ...machineId === undefined ? {} : { machineId },
    ...memoryBytes === undefined ? {} : { memoryBytes },
    ...log === undefined ? {} : { missingFirmware: listMissingFirmware(log) },
  };
}

const noFiles: ReadonlyMap<string, string> = new Map();

/**
 * Where securityfs is not mounted: the kernel's own line at its start (security/lockdown/lockdown.c); with Secure Boot
 * distributions lock it down so far.
 */
function readLockdownOf(log: string): string | undefined {
  return /\bKernel is locked down from /.test(log) ? "integrity" : undefined;
}

/**
 * What the kernel's start has found out about it (drivers/firmware/efi/secureboot.c of Debian, Fedora and Ubuntu);
 * efivarfs is not needed for it.
 * @returns undefined where the firmware has no Secure Boot, or the line is not there
 */
function readSecureBootOf(log: string): boolean | undefined {
  const state = /\bsecureboot: Secure boot (enabled|disabled)/i.exec(log)?.[1];
  return state === undefined ? undefined : state.toLowerCase() === "enabled";
}

/** Cards for cables, those with a cable first. Runs `grep`. */
export async function readLinkFacts(
  system: System,
  links: readonly Pick<Link, "name" | "mac" | "isLoopback" | "hasCarrier">[],
): Promise<readonly LinkFacts[]> {
  const cards = links.filter(isCandidate);
  if (cards.length === 0) return [];
  const ueventPath = (name: string): string => `/sys/class/net/${name}/device/uevent`;
  const paths = cards.flatMap(({ name }) => [linkSpeedPath(name), ueventPath(name)]);
  const files = await readKernelFiles(system, paths).catch(() => noFiles);
  const facts = cards.map(({ name, hasCarrier }) => {
    const speed = hasCarrier ? parseLinkSpeed(files.get(linkSpeedPath(name))) : undefined;
    const driver = /^DRIVER=(\S+)$/m.exec(files.get(ueventPath(name)) ?? "")?.[1];
    return { name, hasCarrier, ...speed === undefined ? {} : { speed }, ...driver === undefined ? {} : { driver } };
  });
  return facts.toSorted((a, b) => Number(b.hasCarrier) - Number(a.hasCarrier));
}
