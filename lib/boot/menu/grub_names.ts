/**
 * Words and numbers of GRUB that its scripts meet. Data. Source: GRUB, include/grub/err.h, grub-core/normal/main.c.
 */

import type { Menu } from "./grub_menu.ts";

/** Results of commands. */
export const result = { done: 0, false: 1, notFound: 5, invalidCommand: 17, badArgument: 18 } as const;

/** Set by GRUB itself; grub-mkconfig's scripts ask for them. */
export const builtInVariables: readonly (readonly [string, string])[] = [
  ["grub_cpu", "x86_64"],
  ["grub_platform", "efi"],
  ...[
    "chainloader_bpb",
    "ntldr",
    "platform_search_hint",
    "default_font_path",
    "all_video_module",
    "menuentry_id",
    "menuentry_options",
    "200_final",
    "nativedisk_cmd",
    "timeout_style",
  ].map((name) => [`feature_${name}`, "y"] as const),
];

/** GRUB looks for a command first, so a function cannot take the place of one of these. */
const commandNames = new Set(
  ("set unset [ test false menuentry submenu linux initrd load_env source . configfile normal search eval shift setparams return break " +
    "continue boot exit halt reboot").split(" "),
);

export function isCommandName(name: string): boolean {
  return commandNames.has(name);
}

/** Commands that prepare GRUB itself, its screen or the machine, or only print: taken as done. */
const quietCommands = new Set(
  ("acpi authenticate background_color background_image badram blocklist cat clear cmosclean cmosset cpuid crc cryptomount cutmem date " +
    "devicetree drivemap echo efiemu_loadcore efitextmode export fakebios file fix_video fwsetup gettext gptsync hashsum hdparm help " +
    "hexdump hello insmod keymap legacy_initrd list_env list_trusted loadbios loadfont loopback ls lsacpi lsefi lsfonts lsmmap lsmod lspci " +
    "md5sum module module2 nativedisk normal_exit outb outl outw parttool password password_pbkdf2 play read rmmod save_env serial setpci " +
    "sha1sum sha256sum sha512sum sleep smbios terminal_input terminal_output terminfo time tr true trust truecrypt usb vbeinfo version " +
    "videoinfo xen_module zfs-bootfs zfsinfo").split(" "),
);

export function isQuietCommand(command: string): boolean {
  return quietCommands.has(command);
}

const loaders: Readonly<Record<string, string>> = {
  chainloader: "an EFI program or a boot sector",
  multiboot: "a multiboot kernel",
  multiboot2: "a multiboot kernel",
  xen_hypervisor: "Xen",
  ntldr: "Windows",
  freedos: "FreeDOS",
  appleloader: "macOS",
  xnu_kernel: "macOS",
  xnu_kernel64: "macOS",
  kfreebsd: "FreeBSD",
  knetbsd: "NetBSD",
  kopenbsd: "OpenBSD",
};

/** @returns what a command starts that is no Linux; undefined for other commands */
export function findLoaderKind(command: string): string | undefined {
  return Object.hasOwn(loaders, command) ? loaders[command] : undefined;
}

interface LeaveDetails {
  /** Loops to leave. */
  readonly levels?: number;
  /** Result of the function. */
  readonly code?: number;
  readonly menu?: Menu;
}

/** Control flow that leaves more than one statement. */
export class Leave {
  readonly levels: number;
  readonly code: number;
  /** The menu that is shown instead. */
  readonly menu: Menu | undefined;

  constructor(
    readonly what: "return" | "break" | "continue" | "boot" | "exit" | "menu" | "stop",
    { levels = 1, code = 0, menu }: LeaveDetails = {},
  ) {
    this.levels = levels;
    this.code = code;
    this.menu = menu;
  }
}
