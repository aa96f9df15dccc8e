/** A laptop with an initramfs of its own machine's drivers only, made by dracut, is upgraded on a desktop. */

import { testUpgradedLaptop } from "../qemu/upgraded_laptop.ts";

testUpgradedLaptop({
  generator: "dracut",
  settings: `printf 'hostonly="yes"\\ncompress="zstd -1"\\n' >/etc/dracut.conf.d/stiefel-demo.conf`,
  list: "lsinitrd",
});
