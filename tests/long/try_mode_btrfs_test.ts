/** Try mode of a laptop with btrfs on LVM. */

import { testInstalledGuest } from "../qemu/installed_guest.ts";
import { laptops } from "../qemu/own_system.ts";

testInstalledGuest("btrfs on LVM", laptops.lvmBtrfs);
