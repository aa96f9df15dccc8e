/**
 * Which Debian package has the firmware of a wired network card. Data, and a look into it.
 * Source: the lists of files of Debian 13's firmware packages (firmware-nonfree 20250410-2), as far as wired drivers of
 * its kernel name them.
 */

/** Package to what its files below /usr/lib/firmware begin with. */
const packages: Readonly<Record<string, readonly string[]>> = {
  "firmware-realtek": ["rtl_nic/"],
  "firmware-bnx2": ["bnx2/"],
  "firmware-bnx2x": ["bnx2x/"],
  "firmware-misc-nonfree": ["3com/", "airoha/", "cxgb3/", "cxgb4/", "kaweth/", "microchip/", "tehuti/", "tigon/"],
  "firmware-intel-misc": ["e100/", "intel/ice/"],
  "firmware-myricom": ["myri10ge_"],
  "firmware-netxen": ["phanfw.bin"],
  // cbfw, ctfw and ct2fw are those of bna.
  "firmware-qlogic": ["qed/", "cbfw-", "ctfw-", "ct2fw-"],
};

/** What an image has when nothing else is asked for (`image.firmware`): what cards of desktops and laptops need. */
export const usualFirmwarePackages = [
  "firmware-realtek",
  "firmware-bnx2",
  "firmware-bnx2x",
  "firmware-misc-nonfree",
] as const satisfies readonly (keyof typeof packages)[];

/** @param file below /usr/lib/firmware, as the kernel names it. @returns undefined: it is not known here */
export function firmwarePackageOf(file: string): string | undefined {
  return Object.keys(packages).find((name) => packages[name]?.some((start) => file.startsWith(start)));
}
