/** The processor architectures of images, and what each is called by those who name it otherwise. Data; pure. */

interface Architecture {
  /** By the kernel (uname(2)), by Deno, and in the name of QEMU's program. */
  readonly machine: string;
  /** Of the folders of shared libraries. */
  readonly triplet: string;
  /** glibc's, which starts programs: ld.so(8). */
  readonly dynamicLoader: string;
  /** Of every program's header (elf(5), e_machine; the gABI's list of numbers). */
  readonly elfMachine: number;
  readonly deno: {
    /** What `deno compile --target` takes. */
    readonly target: string;
    /** The package of the npm registry that holds the program `deno`. */
    readonly package: string;
  };
  /** In the names of programs for UEFI (UEFI specification, 3.5.1.1). */
  readonly uefi: string;
  /** The serial line that QEMU's machines have. */
  readonly serialLine: string;
}

/** By the names that Debian has for them. */
export const architectures = {
  amd64: {
    machine: "x86_64",
    triplet: "x86_64-linux-gnu",
    dynamicLoader: "/lib64/ld-linux-x86-64.so.2",
    elfMachine: 62,
    deno: { target: "x86_64-unknown-linux-gnu", package: "@deno/linux-x64-glibc" },
    uefi: "x64",
    serialLine: "ttyS0",
  },
  arm64: {
    machine: "aarch64",
    triplet: "aarch64-linux-gnu",
    dynamicLoader: "/lib/ld-linux-aarch64.so.1",
    elfMachine: 183,
    deno: { target: "aarch64-unknown-linux-gnu", package: "@deno/linux-arm64-glibc" },
    uefi: "aa64",
    serialLine: "ttyAMA0",
  },
} as const satisfies Readonly<Record<string, Architecture>>;

export type ArchitectureName = keyof typeof architectures;

export const architectureNames = Object.keys(architectures) as readonly ArchitectureName[];
/** What is taken where nothing else is named. */
export const usualArchitecture: ArchitectureName = "amd64";

/** @param machine as the kernel or Deno names it @returns undefined for one that no image is made for */
export function findArchitecture(machine: string): ArchitectureName | undefined {
  return architectureNames.find((name) => architectures[name].machine === machine);
}

/**
 * What a desktop tells of its processor: nothing when that is the usual one, of which all were before there was
 * another; else Debian's name, or the kernel's where no image is made for it.
 */
export function processorOnWire(machine: string): string | undefined {
  const name = findArchitecture(machine) ?? machine;
  return name === usualArchitecture ? undefined : name;
}

/** @returns why this desktop cannot run the laptop's system; undefined when it can */
export function findOtherProcessor(
  { laptop, desktop }: { readonly laptop: string; readonly desktop: string | undefined },
): string | undefined {
  const own = processorOnWire(laptop);
  if (own === desktop) return undefined;
  const [its, desktops] = [own ?? usualArchitecture, desktop ?? usualArchitecture];
  return `The laptop's system is for ${its}, and the desktop's processor is ${desktops}: it cannot run it`;
}
