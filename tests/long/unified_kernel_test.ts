/** A laptop that systemd-boot starts, from a unified kernel image. */

import { laptops } from "../qemu/own_system.ts";
import { testSystemdBootLaptop } from "../qemu/systemd_boot_laptop.ts";

await testSystemdBootLaptop({ from: "a unified kernel image", kind: laptops.unified, variable: "StubInfo" });
