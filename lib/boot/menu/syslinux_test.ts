import assert from "node:assert/strict";
import type { NamedEntry } from "./entry.ts";
import { evaluateSyslinuxConfig, resolvePath } from "./syslinux.ts";

function evaluate(
  text: string,
  files: Readonly<Record<string, string>> = {},
): { readonly entry: NamedEntry | undefined; readonly missingIncludes: readonly string[] } {
  const given = new Map(Object.entries(files));
  const { entries: [entry], missingIncludes } = evaluateSyslinuxConfig({
    text,
    directory: "/boot/syslinux",
    files: given,
  });
  return { entry, missingIncludes };
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

Deno.test("a disabled label does not take the place of an unusable default", () => {
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
    entry: { title: "b", kernel: "/boot/syslinux/b", initrds: [], commandLine: "", notices: [] },
    missingIncludes: ["/boot/syslinux/more.cfg"],
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

/** Kernel, initrds and command line of what starts by itself. */
const starts: Readonly<Record<string, readonly [config: string, result: string]>> = {
  "B11: ONTIMEOUT is what starts, DEFAULT is for those who press Enter": [
    "DEFAULT a\nONTIMEOUT b\nLABEL a\nLINUX /a\nLABEL b\nLINUX /b\n",
    "/b [] ",
  ],
  "B11: whatever comes first of the two": [
    "ONTIMEOUT b\nDEFAULT a\nLABEL a\nLINUX /a\nLABEL b\nLINUX /b\n",
    "/b [] ",
  ],
  "B11: ONTIMEOUT with parameters": [
    "DEFAULT a\nPROMPT 1\nONTIMEOUT b quiet\nLABEL a\nLINUX /a\nLABEL b\nLINUX /b\nAPPEND ro\n",
    "/b [] ro quiet",
  ],
  "B11: without a prompt nothing times out": [
    "DEFAULT a\nPROMPT 0\nONTIMEOUT b\nLABEL a\nLINUX /a\nLABEL b\nLINUX /b\n",
    "/a [] ",
  ],
  "B11: a menu times out, whatever PROMPT says": [
    "UI menu.c32\nPROMPT 0\nDEFAULT a\nONTIMEOUT b\nLABEL a\nLINUX /a\nLABEL b\nLINUX /b\n",
    "/b [] ",
  ],
  "B11: ONTIMEOUT that names nothing": ["DEFAULT a\nONTIMEOUT x.c32\nLABEL a\nLINUX /a\n", "/a [] "],
  "B12: DEFAULT with parameters": [
    "DEFAULT b quiet\nLABEL a\nLINUX /a\nLABEL b\nLINUX /b\nAPPEND root=/dev/sda1\nINITRD /i\n",
    "/b [/i] root=/dev/sda1 quiet",
  ],
  "B12: ALLOWOPTIONS 0 leaves APPEND only": [
    "ALLOWOPTIONS 0\nDEFAULT b quiet\nLABEL b\nLINUX /b\nAPPEND ro\n",
    "/b [] ro",
  ],
  "B13: only a DEFAULT": ["DEFAULT /vmlinuz initrd=/i root=UUID=1\n", "/vmlinuz [/i] root=UUID=1"],
  "B13: with a global APPEND in front": [
    "DEFAULT vmlinuz quiet\nAPPEND root=UUID=1",
    "/boot/syslinux/vmlinuz [] root=UUID=1 quiet",
  ],
  "B13: IMPLICIT 0 starts labels only": ["IMPLICIT 0\nDEFAULT /vmlinuz\nLABEL a\nLINUX /a\n", "/a [] "],
  "B13: LINUX takes a name that ends like a boot program's": [
    "LABEL a\nLINUX /vmlinuz-6.12.0\n",
    "/vmlinuz-6.12.0 [] ",
  ],
  "B13: LINUX takes a name that ends like a floppy image's": ["LABEL a\nLINUX /kernel.img\n", "/kernel.img [] "],
  "B13: KERNEL guesses by the name": [
    "LABEL a\nKERNEL /vmlinuz-6.12.0\nLABEL b\nKERNEL /kernel.img\nLABEL c\nKERNEL /c",
    "/c [] ",
  ],
  "B13: other kinds are never a Linux": [
    "LABEL a\nBOOT /a\nLABEL b\nCOM32 /b\nLABEL c\nFDIMAGE /c\nLABEL d\nLINUX /d",
    "/d [] ",
  ],
  "a label without a kernel starts the file of its name": ["LABEL linux\nAPPEND ro\n", "/boot/syslinux/linux [] ro"],
  "of two initrds the first one counts, which is APPEND's": [
    "LABEL a\nLINUX /a\nINITRD /y\nAPPEND initrd=/x ro",
    "/a [/x] ro",
  ],
  "a label's name is one word": ["DEFAULT a\nLABEL a Arch Linux\nLINUX /a", "/a [] "],
  "a global APPEND counts for labels that come later": [
    "LABEL a\nLINUX /a\nMENU BEGIN\nAPPEND ro\nLABEL b\nLINUX /b\nMENU END\nDEFAULT b",
    "/b [] ro",
  ],
  "IPAPPEND is no kernel parameter of ours": ["LABEL a\nLINUX /a\nIPAPPEND 3\nAPPEND ro", "/a [] ro"],
  "the default of a submenu that is the default": [
    "UI menu.c32\nLABEL a\nLINUX /a\nMENU BEGIN\nMENU DEFAULT\nLABEL b\nLINUX /b\nLABEL c\nMENU DEFAULT\nLINUX /c\nMENU END\n",
    "/c [] ",
  ],
  "DEFAULT names a label, so MENU DEFAULT does not count": [
    "UI menu.c32\nDEFAULT a\nLABEL a\nLINUX /a\nLABEL b\nMENU DEFAULT\nLINUX /b\n",
    "/a [] ",
  ],
  "MENU INCLUDE with a title is a submenu": ["MENU INCLUDE more.cfg Tools\nLABEL a\nLINUX /a\n", "/a [] "],
};
for (const [what, [config, result]] of Object.entries(starts)) {
  Deno.test(`syslinux ${what}`, () => {
    const { entry } = evaluate(config);
    assert.equal(`${entry?.kernel} [${entry?.initrds}] ${entry?.commandLine}`, result);
  });
}

Deno.test("U3: MENU LABEL in a submenu names the submenu, not the label before it", () => {
  const text = [
    "LABEL linux",
    "MENU LABEL Debian",
    "LINUX /vmlinuz",
    "MENU BEGIN tools",
    "MENU LABEL Rescue",
    "LABEL memtest",
    "LINUX /memtest",
    "MENU END",
    "MENU SEPARATOR",
    "MENU LABEL Rescue too",
  ];
  assert.equal(evaluate(text.join("\n")).entry?.title, "Debian");
});
