/**
 * What `config.yaml` says, as values: `load_config.ts` makes it, everything else only reads it. It is deeply frozen.
 *
 * The keys of the file are those of the original Stiefelsystem (`boot.part.luks_block`,
 * `initrd.packing.exclude-paths`, …); here they are camelCase. doc/config.md lists every key with its default.
 */

import type { ArchitectureName } from "../architecture.ts";
import type { Mode } from "../formats/kernel_command_line.ts";
import type { Engine } from "../formats/engine.ts";
import type { Security } from "../formats/security.ts";
import type { TransportSetting } from "../protocol/session_groups.ts";

/** A name of `module_catalog.ts`, or one that `module-configs` gives a `url` to. */
export type ModuleName = string;

export interface Config {
  /** What the image is made of, always with `base`; look up with `.has("debug")`. */
  readonly modules: ReadonlySet<ModuleName>;
  readonly boot: BootConfig;
  readonly autokexec: AutokexecConfig;
  readonly serverSetup: ServerSetupConfig;
  /** As the image has to be: what the module `debug` changes is changed already. */
  readonly initrd: InitrdConfig;
  readonly image: ImageConfig;
  readonly block: BlockConfig;
  readonly server: ServerConfig;
  readonly network: NetworkConfig;
  readonly netboot: NetbootConfig;
  /**
   * One for each chosen module that is compiled from a source archive. `sha256` may still be missing: see
   * `requireDriverSource`.
   */
  readonly drivers: readonly DriverConfig[];
  readonly paths: PathsConfig;
}

/**
 * What the laptop shares and boots the desktop with. What is absent is found by the server agent on the disk itself.
 */
export interface BootConfig {
  /** Absolute path of the whole disk that is exported. */
  readonly disk?: string;
  readonly part?: BootPartConfig;
  readonly load?: BootLoadConfig;
}

/** The file system that holds kernel and initramfs. */
export type BootPartConfig =
  | { readonly type: "plain"; readonly block: string }
  /**
   * The passphrase of the desktop's user opens `luksBlock`; `block` is what appears then, a logical volume or a
   * /dev/mapper path; the same as `luksBlock` when the file system is right inside.
   */
  | { readonly type: "luks"; readonly block: string; readonly luksBlock: string };

export interface BootLoadConfig {
  /** Path on the boot partition; a leading "/boot/" or "/" may be there, as in the original. */
  readonly kernel: string;
  readonly initrd: string;
  /** Kernel parameters, joined by blanks. */
  readonly cmdline: readonly string[];
}

/** When the laptop's service turns it into a server. */
export interface AutokexecConfig {
  readonly broadcast: boolean;
  /** Lower case, with colons. Empty without `mac_detection`. */
  readonly macs: readonly string[];
  /** How long the restart is announced before, for people at the laptop to say no. */
  readonly countdownSeconds: number;
  /** After so long without a desktop the server ends as `server.onEnd` says; 0: never. */
  readonly clientTimeoutMinutes: number;
}

/** Where the image is put on the laptop, and with which kernel parameters it is started there. */
export interface ServerSetupConfig {
  readonly stiefelsystemKernel: string;
  readonly stiefelsystemInitrd: string;
  readonly cmdline: readonly string[];
}

export interface InitrdConfig {
  /** Debian packages that come on top of those of the modules. */
  readonly includePackages: readonly string[];
  /** Login shell of root. */
  readonly shell: string;
  /** Root's password with the module `debug`; without it the account is locked. */
  readonly password: string;
  /** Keymap of the console, for `parseKeymap`; absent: that of the machine that builds the image. */
  readonly keymap?: string;
  readonly packing: PackingConfig;
}

export interface PackingConfig {
  readonly compressor: Compressor;
  /** Relative to the image's root, no leading slash; a folder is left out with all it holds. */
  readonly excludePaths: readonly string[];
  /**
   * Debian packages whose files are left out; a name that is not installed means nothing. May carry an architecture,
   * as in "libss2:amd64".
   */
  readonly excludePackages: readonly string[];
}

export type CompressorProgram = "cat" | "gzip" | "pigz" | "zstd" | "xz" | "lz4" | "bzip2";

/**
 * A program that reads the archive from standard input and writes something the kernel can unpack to standard output.
 */
export interface Compressor {
  readonly program: CompressorProgram;
  readonly arguments: readonly string[];
}

export type AgentForm = "auto" | "compile" | "bundle";

export interface ImageConfig {
  /** Debian suite. */
  readonly suite: string;
  readonly architecture: ArchitectureName;
  /** Absent: what the host's own apt uses, else Debian's. */
  readonly mirror?: string;
  /** State of Debian's archive: "20260905T081400Z". */
  readonly snapshot?: string;
  readonly agents: AgentForm;
  /** Firmware files for network cards. */
  readonly firmware: boolean;
}

/** How the disk gets to the desktop. */
export interface BlockConfig {
  readonly security: Security;
  readonly transport: TransportSetting;
  readonly mode: Mode;
  /** What lends the disk in place of the laptop (doc/fleet.md). */
  readonly engine?: EngineConfig;
}

export interface EngineConfig {
  readonly target: Engine;
  /** Path of a file that holds the secrets by which it knows the desktop. */
  readonly secretFile?: string;
}

export type OnEnd = "reboot" | "poweroff" | "wait";

/** Cards of the laptop by their MAC addresses, in lower case. */
export interface PassOn {
  /** With the network. */
  readonly from: readonly string[];
  /** To desktops. */
  readonly to: readonly string[];
}

export interface ServerConfig {
  /** What the laptop does when the desktop has gone. */
  readonly onEnd: OnEnd;
  /** Shown on the desktop; absent: the laptop's host name. */
  readonly name?: string;
  /** Absent: the desktop gets no network of the laptop's. */
  readonly passOn?: PassOn;
}

/** The way between laptop and desktop. */
export interface NetworkConfig {
  /** Number of the VLAN on which they meet; absent: the cards themselves. */
  readonly vlan?: number;
}

/** Starting desktops over the network. */
export interface NetbootConfig {
  /** MAC addresses of the laptop's cards, lower case, with colons. None: it is off. */
  readonly links: readonly string[];
  /** Kernel parameters of the desktops, beside the usual ones. */
  readonly cmdline: readonly string[];
}

export interface DebugModuleConfig {
  readonly betterShell: string;
  readonly dontExcludePackages: boolean;
  readonly dontExcludePaths: boolean;
  readonly fasterCompressor: Compressor;
  readonly extraPackages: readonly string[];
}

/** A driver or program that is compiled from source in a throw-away build root. */
export interface DriverConfig {
  readonly name: ModuleName;
  /** https:// or file:// address of a tar archive, or with `commit` of a git repository. */
  readonly url: string;
  /** 64 lower case hex digits: of the archive. */
  readonly sha256?: string;
  /** 40 lower case hex digits. */
  readonly commit?: string;
  /**
   * Arguments of `make`, which runs in the unpacked source folder. `{kernelBuild}` stands for the folder of the
   * kernel's headers, `{kernelVersion}` for its version, `{source}` for the source folder.
   */
  readonly makeArguments: readonly string[];
  /** Kernel modules to install, without ".ko". */
  readonly moduleNames: readonly string[];
  readonly files: readonly DriverFile[];
  /** Program to keep running in the image. */
  readonly service?: DriverService;
}

/** A file to copy from the source folder into the image. */
export interface DriverFile {
  readonly from: string;
  /** Absolute path inside the image. */
  readonly to: string;
  readonly mode: number;
}

export interface DriverService {
  readonly argv: readonly string[];
}

/** As written; relative ones are relative to the config file's folder: see `lib/paths.ts`. */
export interface PathsConfig {
  /** Absent: the user's cache folder. */
  readonly cache?: string;
  /** Where results go; absent: "build". */
  readonly workdir?: string;
}
