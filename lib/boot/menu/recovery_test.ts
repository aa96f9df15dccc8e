import assert from "node:assert/strict";
import { isRecovery } from "./recovery.ts";

const recovery = [
  ["Debian GNU/Linux, with Linux 6.12.12 (recovery mode)", "root=/dev/vda1 ro single"],
  ["Arch Linux (fallback initramfs)", "root=/dev/vda1"],
  ["Fedora Linux (0-rescue-5f4e) 40", "root=/dev/vda1"],
  ["openSUSE Leap (recovery mode)", "root=/dev/vda1 single"],
  ["Linux", "root=/dev/vda1 systemd.unit=rescue.target"],
  ["Memory test (memtest86+x64.efi)", ""],
] as const;
const normal = [
  ["Debian GNU/Linux", "root=/dev/vda1 ro quiet"],
  ["Gentoo", "root=/dev/vda1 init=/sbin/rescued console=ttyS0,115200 threads=1"],
] as const;

for (const [title, commandLine] of recovery) {
  Deno.test(`"${title}" is a recovery entry`, () => assert.equal(isRecovery({ title, commandLine }), true));
}
for (const [title, commandLine] of normal) {
  Deno.test(`"${title}" is a normal entry`, () => assert.equal(isRecovery({ title, commandLine }), false));
}
Deno.test("an id tells too", () =>
  assert.equal(isRecovery({ title: "x", commandLine: "" }, "arch-fallback.conf"), true));
