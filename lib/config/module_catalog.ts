/** What the entries of `modules` in the configuration put into the image and leave out of it: data only. */

import type { DriverFile, DriverService } from "./config.ts";

export interface Module {
  readonly name: string;
  /** In every image, whether it is written in the configuration or not. */
  readonly isAlwaysOn?: boolean;
  /** Describes the laptop's own system; at most one of these is chosen, and the image does not depend on it. */
  readonly isPayloadSystem?: boolean;
  /** Debian packages. */
  readonly packages: readonly string[];
  /**
   * Kernel modules or folders of them, relative to /lib/modules/VERSION/kernel, without ".ko"; what they depend on
   * comes with them.
   */
  readonly kernelModules: readonly string[];
  /** Compiled from source when the module is chosen. */
  readonly driver?: DriverRecipe;
}

/**
 * How a source becomes part of the image; another one than this can be named in the configuration
 * (`module-configs.NAME`).
 */
export interface DriverRecipe {
  /** A git repository, and the commit that is taken: its id is a hash of all that is in it. */
  readonly source: { readonly url: string; readonly commit: string };
  readonly makeArguments: readonly string[];
  readonly moduleNames: readonly string[];
  readonly files: readonly DriverFile[];
  readonly service?: DriverService;
}

/** Builds any source folder with a kbuild file; used for drivers that the catalog does not know. */
export const KBUILD_ARGUMENTS: readonly string[] = ["-C", "{kernelBuild}", "M={source}", "modules"];

const PAYLOAD_SYSTEM = { isPayloadSystem: true, packages: [], kernelModules: [] } as const;

export const MODULE_CATALOG: readonly Module[] = [
  // kernel, agents, disks, file systems and wired network cards; in every image
  {
    name: "base",
    isAlwaysOn: true,
    // lib/image has the lists: what it takes of a package is decided beside them.
    packages: [],
    kernelModules: [],
  },
  // a root login, tools, nothing left out; a much larger image
  {
    name: "debug",
    // The packages are those of module-configs.debug.extra-packages: the loader has added them to
    // initrd.include-packages.
    packages: [],
    kernelModules: [],
  },
  // the laptop runs Debian or Ubuntu with initramfs-tools
  { name: "system-debian", ...PAYLOAD_SYSTEM },
  // the laptop runs Arch Linux with mkinitcpio
  { name: "system-arch", ...PAYLOAD_SYSTEM },
  // the laptop runs Arch Linux with dracut
  { name: "system-arch-dracut", ...PAYLOAD_SYSTEM },
  // the laptop runs Gentoo with dracut
  { name: "system-gentoo", ...PAYLOAD_SYSTEM },
  // a picture from Intel graphics after kexec
  {
    name: "i915",
    packages: ["firmware-intel-graphics"],
    kernelModules: ["drivers/gpu/drm/i915"],
  },
  // Realtek's own driver for its USB network cards, newer than the kernel's
  {
    name: "r8152",
    packages: [],
    kernelModules: [],
    driver: {
      // tag v2.20.1.20250814
      source: {
        url: "https://github.com/wget/realtek-r8152-linux.git",
        commit: "b4effa4f4a573f76b3a95c055d037712fa35b57d",
      },
      makeArguments: ["KERNELDIR={kernelBuild}", "modules"],
      moduleNames: ["r8152"],
      // The rule keeps the card from being driven by cdc_ncm at half duplex.
      files: [{ from: "50-usb-realtek-net.rules", to: "/etc/udev/rules.d/50-usb-realtek-net.rules", mode: 0o644 }],
    },
  },
  // fan control for Clevo notebooks
  {
    name: "clevo-fancontrol",
    packages: [],
    kernelModules: ["drivers/acpi/ec_sys"],
    driver: {
      // tag 1.0
      source: {
        url: "https://github.com/mic-e/clevo-fancontrol.git",
        commit: "8caf39918cafbd61e8e9bbbdbd32b951b5d1ac00",
      },
      makeArguments: [],
      moduleNames: [],
      files: [{ from: "clevo-fancontrol", to: "/usr/local/bin/clevo-fancontrol", mode: 0o755 }],
      service: { argv: ["/usr/local/bin/clevo-fancontrol"] },
    },
  },
];

/** Modules of earlier configurations, which do nothing any more, and why. */
export const formerModules: ReadonlyMap<string, string> = new Map([
  ["nbd", "every image exports disks"],
  ["lvm", "every image reads LVM"],
]);

/** @returns the catalog's entry, or undefined for a module that only the configuration describes */
export function findModule(name: string): Module | undefined {
  return MODULE_CATALOG.find((module) => module.name === name);
}
