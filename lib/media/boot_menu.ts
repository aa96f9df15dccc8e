/**
 * The menu of a stick: one list of entries, from which the configurations of both boot loaders are made. Pure.
 *
 * systemd-boot reads loader/loader.conf and loader/entries/*.conf (loader.conf(5), UAPI.1 Boot Loader Specification),
 * GRUB its grub.cfg.
 */

import type { ArchitectureName } from "../architecture.ts";
import { STICK_PARAMETER } from "../formats/kernel_command_line.ts";
import { demandMenuParameters } from "../formats/menu_parameter.ts";
import { desktopParametersFor } from "../image/quick_parameters.ts";

export interface MenuEntry {
  /** Name of its file: letters, digits and hyphens. Sorted, they have the menu's order. */
  readonly id: string;
  readonly title: string;
  /** Beside the role. */
  readonly parameters: readonly string[];
}

export interface MenuOptions {
  /** Default amd64. */
  readonly architecture?: ArchitectureName;
  /** The image was built with the module `debug`: it has a shell and a password for it. */
  readonly isDebug: boolean;
  /** Kernel parameters for each entry. */
  readonly parameters?: readonly string[];
  /** UUID of the stick's partition for a second boot. */
  readonly placeUuid?: string | undefined;
}

/** How long the menu waits for a key: each start pays for it. A key that is pressed before the menu is there counts. */
const menuSeconds = 1;

/** The first is the one that starts by itself. */
export function listMenuEntries(
  { architecture, isDebug, parameters = [], placeUuid }: MenuOptions,
): readonly MenuEntry[] {
  const place = placeUuid === undefined ? [] : [`${STICK_PARAMETER}=${placeUuid}`];
  const entries: MenuEntry[] = [
    { id: "1-laptop", title: "Start the laptop's system", parameters: [] },
    // Documentation/admin-guide/kernel-parameters.txt: no driver takes the graphics over from the firmware.
    { id: "2-safe-graphics", title: "Start the laptop's system with safe graphics", parameters: ["nomodeset"] },
    {
      id: "3-try",
      title: "Try the laptop's system: all changes are thrown away",
      parameters: ["stiefel.mode=try"],
    },
    ...isDebug ? [{ id: "4-rescue", title: "Rescue shell", parameters: ["stiefel.rescue"] }] : [],
  ];
  return entries.map((entry) => ({
    ...entry,
    parameters: [
      "stiefel.role=client",
      ...desktopParametersFor(architecture),
      ...entry.parameters,
      ...place,
      ...parameters,
    ],
  }));
}

export interface MenuFiles {
  /** Paths on the file system of the stick, without a slash at the start. */
  readonly kernel: string;
  /** In the order in which the kernel unpacks them. */
  readonly initrds: readonly string[];
  /** A partition may bring an entry that comes before all of these, once. */
  readonly hasPlace?: boolean;
}

/** By path. @throws {UserError} for a parameter that a menu cannot hold */
export function formatMenu(entries: readonly MenuEntry[], files: MenuFiles): Readonly<Record<string, string>> {
  for (const { id, title, parameters } of entries) {
    if (!/^[a-z0-9-]+$/.test(id) || /["$`\\\n]/.test(title)) throw new TypeError(`Not an entry of a menu: "${id}"`);
    demandMenuParameters(parameters, (bad) => `A boot menu cannot hold the kernel parameter "${bad}"`);
  }
  return {
    "loader/loader.conf": formatLoaderConfig(entries, files),
    ...Object.fromEntries(entries.map((entry) => [`loader/entries/${entry.id}.conf`, formatLoaderEntry(entry, files)])),
    "boot/grub/grub.cfg": formatGrubMenu(entries, files),
  };
}

function formatLoaderConfig(entries: readonly MenuEntry[], { hasPlace = false }: MenuFiles): string {
  return lines([
    `timeout ${menuSeconds}`,
    // Without it the order counts, in which an entry with no try left comes last.
    ...hasPlace ? [] : [`default ${entries[0]?.id}.conf`],
    // Nothing but this stick, and no key of the desktop's firmware.
    "auto-entries no",
    "auto-firmware yes",
    "secure-boot-enroll off",
    "editor no",
    "console-mode keep",
  ]);
}

function formatLoaderEntry({ id, title, parameters }: MenuEntry, { kernel, initrds }: MenuFiles): string {
  return lines([
    `title ${title}`,
    `sort-key ${id}`,
    `linux /${kernel}`,
    ...initrds.map((initrd) => `initrd /${initrd}`),
    `options ${parameters.join(" ")}`,
  ]);
}

/** Without insmod: what is needed is built into GRUB, and a signed one loads nothing. */
function formatGrubMenu(entries: readonly MenuEntry[], { kernel, initrds }: MenuFiles): string {
  return lines([
    "set default=0",
    `set timeout=${menuSeconds}`,
    ...entries.flatMap(({ title, parameters }) => [
      `menuentry "${title}" {`,
      `  linux /${kernel} ${parameters.join(" ")}`,
      `  initrd ${initrds.map((initrd) => `/${initrd}`).join(" ")}`,
      "}",
    ]),
    // A BIOS has no way to ask for its settings.
    'if [ "$grub_platform" = efi ]; then',
    '  menuentry "Settings of the firmware" {',
    "    fwsetup",
    "  }",
    "fi",
    'menuentry "Restart" {',
    "  reboot",
    "}",
  ]);
}

function lines(list: readonly string[]): string {
  return list.map((line) => `${line}\n`).join("");
}
