/** A laptop that systemd-boot starts, from an entry. */

import { laptops } from "../qemu/own_system.ts";
import { testSystemdBootLaptop } from "../qemu/systemd_boot_laptop.ts";

const from = "an entry on the EFI system partition";
await testSystemdBootLaptop({ from, kind: laptops.systemdBoot, variable: "LoaderInfo" });
