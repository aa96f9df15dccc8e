/**
 * What setting up a laptop has to know about a distribution. One data file each; adding one is described in
 * doc/distros/README.md.
 */

import type { GeneratorId } from "../initramfs/generator.ts";

export interface Distribution {
  /** The name in our own words; also that of its page in doc/distros/. */
  readonly id: string;
  readonly name: string;
  /** Values of ID= in /etc/os-release (os-release(5)); derivatives are found by ID_LIKE=. */
  readonly osReleaseIds: readonly string[];
  /** Generators it can have, the one of a fresh install first. */
  readonly generators: readonly GeneratorId[];
  /** From this VERSION_ID= on, another generator is that of a fresh install. */
  readonly newDefault?: { readonly sinceVersion: string; readonly generator: GeneratorId };
  /** Package that brings each program, those of transports and of building the image included. */
  readonly packages: Readonly<Record<"ip" | "kexec", string>> & Readonly<Record<string, string>>;
  /** Installs packages; their names follow. */
  readonly installCommand: readonly string[];
  /** Folders below image/host/ with what its packages call when a kernel comes or goes; for a separate initramfs. */
  readonly kernelHooks: readonly string[];
  /**
   * Where kernel images are: `{release}` is `uname -r`, `{base}` the name in /usr/lib/modules/RELEASE/pkgbase, `*` any
   * one directory.
   */
  readonly kernelImages: readonly string[];
}

/** Packages of the programs that a container or a very small system may lack, in the words of `packages`. */
export function basicPackages(
  { coreutils, mount, kmod, udev }: Readonly<Record<"coreutils" | "mount" | "kmod" | "udev", string>>,
): Readonly<Record<string, string>> {
  return {
    ...Object.fromEntries(["timeout", "mkdir", "mkfifo", "mv", "sleep", "ln", "dd"].map((name) => [name, coreutils])),
    mount,
    umount: mount,
    modprobe: kmod,
    depmod: kmod,
    udevadm: udev,
  };
}

/** What to install for programs, each package once; a program that no package is known for stands for itself. */
export function packagesFor(distribution: Distribution | undefined, programs: readonly string[]): readonly string[] {
  return [...new Set(programs.map((program) => distribution?.packages[program] ?? program))];
}
