/** Whether a desktop finds the laptop's devices under the names they have in its settings, and no others. */

import type { HostTree } from "../host/tree.ts";
import { type Check, type CheckOf, error, hidden, ok, runChecks, type Verdict, warning } from "./check.ts";
import { type DoctorContext } from "./context.ts";
import { unlessRefused } from "../file_access.ts";
import {
  findFormattedDevices,
  findVolumeGroup,
  isCommonName,
  isLocalName,
  listNamedDevices,
  type NamedDevice,
  namesRoot,
} from "./device_names.ts";

export interface NameFacts {
  readonly commandLine: string;
  readonly named: readonly NamedDevice[];
  readonly formatted: readonly NamedDevice[];
  /** Mapped devices that the root file system lies on: logical volumes, whatever name the settings have for it. */
  readonly rootVolumes: readonly string[];
  /** Only root may read /etc/crypttab (Arch Linux). */
  readonly isCrypttabHidden: boolean;
}

export async function examineNames({ tree, storage, commandLine }: DoctorContext): Promise<readonly Check[]> {
  const fstab = await tree.readText("/etc/fstab");
  const crypttab = await unlessRefused(readCrypttab(tree), undefined);
  return runChecks(nameChecks, {
    commandLine,
    named: listNamedDevices({ commandLine, fstab, crypttab }),
    formatted: findFormattedDevices({ fstab, crypttab }),
    rootVolumes: storage.root?.devices.filter(({ type }) => type === "lvm").map(({ path }) => path) ?? [],
    isCrypttabHidden: crypttab === undefined,
  });
}

/**
 * /etc/crypttab, and what mkinitcpio's hook sd-encrypt takes into the initramfs as that; empty where neither exists.
 */
export async function readCrypttab(tree: HostTree): Promise<string> {
  const texts = await Promise.all(["/etc/crypttab", "/etc/crypttab.initramfs"].map((path) => tree.readText(path)));
  return texts.map((text) => text ?? "").join("\n");
}

export const nameChecks: readonly CheckOf<NameFacts>[] = [["names of devices", checkNames]];

const byUuid = "Name it by UUID= there; lsblk -o NAME,UUID shows it";

function checkNames({ commandLine, named, formatted, rootVolumes, isCrypttabHidden }: NameFacts): Verdict {
  const [overwritten] = formatted;
  if (overwritten !== undefined) {
    const { setting, device } = overwritten;
    return error(
      `${setting} formats ${device} at each start: on a desktop that may be a partition of its own, with its data`,
      "Name it by PARTUUID= there; lsblk -o NAME,PARTUUID shows it",
    );
  }
  const local = named.find(({ device }) => isLocalName(device));
  if (local !== undefined) {
    const { setting, device } = local;
    const elsewhere = "on a desktop that is nothing, or a disk of its own";
    return setting.endsWith("=") ? error(`${setting}${device}: ${elsewhere}`, byUuid) : warning(
      `${setting} names ${device}: ${elsewhere}`,
      'Name it by UUID= there (lsblk -o NAME,UUID shows it), or add "nofail" to what may be missing',
    );
  }
  if (commandLine !== "" && !namesRoot(commandLine)) {
    return warning(
      "no root= on the kernel command line: a desktop cannot find the system",
      "Add root=UUID=… to the kernel command line",
    );
  }
  const common = named.find(({ device }) => isCommonName(device));
  if (common !== undefined) return describeCommonName(common);
  const volume = rootVolumes.find(isCommonName);
  if (volume !== undefined) return describeCommonName({ setting: "/", device: volume });
  if (isCrypttabHidden) {
    return hidden("the same on a desktop, but for /etc/crypttab, not seen");
  }
  return ok("the same on a desktop");
}

function describeCommonName({ setting, device }: NamedDevice): Verdict {
  const group = findVolumeGroup(device);
  const place = setting === "/"
    ? `/ is on ${device}`
    : setting.endsWith("=")
    ? setting + device
    : `${setting} names ${device}`;
  const both = "a desktop with an installation of its own may have that name, too";
  return group === undefined ? warning(`${place}: ${both}`, byUuid) : warning(
    `${place}: ${both}`,
    `Rename the volume group (vgrename ${group} NEW), correct the kernel command line, /etc/fstab and the initramfs`,
  );
}
