/** Try mode of a laptop with LVM in LUKS. */

import { testInstalledGuest } from "../qemu/installed_guest.ts";
import { laptops } from "../qemu/own_system.ts";

testInstalledGuest("LVM in LUKS", laptops.luksLvm);
