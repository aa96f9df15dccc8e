import assert from "node:assert/strict";
import { evaluateSyslinuxConfig, resolvePath, type SyslinuxResult } from "./syslinux.ts";

function evaluate(text: string, files: Readonly<Record<string, string>> = {}): SyslinuxResult {
  return evaluateSyslinuxConfig({ text, directory: "/boot/syslinux", files: new Map(Object.entries(files)) });
}

// In the manner of the Arch wiki's syslinux.cfg.
const arch = `
# * BIOS: /boot/syslinux/syslinux.cfg
DEFAULT arch
PROMPT 0
TIMEOUT 50
UI menu.c32
MENU TITLE Arch Linux
LABEL arch
    MENU LABEL ^Arch Linux
    LINUX ../vmlinuz-linux
    APPEND root=/dev/sda3  rw
    INITRD ../intel-ucode.img,../initramfs-linux.img
LABEL archfallback
    MENU LABEL Arch Linux Fallback
    LINUX ../vmlinuz-linux
    APPEND root=/dev/sda3 rw
    INITRD ../initramfs-linux-fallback.img
LABEL reboot
    COM32 reboot.c32
`;

Deno.test("the default label is taken, its paths relative to the file", () => {
  assert.deepEqual(evaluate(arch).entry, {
    title: "Arch Linux",
    kernel: "/boot/vmlinuz-linux",
    initrds: ["/boot/intel-ucode.img", "/boot/initramfs-linux.img"],
    commandLine: "root=/dev/sda3 rw",
    notices: [],
  });
});

Deno.test("a fallback label is never taken", () => {
  const { entry } = evaluate(arch.replace("DEFAULT arch", "DEFAULT archfallback"));
  assert.equal(entry?.title, "Arch Linux");
  assert.match(entry?.notices[0] ?? "", /"Arch Linux Fallback" starts no normal Linux/);
});

Deno.test("the menu's own default wins over DEFAULT", () => {
  const text = "default vesamenu.c32\nlabel a\nkernel /a\nlabel b\nmenu default\nkernel /b\nlabel c\nkernel /c\n";
  assert.equal(evaluate(text).entry?.kernel, "/b");
});

Deno.test("a label that nobody can choose is not what is taken instead of the default", () => {
  const text = "DEFAULT win\nLABEL off\nLINUX /off\nMENU DISABLE\nLABEL on\nLINUX /on\nLABEL win\nCOM32 chain.c32\n";
  assert.equal(evaluate(text).entry?.kernel, "/on");
  assert.equal(evaluate(text.replace("DEFAULT win", "DEFAULT off")).entry?.kernel, "/off", "DEFAULT needs no menu");
});

Deno.test("the words of a help text are no settings", () => {
  const text = "LABEL x\nLINUX /x\nTEXT HELP\nLinux for every day\nAppend what you like\nENDTEXT\nINITRD /i\n";
  const { entry } = evaluate(text);
  assert.deepEqual([entry?.kernel, entry?.commandLine, entry?.initrds], ["/x", "", ["/i"]]);
});

Deno.test("initrd= in APPEND names the initramfs and is taken out of the command line", () => {
  const { entry } = evaluate("LABEL x\nKERNEL vmlinuz\nAPPEND initrd=a.img,b.img root=/dev/sda1 quiet\n");
  assert.deepEqual(entry?.initrds, ["/boot/syslinux/a.img", "/boot/syslinux/b.img"]);
  assert.equal(entry?.commandLine, "root=/dev/sda1 quiet");
});

Deno.test("a global APPEND counts for labels without their own, and not after a dash", () => {
  const text = "APPEND root=/dev/sda1\nLABEL x\nKERNEL /x\n";
  assert.equal(evaluate(text).entry?.commandLine, "root=/dev/sda1");
  assert.equal(evaluate(`${text}APPEND -\n`).entry?.commandLine, "");
});

Deno.test("included files are asked for, then read in place", () => {
  const text = "DEFAULT b\nINCLUDE more.cfg\nLABEL a\nKERNEL /a\n";
  assert.deepEqual(evaluate(text), {
    entry: { title: "a", kernel: "/a", initrds: [], commandLine: "", notices: [] },
    wanted: ["/boot/syslinux/more.cfg"],
  });
  assert.equal(evaluate(text, { "/boot/syslinux/more.cfg": "LABEL b\nKERNEL /b\n" }).entry?.kernel, "/b");
  const endless = evaluate("INCLUDE x\nLABEL a\nKERNEL /a\n", { "/boot/syslinux/x": "INCLUDE x\n" });
  assert.equal(endless.entry?.kernel, "/a");
});

Deno.test("programs of SYSLINUX are no kernels", () => {
  assert.equal(evaluate("LABEL x\nKERNEL chain.c32\nAPPEND hd0\nLABEL y\nLOCALBOOT 0\n").entry, undefined);
});

Deno.test("paths are made absolute", () => {
  assert.equal(resolvePath("/boot/extlinux", "../vmlinuz"), "/boot/vmlinuz");
  assert.equal(resolvePath("/boot", "/a//./b"), "/a/b");
  assert.equal(resolvePath("/", "../../x"), "/x");
});
