/**
 * What this desktop is, as far as it matters for what it starts: firmware, what its kernel demands of another one,
 * memory, firmware that its cards miss, links. What cannot be seen is left out; nothing here fails.
 */
import { type KernelDemands, parseTrustedKeys } from "../../lib/boot/kernel_trust.ts";
import { listLinks, readKernelFile, readLinkSpeed, readLockdown, readMemory } from "../../lib/system/facts.ts";
import type { System } from "../../lib/system/system.ts";
import { isCandidate } from "../shared/links.ts";

export interface DesktopFacts extends KernelDemands {
  readonly firmware?: "BIOS" | "UEFI";
  /** The firmware enforces Secure Boot. */
  readonly isSecureBoot?: boolean;
  readonly memoryBytes?: number;
  /** Files of firmware that a driver has asked for and that are not in the image. */
  readonly missingFirmware?: readonly MissingFirmware[];
}

export interface MissingFirmware {
  readonly driver: string;
  /** Name of the file below /lib/firmware. */
  readonly file: string;
}

export interface LinkFacts {
  readonly name: string;
  readonly hasCarrier: boolean;
  /** Mbit/s */
  readonly speed?: number;
  readonly driver?: string;
}

/** Runs `cat`, `dmesg`. */
export async function readDesktopFacts(system: System): Promise<DesktopFacts> {
  const [lockdown, keys, memory, log, platform, maker] = await Promise.all([
    readIfSeen(readLockdown(system)),
    readIfSeen(readKernelFile(system, "/proc/keys")),
    readIfSeen(readMemory(system)),
    readIfSeen(system.run(["dmesg"], { timeoutMs: 10_000 }).then(({ stdout }) => stdout)),
    // Documentation/ABI/testing/sysfs-firmware-efi: there with UEFI only
    readIfSeen(readKernelFile(system, "/sys/firmware/efi/fw_platform_size")),
    // what the firmware of any PC says of itself
    readIfSeen(readKernelFile(system, "/sys/class/dmi/id/bios_vendor")),
  ]);
  const firmware = platform !== undefined ? "UEFI" : maker !== undefined ? "BIOS" : undefined;
  const isSecureBoot = readSecureBootOf(log ?? "");
  return {
    lockdown,
    trustedKeys: keys === undefined ? undefined : parseTrustedKeys(keys),
    ...firmware === undefined ? {} : { firmware },
    ...isSecureBoot === undefined ? {} : { isSecureBoot },
    ...memory === undefined || memory.totalBytes === 0 ? {} : { memoryBytes: memory.totalBytes },
    ...log === undefined ? {} : { missingFirmware: listMissingFirmware(log) },
  };
}

async function readIfSeen<Value>(reading: Promise<Value | undefined>): Promise<Value | undefined> {
  return await reading.catch(() => undefined);
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

/**
 * "r8169 0000:02:00.0: firmware: failed to load rtl_nic/rtl8168g-3.fw (-2)", as Debian's kernel says it, and "…:
 * Direct firmware load for rtl_nic/rtl8168g-3.fw failed with error -2", as others do (drivers/base/firmware_loader).
 * Pure; for tests.
 */
export function listMissingFirmware(log: string): readonly MissingFirmware[] {
  const found = new Map<string, MissingFirmware>();
  for (const line of log.split("\n")) {
    // A driver may try again when the root file system is there.
    const loaded = /: firmware: direct-loading firmware (\S+)/.exec(line)?.[1];
    if (loaded !== undefined) found.delete(loaded);
    const match =
      /([\w-]+) \S+: (?:firmware: failed to load (\S+) \(|Direct firmware load for (\S+) failed)/.exec(line) ??
        [];
    const [, driver, file = match[3]] = match;
    // The database of radio rules is no card's; wired cards have no use for it.
    if (driver === undefined || file === undefined || file.startsWith("regulatory.db")) continue;
    found.set(file, { driver, file });
  }
  return [...found.values()];
}

/** Cards for cables as they are now, those with a cable first. Runs `ip`, `cat`. */
export async function readLinkFacts(system: System): Promise<readonly LinkFacts[]> {
  const links = await listLinks(system).catch(() => []);
  const facts = await Promise.all(
    links.filter(isCandidate).map(async ({ name, hasCarrier }) => {
      const [speed, uevent] = await Promise.all([
        readIfSeen(readLinkSpeed(system, name)),
        readIfSeen(readKernelFile(system, `/sys/class/net/${name}/device/uevent`)),
      ]);
      const driver = /^DRIVER=(\S+)$/m.exec(uevent ?? "")?.[1];
      return {
        name,
        hasCarrier,
        ...speed === undefined || !hasCarrier ? {} : { speed },
        ...driver === undefined ? {} : { driver },
      };
    }),
  );
  return facts.toSorted((a, b) => Number(b.hasCarrier) - Number(a.hasCarrier));
}
