/** A laptop with an initramfs of its own machine's drivers only, made by initramfs-tools, is upgraded on a desktop. */

import { testUpgradedLaptop } from "../qemu/upgraded_laptop.ts";

testUpgradedLaptop({
  generator: "initramfs-tools",
  settings: "printf 'MODULES=dep\\nCOMPRESSLEVEL=1\\n' >/etc/initramfs-tools/conf.d/stiefel-demo",
  list: "lsinitramfs",
});
