/**
 * A virtual machine as a value, and the QEMU command line it stands for. Pure; `run_vm.ts` starts it.
 *
 * Written for QEMU 7.2 (Debian 12) and later; what only newer ones know is asked of `QemuHost`.
 */

import { type ArchitectureName, architectures, usualArchitecture } from "../architecture.ts";

export interface VmDisk {
  /** An image file. */
  readonly path: string;
  readonly format: "raw" | "qcow2";
  /** Shows up in the guest as `/dev/disk/by-id/virtio-SERIAL`; at most 20 characters (virtio-blk). */
  readonly serial?: string;
  /** Real disks with 4096-byte sectors have partition tables that do not fit 512. Default 512. */
  readonly logicalBlockSizeBytes?: 512 | 4096;
  readonly isReadOnly?: boolean;
}

/** A network cable: two machines with the same `socketPath`, one listening and one connecting. */
export interface VmLink {
  /** QEMU's name of it, for `set_link`. */
  readonly id: string;
  readonly mac: string;
  /** Relative to the run directory: the path of a unix socket has at most 107 bytes (unix(7)). */
  readonly socketPath: string;
  readonly end: "listening" | "connecting";
  /** Default virtio-net-pci. */
  readonly model?: "virtio-net-pci" | "e1000e";
  /** Its card can be unplugged and plugged in again while the machine runs: QEMU's names of its slot and of it. */
  readonly slot?: { readonly bus: string; readonly device: string };
}

export type VmBoot =
  /** A kernel given directly, as a boot loader would; SeaBIOS runs before it. */
  | { readonly kind: "kernel"; readonly kernel: string; readonly initrd: string; readonly commandLine: string }
  /** What the firmware finds on the first disk. */
  | { readonly kind: "disk" }
  /** What the firmware is given over the first link; with UEFI by HTTP only, or by TFTP first. */
  | { readonly kind: "network"; readonly uefiBy?: "http" };

/** UEFI firmware that starts signed programs only, if its variables hold the keys for that (OVMF). */
export interface UefiFirmware {
  /** The program itself; only read. Built with SMM: nothing but the firmware can then change its variables. */
  readonly codePath: string;
  /** Its variables, written to: a copy for this machine alone. */
  readonly variablesPath: string;
}

export interface VmSpec {
  readonly name: string;
  /** Default amd64; another one is emulated on any machine. */
  readonly architecture?: ArchitectureName;
  readonly memoryMiB: number;
  /** Default 1. */
  readonly cpus?: number;
  /** Default: a BIOS, where there is such. */
  readonly firmware?: UefiFirmware;
  readonly boot: VmBoot;
  readonly disks: readonly VmDisk[];
  readonly links: readonly VmLink[];
  /**
   * Start again when the guest restarts itself, as a real machine does. Default: end, so that a run sees a panic or a
   * failed boot.
   */
  readonly restarts?: boolean;
  /** systemd credentials, handed over as SMBIOS type 11 strings (systemd.system-credentials(7)). */
  readonly credentials?: Readonly<Record<string, string>>;
  /**
   * `pipe`: the serial console is QEMU's standard output, for a program; `terminal`: the user's terminal, with QEMU's
   * own keys (Ctrl-A x ends it).
   */
  readonly console: "pipe" | "terminal";
  /** QEMU writes what comes over the serial console here as well, at once and as it is. */
  readonly rawLogPath?: string;
  /** The FIFOs PATH.in and PATH.out through which `qmp.ts` talks to this machine. */
  readonly controlPath?: string;
  /** Further words of the command line: what only one machine has. */
  readonly arguments?: readonly string[];
}

/** What the machine we run on can do. */
export interface QemuHost {
  readonly accelerator: "kvm" | "tcg";
  readonly version: { readonly major: number; readonly minor: number };
}

/**
 * From which version on `-netdev stream` reconnects by itself, and since when the interval is in milliseconds (QEMU's
 * release notes).
 */
const reconnectSince = { major: 8, minor: 0 };
const reconnectMsSince = { major: 9, minor: 2 };

/**
 * All that QEMU can emulate, without vector instructions beyond SSE2: each is a call for it. Linux' ChaCha20 with SSSE3
 * and AVX2 has a sixth and a quarter of the speed that the same has in C, Poly1305 with AVX and AVX2 a seventh and a
 * quarter, and other programs gain nothing by them (doc/testing.md, "Figures"). Features that build on each other go
 * together: Linux' drivers for AES, PCLMULQDQ and SHA (which QEMU emulates from 8.2 on) use SSSE3 and SSE4.1 without
 * asking for them, and fail. Nor the promise that "rep movsb" and "rep stosb" are quick (erms, fsrm): QEMU emulates
 * them byte by byte, and without it Linux copies and clears eight bytes at a time.
 */
const emulatedCpus: Readonly<Record<ArchitectureName, string>> = {
  amd64: "max,-ssse3,-sse4.1,-sse4.2,-avx,-avx2,-f16c,-fma,-aes,-pclmulqdq,-sha-ni,-erms,-fsrm",
  // Return addresses are signed by a simpler sum: the architecture's own takes half of the time (QEMU, "Arm CPU
  // Features").
  arm64: "max,pauth-impdef=on",
};

const machineTypes: Readonly<Record<ArchitectureName, string>> = { amd64: "q35", arm64: "virt" };

export function qemuProgram(architecture: ArchitectureName): string {
  // In full, as lib/grants.ts grants it: other machines are those of tests.
  return architecture === usualArchitecture
    ? "qemu-system-x86_64"
    : `qemu-system-${architectures[architecture].machine}`;
}

/** The command line that starts `spec`: program and arguments. */
export function formatQemuArguments(spec: VmSpec, host: QemuHost): string[] {
  const { architecture = usualArchitecture, firmware } = spec;
  const argv = [qemuProgram(architecture), "-name", spec.name];
  // Only what is named here: no default devices, no user's configuration file.
  argv.push("-no-user-config", "-nodefaults", "-display", "none");
  const hasSmm = firmware !== undefined && architecture === usualArchitecture;
  argv.push("-machine", hasSmm ? "q35,smm=on" : machineTypes[architecture], "-accel", accelerator(host));
  argv.push("-cpu", host.accelerator === "kvm" ? "host" : emulatedCpus[architecture], "-smp", String(spec.cpus ?? 1));
  argv.push("-m", `${spec.memoryMiB}M`);
  if (!spec.restarts) argv.push("-no-reboot");
  if (firmware !== undefined) argv.push(...firmwareArguments(firmware, hasSmm));
  argv.push("-device", "virtio-rng-pci");
  argv.push(...consoleArguments(spec));
  if (spec.controlPath !== undefined) {
    argv.push(
      "-chardev",
      `pipe,id=control,path=${escapeValue(spec.controlPath)}`,
      "-mon",
      "chardev=control,mode=control",
    );
  }
  if (spec.boot.kind === "kernel") {
    argv.push("-kernel", spec.boot.kernel, "-initrd", spec.boot.initrd, "-append", spec.boot.commandLine);
  }
  spec.disks.forEach((disk, index) => argv.push(...diskArguments(disk, index, spec.boot.kind)));
  spec.links.forEach((link, index) => argv.push(...linkArguments(link, host, index === 0 ? spec : undefined)));
  if (spec.boot.kind === "network" && spec.boot.uefiBy === "http") {
    // OvmfPkg/README: what the firmware does not try.
    for (const name of ["IPv4PXESupport", "IPv6PXESupport"]) {
      argv.push("-fw_cfg", `name=opt/org.tianocore/${name},string=no`);
    }
  }
  for (const [name, value] of Object.entries(spec.credentials ?? {})) {
    argv.push("-smbios", `type=11,value=${escapeValue(`io.systemd.credential:${name}=${value}`)}`);
  }
  argv.push(...spec.arguments ?? []);
  return argv;
}

/**
 * Emulation keeps what it has translated of a guest's programs until its buffer, a gigabyte by default, is full; and
 * each write to memory that ever held a program first looks for that. After a kexec a kernel works in such memory:
 * with a small buffer, it unpacks its initramfs in a quarter of the time, as it would on a real machine, and a machine
 * that starts once takes as long as before.
 */
function accelerator({ accelerator }: QemuHost): string {
  return accelerator === "tcg" ? "tcg,tb-size=128" : accelerator;
}

/**
 * OvmfPkg/README: flash that only the firmware's own mode (SMM, of amd64) may write to, and no suspend, which that
 * would need a file for.
 */
function firmwareArguments({ codePath, variablesPath }: UefiFirmware, hasSmm: boolean): string[] {
  return [
    ...hasSmm ? ["-global", "driver=cfi.pflash01,property=secure,value=on", "-global", "ICH9-LPC.disable_s3=1"] : [],
    "-drive",
    `if=pflash,unit=0,format=raw,readonly=on,file=${escapeValue(codePath)}`,
    "-drive",
    `if=pflash,unit=1,format=raw,file=${escapeValue(variablesPath)}`,
  ];
}

function consoleArguments({ console, rawLogPath }: VmSpec): string[] {
  const log = rawLogPath === undefined ? "" : `,logfile=${escapeValue(rawLogPath)}`;
  return console === "terminal"
    ? ["-chardev", `stdio,id=console,mux=on,signal=off${log}`, "-serial", "chardev:console", "-mon", "chardev=console"]
    : ["-chardev", `stdio,id=console,signal=off${log}`, "-serial", "chardev:console"];
}

function diskArguments(disk: VmDisk, index: number, boot: VmBoot["kind"]): string[] {
  const id = `disk${index}`;
  const device = [
    "virtio-blk-pci",
    `drive=${id}`,
    // A kernel given directly takes the first place itself.
    ...(boot === "disk" && index === 0 ? ["bootindex=0"] : []),
    ...(disk.serial === undefined ? [] : [`serial=${escapeValue(disk.serial)}`]),
    ...(disk.logicalBlockSizeBytes === undefined
      ? []
      : [`logical_block_size=${disk.logicalBlockSizeBytes}`, `physical_block_size=${disk.logicalBlockSizeBytes}`]),
  ];
  return [
    "-drive",
    `if=none,id=${id},format=${disk.format},${disk.isReadOnly ? "readonly=on" : "discard=unmap"},file=${
      escapeValue(disk.path)
    }`,
    "-device",
    device.join(","),
  ];
}

/** @param spec for the link that the firmware may start from */
function linkArguments(link: VmLink, host: QemuHost, spec: VmSpec | undefined): string[] {
  const netdev = [
    "stream",
    `id=${link.id}`,
    `server=${link.end === "listening" ? "on" : "off"}`,
    "addr.type=unix",
    `addr.path=${escapeValue(link.socketPath)}`,
    // A cable that can be plugged in again when the other machine was started anew.
    ...(link.end === "connecting" ? reconnectOption(host.version) : []),
  ];
  const { slot } = link;
  return [
    "-netdev",
    netdev.join(","),
    ...slot === undefined ? [] : ["-device", `pcie-root-port,id=${slot.bus}`],
    "-device",
    `${link.model ?? "virtio-net-pci"},netdev=${link.id},mac=${link.mac}${startOption(spec)}` +
    (slot === undefined ? "" : `,bus=${slot.bus},id=${slot.device}`),
  ];
}

/** A BIOS starts over the network by the card's own program (iPXE); UEFI has one of its own. */
function startOption(spec: VmSpec | undefined): string {
  if (spec?.boot.kind !== "network") return ",romfile=";
  return spec.firmware === undefined ? ",bootindex=0" : ",bootindex=0,romfile=";
}

function reconnectOption(version: QemuHost["version"]): string[] {
  if (isAtLeast(version, reconnectMsSince)) return ["reconnect-ms=1000"];
  return isAtLeast(version, reconnectSince) ? ["reconnect=1"] : [];
}

/** Whether the connecting end of a link needs the other one to be there already. */
export function needsListenerFirst(host: QemuHost): boolean {
  return !isAtLeast(host.version, reconnectSince);
}

function isAtLeast(version: QemuHost["version"], minimum: QemuHost["version"]): boolean {
  return version.major > minimum.major || (version.major === minimum.major && version.minor >= minimum.minor);
}

/** QEMU's option lists are separated by commas; a comma inside a value is doubled (qemu(1)). */
function escapeValue(value: string): string {
  return value.replaceAll(",", ",,");
}

/** The version in the first line of `qemu-system-x86_64 --version`; undefined when it says something else. */
export function parseQemuVersion(text: string): QemuHost["version"] | undefined {
  const match = /^QEMU emulator version (\d+)\.(\d+)/.exec(text);
  return match === null ? undefined : { major: Number(match[1]), minor: Number(match[2]) };
}
