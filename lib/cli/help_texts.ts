/** What help says beside options: words of their own for commands that need them. */

import type { CommandName } from "../grants.ts";

export const exitStatus = "Exit status: 0 done, 1 failed, 2 wrong usage or configuration, 3 stopped by the user.";

const stickHelp = [
  "It writes what create-initrd has built. Examples:",
  "",
  "  sudo ./stiefelsystem setup-client-usbdrive",
  "  ./stiefelsystem setup-client-usbdrive --dry-run sdb",
  "  sudo ./stiefelsystem setup-client-usbdrive --yes /dev/disk/by-id/usb-…",
  "  ./stiefelsystem setup-client-usbdrive --image stick.img",
  "",
  "No device is chosen for you, not even the only one. Devices that carry a system, are mounted, or belong to LVM, RAID, btrfs, ZFS, bcache or " +
  "encryption are refused, each with the reason and the way out. The name of the device is typed to confirm. A stick of ours is updated: only " +
  "what has changed is written, and it starts after every single write. Everything is read back. doc/stick.md has more.",
].join("\n");

const bootEntryHelp = [
  "The server on the laptop decides by the same code. Examples:",
  "",
  "  ./stiefelsystem boot-entry",
  "  ./stiefelsystem boot-entry --root /mnt",
  "  ./stiefelsystem boot-entry --partition /mnt/esp --partition /mnt/root",
  "",
  "With --partition each directory has the files of one partition, as they are on the disk: the ESP with EFI/ and loader/ at its top, the root " +
  "file system without what is mounted into it.",
  "",
  "Exit status: 0 a desktop gets the entry shown, 1 a server would refuse (the reason is shown), 2 wrong usage or configuration.",
].join("\n");

/** What stands below the options of a command. */
export const commandHelp: Readonly<Partial<Record<CommandName, string>>> = {
  "boot-entry": bootEntryHelp,
  "setup-client-usbdrive": stickHelp,
};
