/** What is in the file system of a stick. Pure. */

import { type ArchitectureName, architectures } from "../architecture.ts";
import { loaderNames } from "../debian/boot_loaders.ts";
import { formatMenu, listMenuEntries, type MenuOptions } from "./boot_menu.ts";
import { formatStickRecord, type StickRecord, stickRecordPath } from "./stick_record.ts";

/** Names of files, and what is in them. */
export interface StickParts {
  readonly architecture: ArchitectureName;
  readonly kernel: Uint8Array;
  /** In the order in which the kernel unpacks them; by what an update changes: base, agents, key. */
  readonly initrds: readonly { readonly name: string; readonly bytes: Uint8Array }[];
  /** Of Debian's boot loaders. */
  readonly shim: Uint8Array;
  readonly mokManager: Uint8Array;
  /** What shim starts: signed systemd-boot or GRUB. */
  readonly secondStage: Uint8Array;
}

export interface StickFile {
  /** Without a slash at the start. */
  readonly path: string;
  readonly bytes: Uint8Array;
}

/** Our own folder on the stick. */
const folder = "stiefel";

/** Whether a file of a stick has keys in it (stick_parts.ts). */
export function holdsKeys(path: string): boolean {
  return path === `${folder}/key.img` || path === `${folder}/keys.img`;
}

/** What firmware starts that knows nothing of this disk (UEFI specification, 3.5.1.1). */
export function firmwarePath(architecture: ArchitectureName): string {
  return `EFI/BOOT/BOOT${architectures[architecture].uefi.toUpperCase()}.EFI`;
}

/** In the order in which they come to lie on a new stick. */
export function listStickFiles(
  parts: StickParts,
  { menu, record }: { readonly menu: MenuOptions; readonly record: StickRecord },
): readonly StickFile[] {
  const text = (value: string): Uint8Array => new TextEncoder().encode(value);
  const names = loaderNames(parts.architecture);
  const kernel = { path: `${folder}/kernel`, bytes: parts.kernel };
  const initrds = parts.initrds.map(({ name, bytes }) => ({ path: `${folder}/${name}`, bytes }));
  const menus = formatMenu(listMenuEntries(menu), {
    kernel: kernel.path,
    initrds: initrds.map(({ path }) => path),
    hasPlace: menu.placeUuid !== undefined,
  });
  return [
    { path: firmwarePath(parts.architecture), bytes: parts.shim },
    { path: `EFI/BOOT/${names.secondStage}`, bytes: parts.secondStage },
    { path: `EFI/BOOT/${names.mokManager}`, bytes: parts.mokManager },
    // By this file Debian's gcdx64 knows its medium.
    { path: ".disk/info", bytes: text("stiefelsystem\n") },
    ...Object.entries(menus).map(([path, value]) => ({ path, bytes: text(value) })),
    kernel,
    ...initrds,
    { path: stickRecordPath, bytes: text(formatStickRecord(record)) },
  ];
}
