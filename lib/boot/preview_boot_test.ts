/** What desktops get from whole disks, by the code of the server: partitions are directories here. */

import assert from "node:assert/strict";
import { buildUnifiedImage } from "../../tests/support/unified_image.ts";
import { createMemorySystem, type MemorySystem } from "../../tests/support/memory_system.ts";
import { BootError } from "../boot_error.ts";
import { maximumTextBytes } from "./menu/entry.ts";
import { type BootPreview, previewBoot, splitMountedSystem } from "./preview_boot.ts";

type Files = Readonly<Record<string, string | Uint8Array>>;

/** As setup-server leaves it, in a /boot that is a directory of the root partition. */
const setUp: Files = {
  "/boot/stiefelsystem.json": '{"kernel":"/boot/linux-stiefel","initrd":["/boot/initramfs-stiefel.img"],"cmdline":[]}',
  "/boot/linux-stiefel": "K",
  "/boot/initramfs-stiefel.img": "I",
};
const machineId = "0123456789abcdef0123456789abcdef";
const otherId = "fedcba9876543210fedcba9876543210";

/** An entry with its files. */
function entry(name: string, fields: Readonly<Record<string, string>>, files: readonly string[] = []): Files {
  const lines = Object.entries(fields).map(([key, value]) => `${key} ${value}`);
  return { [`/loader/entries/${name}`]: lines.join("\n"), ...Object.fromEntries(files.map((file) => [file, "X"])) };
}

const debian = entry("m.conf", { linux: "/m/6.12/linux", initrd: "/m/6.12/initrd", options: "root=UUID=1 ro" }, [
  "/m/6.12/linux",
  "/m/6.12/initrd",
]);

async function preview(...partitions: readonly Files[]): Promise<BootPreview> {
  const files = partitions.flatMap((one, index) =>
    Object.entries(one).map(([path, content]) => [`/p${index + 1}${path}`, content] as const)
  );
  const system = createMemorySystem({ files: Object.fromEntries(files) });
  return await previewBoot(
    system,
    partitions.map((_, index) => ({ label: `p${index + 1}`, directory: `/p${index + 1}` })),
  );
}

function describe({ kernel, initramfs, commandLine, commandLineSource }: BootPreview): string {
  const name = ({ partition, path }: BootPreview["kernel"]): string => partition + path;
  return `${name(kernel)} [${initramfs.map(name)}] ${commandLine} < ${name(commandLineSource)}`;
}

const ours = "p2/boot/linux-stiefel [p2/boot/initramfs-stiefel.img]";
const options = "root=UUID=1 ro";

const quoted = 'dyndbg="file hub.c  line 1 +p" acpi_osi="!Windows 2012"';

/** A menu whose entries have kernels and initramfs of these names. */
function grubMenu(...names: readonly string[]): string {
  return names.map((name) => `menuentry ${name} { linux /k-${name} root=${name}\n initrd /i-${name} }`).join("\n");
}

function grubFiles(name: string): Files {
  return { [`/boot/k-${name}`]: "K", [`/boot/i-${name}`]: "I" };
}

/** The first kilobyte of one, as far as it matters (Linux/x86 Boot Protocol). */
function plainKernel(): Uint8Array {
  const kernel = new Uint8Array(1024);
  new TextEncoder().encodeInto("HdrS", kernel.subarray(0x202));
  return kernel;
}

function unified(cmdline: string | undefined, osrel = "ID=arch\nPRETTY_NAME=Arch\nVERSION_ID=6.12"): Uint8Array {
  return buildUnifiedImage([
    { name: ".osrel", content: osrel },
    ...cmdline === undefined ? [] : [{ name: ".cmdline", content: `${cmdline}\n\0` }],
    { name: ".initrd", content: "INITRD" },
    { name: ".linux", content: "KERNEL" },
  ]);
}

const gets: Readonly<Record<string, readonly [disk: readonly Files[], result: string]>> = {
  "B1: /boot of the root partition, the loader on the ESP": [
    [debian, setUp],
    `${ours} ${options} < p1/loader/entries/m.conf`,
  ],
  "B1: the partitions the other way round": [
    [setUp, debian],
    `p1/boot/linux-stiefel [p1/boot/initramfs-stiefel.img] ${options} < p2/loader/entries/m.conf`,
  ],
  "B1: a /boot partition, the loader on the ESP": [
    [debian, {
      "/stiefelsystem.json": setUp["/boot/stiefelsystem.json"] ?? "",
      "/linux-stiefel": "K",
      "/initramfs-stiefel.img": "I",
    }],
    `p2/linux-stiefel [p2/initramfs-stiefel.img] ${options} < p1/loader/entries/m.conf`,
  ],
  "B1: loader.conf on the ESP, entries on XBOOTLDR": [
    [
      { "/loader/loader.conf": "default m.conf", "/EFI/systemd/systemd-bootx64.efi": "S" },
      setUp,
      { ...debian, ...entry("z.conf", { linux: "/m/6.12/linux", options: "root=UUID=2" }) },
    ],
    `${ours} ${options} < p3/loader/entries/m.conf`,
  ],
  "B1: a grub.cfg that was left behind does not count": [
    [
      { ...debian, "/loader/loader.conf": "" },
      { ...setUp, "/boot/grub/grub.cfg": "menuentry x { linux /boot/old root=UUID=OLD }", "/boot/old": "K" },
    ],
    `${ours} ${options} < p1/loader/entries/m.conf`,
  ],
  "B1: another system's entry is the default": [
    [
      {
        "/loader/loader.conf": "default zz*",
        ...debian,
        ...entry("zz.conf", { linux: "/m/6.12/linux", "machine-id": otherId, options: "root=UUID=2" }),
        ...entry("m.conf", { linux: "/m/6.12/linux", "machine-id": machineId.toUpperCase(), options }),
      },
      { ...setUp, "/etc/machine-id": `${machineId}\n` },
    ],
    `${ours} ${options} < p1/loader/entries/m.conf`,
  ],
  "B1: the names of their directories distinguish other systems": [
    [
      {
        ...entry(`${otherId}-7.0.conf`, { linux: `/${otherId}/7.0/linux`, options: "root=UUID=2" }, [
          `/${otherId}/7.0/linux`,
        ]),
        ...entry(`${machineId}-6.0.conf`, { linux: `/${machineId}/6.0/linux`, options }, [`/${machineId}/6.0/linux`]),
      },
      { ...setUp, "/etc/machine-id": machineId },
    ],
    `${ours} ${options} < p1/loader/entries/${machineId}-6.0.conf`,
  ],
  "B1: entry-token": [
    [
      {
        ...entry("other-7.0.conf", { linux: "/other/7.0/linux", options: "root=UUID=2" }, ["/other/7.0/linux"]),
        ...entry("mine-6.0.conf", { linux: "/mine/6.0/linux", options }, ["/mine/6.0/linux"]),
      },
      { ...setUp, "/etc/machine-id": machineId, "/etc/kernel/entry-token": "mine\n" },
    ],
    `${ours} ${options} < p1/loader/entries/mine-6.0.conf`,
  ],
  "B1: two ESPs, the second is this system's": [
    [
      {
        "/loader/loader.conf": "",
        ...entry("a.conf", { linux: "/k", "machine-id": otherId, options: "root=UUID=2" }, ["/k"]),
      },
      { ...setUp, "/etc/machine-id": machineId },
      { "/loader/loader.conf": "", ...entry("b.conf", { linux: "/k", "machine-id": machineId, options }, ["/k"]) },
    ],
    `${ours} ${options} < p3/loader/entries/b.conf`,
  ],
  "B1: fstab's root tells two systems apart that say nothing else": [
    [
      {
        ...entry("z.conf", { linux: "/k", options: "root=UUID=2" }, ["/k"]),
        ...entry("a.conf", { linux: "/k", options }),
      },
      { ...setUp, "/etc/fstab": "# x\nUUID=1 / ext4 defaults 0 1\n" },
    ],
    `${ours} ${options} < p1/loader/entries/a.conf`,
  ],
  "B1: no loader's configuration, but kernel-install's": [
    [{ "/EFI/BOOT/BOOTX64.EFI": "X" }, { ...setUp, "/etc/kernel/cmdline": "# c\nroot=UUID=1\nro\n" }],
    `${ours} ${options} < p2/etc/kernel/cmdline`,
  ],
  "B2: a unified kernel image has the command line": [
    [{ "/EFI/Linux/arch.efi": unified(options) }, setUp],
    `${ours} ${options} < p1/EFI/Linux/arch.efi`,
  ],
  "B2: beside entries that start Windows only": [
    [
      {
        "/EFI/Linux/arch.efi": unified(options),
        ...entry("w.conf", { efi: "/EFI/Microsoft/bootmgfw.efi" }, ["/EFI/Microsoft/bootmgfw.efi"]),
      },
      setUp,
    ],
    `${ours} ${options} < p1/EFI/Linux/arch.efi`,
  ],
  "B2: without a set-up its own kernel and initramfs": [
    [{ "/EFI/Linux/arch.efi": unified(options) }],
    `p1/EFI/Linux/arch.efi [p1/EFI/Linux/arch.efi] ${options} < p1/EFI/Linux/arch.efi`,
  ],
  "B2: an image that the firmware starts itself": [
    [
      { "/EFI/BOOT/BOOTX64.EFI": unified(options), "/EFI/arch/fwupdx64.efi": "MZ", "/EFI/Microsoft/Boot/x.efi": "MZ" },
      setUp,
    ],
    `${ours} ${options} < p1/EFI/BOOT/BOOTX64.EFI`,
  ],
  "B1: two systems are set up, the boot loader starts the second": [
    [
      {
        "/loader/loader.conf": "default b.conf",
        ...entry("a.conf", { linux: "/k", "machine-id": otherId, options: "root=UUID=2" }, ["/k"]),
        ...entry("b.conf", { linux: "/k", "machine-id": machineId, options }),
      },
      { ...setUp, "/etc/machine-id": otherId },
      { ...setUp, "/etc/machine-id": machineId },
    ],
    `p3/boot/linux-stiefel [p3/boot/initramfs-stiefel.img] ${options} < p1/loader/entries/b.conf`,
  ],
  "B1: the set-up is in a btrfs subvolume": [
    [debian, Object.fromEntries(Object.entries(setUp).map(([path, text]) => [`/@${path}`, text]))],
    `p2/@/boot/linux-stiefel [p2/@/boot/initramfs-stiefel.img] ${options} < p1/loader/entries/m.conf`,
  ],
  "B1: the boot loader is GRUB, on the ESP alone (U5)": [
    [{
      "/EFI/centos/grub.cfg":
        "menuentry x { search --fs-uuid --set=root abc\n linuxefi /boot/linux-stiefel root=UUID=1 ro\n initrdefi /boot/i }",
    }, {
      ...setUp,
      "/boot/i": "I",
    }],
    `${ours} ${options} < p1/EFI/centos/grub.cfg`,
  ],
  "B2: the newest image, as systemd-boot sorts them": [
    [{
      "/EFI/Linux/a.efi": unified(options, "ID=arch\nNAME=Arch\nVERSION=6.12"),
      "/EFI/Linux/b.efi": unified("root=UUID=2", "ID=arch\nNAME=Arch\nVERSION=6.9"),
    }, setUp],
    `${ours} ${options} < p1/EFI/Linux/a.efi`,
  ],
  "B2: an image whose tries are used up comes last": [
    [{
      "/EFI/Linux/a+0-3.efi": unified("root=UUID=2", "ID=arch\nNAME=Arch\nVERSION=7"),
      "/EFI/Linux/b+3.efi": unified(options, "ID=arch\nNAME=Arch\nVERSION=6"),
    }, setUp],
    `${ours} ${options} < p1/EFI/Linux/b+3.efi`,
  ],
  "B2: an addon adds to the command line": [
    [{
      "/EFI/Linux/arch+3.efi": unified("root=UUID=1"),
      "/EFI/Linux/arch.efi.extra.d/x.addon.efi": buildUnifiedImage([{ name: ".cmdline", content: "ro" }]),
    }, setUp],
    `${ours} ${options} < p1/EFI/Linux/arch+3.efi`,
  ],
  "B2: an entry that starts an image, with options of its own": [
    [{ "/x.efi": unified("root=UUID=2"), ...entry("x.conf", { uki: "\\x.efi", options }) }, setUp],
    `${ours} ${options} < p1/loader/entries/x.conf`,
  ],
  "B4: systemd-boot does not list an entry whose kernel is gone": [
    [{
      "/loader/loader.conf": "default old.conf",
      ...entry("old.conf", { linux: "/old", options: "root=UUID=OLD" }),
      ...entry("new.conf", { linux: "/new", initrd: "/new.img", options: "root=UUID=NEW" }, ["/new", "/new.img"]),
    }],
    "p1/new [p1/new.img] root=UUID=NEW < p1/loader/entries/new.conf",
  ],
  "B4: nor when the system is set up": [
    [{
      ...entry("old.conf", { linux: "/old", options: "root=UUID=OLD" }),
      ...entry("new.conf", { linux: "/new", options: "root=UUID=NEW" }, ["/new"]),
    }, setUp],
    `${ours} root=UUID=NEW < p1/loader/entries/new.conf`,
  ],
  "B4: an entry whose initramfs is gone does not start": [
    [{
      ...entry("z.conf", { linux: "/k", initrd: "/gone", options: "root=UUID=OLD" }, ["/k"]),
      ...entry("a.conf", { linux: "/k", initrd: "/i", options: "root=UUID=NEW" }, ["/i"]),
    }],
    "p1/k [p1/i] root=UUID=NEW < p1/loader/entries/a.conf",
  ],
  "B4: a syslinux label whose kernel is gone": [
    [{
      "/syslinux/syslinux.cfg": "DEFAULT a\nLABEL a\nLINUX /gone\nLABEL b\nLINUX /k\nINITRD /i\nAPPEND root=UUID=1",
      "/k": "K",
      "/i": "I",
    }],
    "p1/k [p1/i] root=UUID=1 < p1/syslinux/syslinux.cfg",
  ],
  "B8: backslashes, and names that FAT does not tell apart": [
    [entry("a.conf", { linux: "\\EFI\\arch\\vmlinuz", initrd: "\\efi\\ARCH\\Initrd", options }, [
      "/EFI/arch/vmlinuz",
      "/EFI/arch/initrd",
    ])],
    `p1/EFI/arch/vmlinuz [p1/EFI/arch/initrd] ${options} < p1/loader/entries/a.conf`,
  ],
  "B9: a file name in upper case counts, hidden ones and systemd-boot's own do not": [
    [{
      ...entry("ARCH.CONF", { linux: "/k", initrd: "/i", options }, ["/k", "/i"]),
      ...entry(".hidden.conf", { linux: "/k", "sort-key": "a", options: "root=UUID=2" }),
      ...entry("auto-x.conf", { linux: "/k", "sort-key": "a", options: "root=UUID=3" }),
    }],
    `p1/k [p1/i] ${options} < p1/loader/entries/ARCH.CONF`,
  ],
  "B9: directories in upper case": [
    [{ "/LOADER/ENTRIES/A.CONF": `linux /k\ninitrd /i\noptions ${options}`, "/k": "K", "/i": "I" }],
    `p1/k [p1/i] ${options} < p1/LOADER/ENTRIES/A.CONF`,
  ],
  "B15: an initramfs that the options name": [
    [entry("a.conf", { linux: "/k", options: `initrd=\\initrd-a ${options}` }, ["/k", "/initrd-a"])],
    `p1/k [p1/initrd-a] ${options} < p1/loader/entries/a.conf`,
  ],
  "B15: not where the entry brings one itself": [
    [entry("a.conf", { linux: "/k", initrd: "/i", options: `initrd=\\gone ${options}` }, ["/k", "/i"])],
    `p1/k [p1/i] ${options} < p1/loader/entries/a.conf`,
  ],
  "words in quotes are one parameter: no runlevel 1, and blanks stay": [
    [entry("a.conf", { linux: "/k", initrd: "/i", options: `${quoted} root="LABEL=my root"` }, ["/k", "/i"])],
    `p1/k [p1/i] ${quoted} root="LABEL=my root" < p1/loader/entries/a.conf`,
  ],
  "fstab's root in quotes tells two systems apart": [
    [
      {
        ...entry("z.conf", { linux: "/k", options: 'root="LABEL=my other"' }, ["/k"]),
        ...entry("a.conf", { linux: "/k", options: 'root="LABEL=my root"' }),
      },
      { ...setUp, "/etc/fstab": "LABEL=my\\040root / ext4 defaults 0 1\n" },
    ],
    `${ours} root="LABEL=my root" < p1/loader/entries/a.conf`,
  ],
  "GRUB's default names a kernel that is gone": [
    [{ "/boot/grub/grub.cfg": grubMenu("gone", "new"), ...grubFiles("new") }],
    "p1/boot/k-new [p1/boot/i-new] root=new < p1/boot/grub/grub.cfg",
  ],
  "GRUB's default names an initramfs that is gone": [
    [{ "/boot/grub/grub.cfg": grubMenu("gone", "new"), "/boot/k-gone": "K", ...grubFiles("new") }],
    "p1/boot/k-new [p1/boot/i-new] root=new < p1/boot/grub/grub.cfg",
  ],
  "GRUB's default starts a file inside another one": [
    [{
      "/boot/grub/grub.cfg": `menuentry iso { loopback loop /live.iso\n linux (loop)/casper/vmlinuz }\n${
        grubMenu("new")
      }`,
      "/live.iso": "X",
      ...grubFiles("new"),
    }],
    "p1/boot/k-new [p1/boot/i-new] root=new < p1/boot/grub/grub.cfg",
  ],
  "the kernel of GRUB's default is gone, and the system is set up": [
    [{ ...setUp, "/boot/grub/grub.cfg": grubMenu("gone", "new"), ...grubFiles("new") }],
    "p1/boot/linux-stiefel [p1/boot/initramfs-stiefel.img] root=new < p1/boot/grub/grub.cfg",
  ],
  "the kernel of GRUB's default is empty, and the initramfs of the next a folder": [
    [{
      "/boot/grub/grub.cfg": grubMenu("a", "b", "c"),
      ...{ ...grubFiles("a"), "/boot/k-a": "" },
      ...{ "/boot/k-b": "K", "/boot/i-b/x": "" },
      ...grubFiles("c"),
    }],
    "p1/boot/k-c [p1/boot/i-c] root=c < p1/boot/grub/grub.cfg",
  ],
  "an entry starts a plain kernel as an EFI program": [
    [{ ...entry("a.conf", { efi: "/k", options: `initrd=\\i ${options}` }, ["/i"]), "/k": plainKernel() }],
    `p1/k [p1/i] ${options} < p1/loader/entries/a.conf`,
  ],
  "folders in place of files do not hide what is there": [
    [{
      "/loader/loader.conf/x": "",
      "/loader/entries/b.conf/x": "",
      "/EFI/Linux/x.efi/y": "",
      "/loader/addons/x.addon.efi/y": "",
      ...entry("a.conf", { linux: "/k", initrd: "/i", options }, ["/k", "/i"]),
    }],
    `p1/k [p1/i] ${options} < p1/loader/entries/a.conf`,
  ],
  "stiefelsystem.json begins with a byte order mark": [
    [debian, { ...setUp, "/boot/stiefelsystem.json": `\ufeff${setUp["/boot/stiefelsystem.json"]}` }],
    `${ours} ${options} < p1/loader/entries/m.conf`,
  ],
};
for (const [what, [disk, result]] of Object.entries(gets)) {
  Deno.test(`a desktop gets the right entry, ${what}`, async () =>
    assert.equal(describe(await preview(...disk)), result));
}

const refused: Readonly<Record<string, readonly [disk: readonly Files[], message: RegExp]>> = {
  "B1: only entries of another system": [
    [
      entry("a.conf", { linux: "/k", "machine-id": otherId, options }, ["/k"]),
      { ...setUp, "/etc/machine-id": machineId },
    ],
    /stiefelsystem.json" names no command line, .*"\/loader\/entries\/a.conf" belongs to another system/,
  ],
  "B1: no loader's configuration at all": [
    [setUp],
    /names no command line, and no boot loader's configuration was found/,
  ],
  "B3: variables that only a GRUB elsewhere knows": [
    [{ ...setUp, "/boot/loader/entries/a.conf": "linux /k\noptions $kernelopts", "/boot/k": "K" }],
    /stiefelsystem.json" names no command line, and the boot loader's cannot be used: .*"\$kernelopts"/,
  ],
  "B3: GRUB starts Xen only": [
    [{
      ...setUp,
      "/boot/grub/grub.cfg": "menuentry Xen { multiboot2 /boot/xen.gz\nmodule2 /boot/vmlinuz root=UUID=1 }",
    }],
    /cannot be used: None of the 1 entries in "\/boot\/grub\/grub.cfg" starts a normal Linux/,
  ],
  "B3: a menu that starts Windows only": [
    [{
      ...setUp,
      "/boot/loader/loader.conf": "",
      ...{ "/boot/loader/entries/w.conf": "efi /w.efi", "/boot/w.efi": "W" },
    }],
    /"\/boot\/loader\/entries\/w.conf" starts "\/w.efi", which is no Linux kernel/,
  ],
  "B3: an entry without a command line": [
    [entry("a.conf", { linux: "/k" }, ["/k"]), setUp],
    /"\/loader\/entries\/a.conf" names no command line/,
  ],
  "B2: an image without a command line": [
    [{ "/EFI/Linux/arch.efi": unified(undefined) }, setUp],
    /"\/EFI\/Linux\/arch.efi" names no command line/,
  ],
  "B2: an image that is cut off": [
    [{ "/EFI/Linux/arch.efi": unified(options).slice(0, 200) }, setUp],
    /"\/EFI\/Linux\/arch.efi" cannot be used as a unified kernel image: it ends within its header/,
  ],
  "B4: an entry whose kernel is gone": [
    [entry("a.conf", { linux: "/gone", options })],
    /"\/loader\/entries\/a.conf" names "\/gone"/,
  ],
  "B15: no initramfs": [[entry("a.conf", { linux: "/k", options }, ["/k"])], /has no initramfs/],
  "stiefelsystem.json is a folder": [
    [debian, { "/boot/stiefelsystem.json/x": "" }],
    /^"\/boot\/stiefelsystem.json" on the boot partition is not a file$/,
  ],
  "grub.cfg is a folder": [
    [{ ...setUp, "/boot/grub/grub.cfg/x": "" }],
    /cannot be used: "\/boot\/grub\/grub.cfg" on the boot partition is not a file/,
  ],
  "grub.cfg is larger than any menu": [
    [{ ...setUp, "/boot/grub/grub.cfg": "#".repeat(maximumTextBytes + 1) }],
    /"\/boot\/grub\/grub.cfg" on the boot partition has 4194305 bytes/,
  ],
  "extlinux.conf is a folder": [
    [{ "/boot/extlinux/extlinux.conf/x": "" }],
    /"\/boot\/extlinux\/extlinux.conf" on the boot partition is not a file/,
  ],
  "the only entry is a folder": [
    [{ "/loader/entries/a.conf/x": "" }],
    /"\/loader\/entries\/a.conf" on the boot partition is not a file/,
  ],
  "the only unified kernel image is a folder": [
    [{ "/EFI/Linux/a.efi/x": "" }],
    /"\/EFI\/Linux\/a.efi" on the boot partition is not a file/,
  ],
  "the command line is longer than a kernel reads": [
    [entry("a.conf", { linux: "/k", initrd: "/i", options: `${options} ${"a=b ".repeat(600)}` }, ["/k", "/i"])],
    /^The command line in "\/loader\/entries\/a.conf" has 2438 bytes for a desktop, wanted at most 2047$/,
  ],
  "the kernel is a folder": [
    [{ ...entry("a.conf", { linux: "/k", initrd: "/i", options }, ["/i"]), "/k/x": "" }],
    /"\/k" on the boot partition is not a file/,
  ],
  "no kernel of GRUB's is there": [
    [{ "/boot/grub/grub.cfg": grubMenu("gone", "lost") }],
    /"\/boot\/grub\/grub.cfg" names "\/k-gone", which is not on the boot partition/,
  ],
  "a boot loader whose settings are not read": [
    [{ "/EFI/refind/refind.conf": "timeout 20" }, { "/etc/fstab": "", "/boot/refind_linux.conf": '"x" "root=1"' }],
    /^"\/EFI\/refind\/refind.conf" is for rEFInd, whose settings are not read$/,
  ],
  "a boot loader whose settings are not read, and the system is set up": [
    [{ "/limine.conf": "" }, setUp],
    /names no command line, and the boot loader's cannot be used: "\/limine.conf" is for Limine/,
  ],
  "nothing": [[{ "/etc/fstab": "" }], /No kernel to start was found in "p1"/],
};
for (const [what, [disk, message]] of Object.entries(refused)) {
  Deno.test(`a server refuses, ${what}`, async () => {
    await assert.rejects(preview(...disk), (error) => {
      assert.ok(error instanceof BootError, String(error));
      assert.match(error.message, message);
      return true;
    });
  });
}

Deno.test("notices name what was passed over, and what desktops do not get", async () => {
  const { notices } = await preview({
    "/EFI/Linux/arch.efi": unified("root=UUID=1"),
    "/EFI/Linux/arch.efi.extra.d/x.addon.efi": buildUnifiedImage([{ name: ".cmdline", content: "ro" }]),
    "/EFI/Linux/arch.efi.extra.d/secret.cred": "x",
    "/EFI/Linux/arch.efi.extra.d/bad.addon.efi": "x",
  });
  assert.deepEqual(notices, [
    '"/EFI/Linux/arch.efi.extra.d/bad.addon.efi" is passed over: it ends within its header',
    '"/EFI/Linux/arch.efi.extra.d/secret.cred" is not passed on to desktops',
    '"/EFI/Linux/arch.efi.extra.d/x.addon.efi" adds to the command line: ro',
  ]);
});

/** Two systems on one disk with the same names of files, and the first one's GRUB, which knows both. */
function twoSystems(preset: string, setUpAt: 1 | 2): readonly [Files, Files] {
  const files = { "/boot/k": "K", "/boot/i": "I" };
  const menu = [1, 2].map((uuid) =>
    `menuentry s${uuid} { search --fs-uuid --set=root ${uuid}\n linux /boot/k root=UUID=${uuid}\n initrd /boot/i }`
  );
  return [
    {
      ...{ ...files, ...setUpAt === 1 ? setUp : {}, "/etc/fstab": "UUID=1 / ext4" },
      "/boot/grub/grub.cfg": [`set default=${preset}`, ...menu].join("\n"),
    },
    { ...files, ...setUpAt === 2 ? setUp : {}, "/etc/fstab": "UUID=2 / ext4" },
  ];
}

for (
  const [preset, setUpAt, isPassedOver] of [["s1", 1, false], ["s2", 1, true], ["s1", 2, true], [
    "s2",
    2,
    false,
  ]] as const
) {
  Deno.test(`U1: of two systems number ${setUpAt} is set up, and GRUB starts ${preset}: its own root= is taken`, async () => {
    const { commandLine, notices } = await preview(...twoSystems(preset, setUpAt));
    const other = `"/boot/grub/grub.cfg" belongs to another system, by its machine-id or its root=UUID=${3 - setUpAt}`;
    assert.deepEqual([commandLine, notices], [
      `root=UUID=${setUpAt}`,
      isPassedOver ? [`${other}; another entry is taken`] : [],
    ]);
  });
}

Deno.test("U1: GRUB knows only the other system of the disk", async () => {
  const [first, second] = twoSystems("s1", 2);
  const menu = "menuentry s1 { linux /boot/k root=UUID=1\n initrd /boot/i }";
  await assert.rejects(preview({ ...first, "/boot/grub/grub.cfg": menu }, second), /belongs to another system/);
});

const roots: Readonly<Record<string, readonly [fstab: string, notices: readonly string[]]>> = {
  "of another UUID": [
    "UUID=2 / ext4",
    ['"/boot/grub/grub.cfg" has root=UUID=1, but /etc/fstab has UUID=2 for "/": it may start another system'],
  ],
  "by another kind of name": ["/dev/sda2 / ext4", []],
  "by a link": ["/dev/disk/by-uuid/1 / ext4", []],
};
for (const [what, [fstab, expected]] of Object.entries(roots)) {
  Deno.test(`an entry that may be another system's leaves a notice: fstab has a root ${what}`, async () => {
    const menu = { "/boot/grub/grub.cfg": `menuentry a { linux /k ${options} }`, "/boot/k": "K" };
    const { commandLine, notices } = await preview(menu, { ...setUp, "/etc/fstab": fstab });
    assert.deepEqual([commandLine, notices], [options, expected]);
  });
}

Deno.test("a mounted system is seen as its partitions", async () => {
  const files = { ...setUp, "/boot/efi/loader/entries/m.conf": `linux /k\noptions ${options}`, "/boot/efi/k": "K" };
  const system = createMemorySystem({
    files: Object.fromEntries(Object.entries(files).map(([path, content]) => [`/mnt${path}`, content])),
  });
  const partitions = await splitMountedSystem(system, "/mnt/");
  assert.deepEqual(partitions.map(({ label }) => label), ["/mnt", "/mnt/boot/efi"]);
  const result = await previewBoot(system, partitions);
  assert.equal(
    describe(result),
    `/mnt/boot/linux-stiefel [/mnt/boot/initramfs-stiefel.img] ${options} < /mnt/boot/efi/loader/entries/m.conf`,
  );
  assert.equal(result.desktopCommandLine, `${options} init_on_free=1 noresume`);
});

Deno.test("what only root may read is named, and needed only where nothing follows from the rest", async () => {
  const look = async (files: Files): Promise<BootPreview> => {
    const memory = createMemorySystem({ files });
    const system: typeof memory = {
      ...memory,
      readDirectory: (path) =>
        path === "/boot/efi"
          ? Promise.reject(new Deno.errors.PermissionDenied("Permission denied"))
          : memory.readDirectory(path),
    };
    return await previewBoot(system, await splitMountedSystem(system, "/"));
  };
  const esp = { "/boot/efi/loader/entries/m.conf": `linux /k\noptions ${options}`, "/boot/efi/k": "K" };
  await assert.rejects(look({ ...setUp, ...esp }), Deno.errors.PermissionDenied);
  const grub = { "/boot/grub/grub.cfg": `menuentry x { linux /boot/linux-stiefel ${options} }` };
  const { commandLine, notices } = await look({ ...setUp, ...esp, ...grub });
  assert.deepEqual([commandLine, notices], [options, ['"/boot/efi" was not looked into: only root may']]);
});

/** Users other than root may not look into /root, on a system where it is root's home. */
function withClosedHome(memory: MemorySystem): MemorySystem {
  const refuse = (path: string): void => {
    if (/\/root\//.test(path)) throw new Deno.errors.PermissionDenied(`lstat '${path}'`);
  };
  return {
    ...memory,
    lstat: async (path) => (refuse(path), await memory.lstat(path)),
    stat: async (path) => (refuse(path), await memory.stat(path)),
  };
}

for (const root of ["/", "/mnt"]) {
  Deno.test(`an ordinary user sees what a desktop gets from ${root}: root's home is no subvolume of it`, async () => {
    const top = root === "/" ? "" : root;
    const files = {
      ...setUp,
      "/etc/fstab": "UUID=1 / ext4 defaults 0 1\n",
      "/root/.bashrc": "",
      "/boot/grub/grub.cfg": `menuentry x { linux /boot/linux-stiefel ${options} }`,
    };
    const system = withClosedHome(
      createMemorySystem({
        files: Object.fromEntries(Object.entries(files).map(([path, content]) => [top + path, content])),
      }),
    );
    const { commandLine, notices } = await previewBoot(system, await splitMountedSystem(system, root));
    assert.deepEqual([commandLine, notices], [options, []]);
  });
}

Deno.test("a btrfs whose top is mounted is searched for the usual subvolumes", async () => {
  const files = Object.fromEntries(
    Object.entries({ ...setUp, ...debian }).map(([path, text]) => [`/mnt/@${path}`, text]),
  );
  const grub = { "/mnt/@/boot/grub/grub.cfg": `menuentry x { linux /@/boot/linux-stiefel ${options} }` };
  const system = createMemorySystem({ files: { ...files, ...grub } });
  const { kernel } = await previewBoot(system, await splitMountedSystem(system, "/mnt"));
  assert.equal(kernel.path, "/@/boot/linux-stiefel");
});

const arch = entry("a.conf", { linux: "/k", initrd: "/i", options }, ["/k", "/i"]);
const bootUuid = "aaaa-bbbb";
/** /boot as a partition of its own, as grub-mkconfig writes its menu. */
const separateBoot: Files = {
  "/boot/grub/grub.cfg":
    `menuentry x --id gnulinux-x { search --fs-uuid --set=root ${bootUuid}\n linux /k ${options}\n initrd /i }`,
  "/boot/k": "K",
  "/boot/i": "I",
};

function below(directory: string, files: Files): Files {
  return Object.fromEntries(Object.entries(files).map(([path, content]) => [directory + path, content]));
}

/** Trees on one file system: files, links, and the result. */
const trees: Readonly<
  Record<string, readonly [files: Files, links: Readonly<Record<string, string>>, result: string]>
> = {
  "/boot is a partition of its own in fstab": [
    { ...separateBoot, "/etc/fstab": `/dev/mapper/vg-root / ext4\nUUID=${bootUuid.toUpperCase()} /boot ext4` },
    {},
    `/mnt/boot/k [/mnt/boot/i] ${options} < /mnt/boot/grub/grub.cfg`,
  ],
  "it is set up": [
    { ...separateBoot, ...setUp, "/etc/fstab": `UUID=1 / ext4\nUUID=${bootUuid} /boot ext4` },
    {},
    `/mnt/boot/linux-stiefel [/mnt/boot/initramfs-stiefel.img] ${options} < /mnt/boot/grub/grub.cfg`,
  ],
  "/boot is a subvolume of the root file system": [
    { ...below("/boot", arch), "/etc/fstab": "UUID=1 / btrfs subvol=@\nUUID=1 /boot btrfs subvol=@boot" },
    {},
    `/mnt/boot/k [/mnt/boot/i] ${options} < /mnt/boot/loader/entries/a.conf`,
  ],
  "the ESP is where only fstab says": [
    { ...below("/esp", arch), "/etc/fstab": "UUID=1 / ext4\nUUID=AB-CD /esp vfat umask=0077 0 2" },
    {},
    `/mnt/esp/k [/mnt/esp/i] ${options} < /mnt/esp/loader/entries/a.conf`,
  ],
  "/efi is a link to /boot/efi": [
    below("/boot/efi", arch),
    { "/efi": "/boot/efi" },
    `/mnt/boot/efi/k [/mnt/boot/efi/i] ${options} < /mnt/boot/efi/loader/entries/a.conf`,
  ],
  "/boot/efi is a link to a directory that is no usual one": [
    below("/esp", arch),
    { "/boot/efi": "../esp" },
    `/mnt/esp/k [/mnt/esp/i] ${options} < /mnt/esp/loader/entries/a.conf`,
  ],
  "a link into the ESP leads nowhere on the partition itself": [
    {
      ...{ "/boot/grub/grub.cfg": `load_env\nset default=$saved_entry\n${grubMenu("a", "b")}` },
      ...{ "/boot/efi/grubenv": "saved_entry=b", ...grubFiles("a"), ...grubFiles("b") },
    },
    { "/boot/grub/grubenv": "../efi/grubenv" },
    "/mnt/boot/k-a [/mnt/boot/i-a] root=a < /mnt/boot/grub/grub.cfg",
  ],
  "/efi is a link to another machine's ESP": [
    below("/boot", arch),
    { "/efi": "/elsewhere" },
    `/mnt/boot/k [/mnt/boot/i] ${options} < /mnt/boot/loader/entries/a.conf`,
  ],
};
for (const [what, [files, links, result]] of Object.entries(trees)) {
  Deno.test(`a tree is seen as its partitions, ${what}`, async () => {
    const foreign = below("/elsewhere", entry("z.conf", { linux: "/k", initrd: "/i", options: "root=FOREIGN" }));
    const system = createMemorySystem({
      files: { ...below("/mnt", files), ...foreign, ...below("/elsewhere", { "/k": "K", "/i": "I" }) },
      symlinks: Object.fromEntries(Object.entries(links).map(([path, target]) => [`/mnt${path}`, target])),
    });
    assert.equal(describe(await previewBoot(system, await splitMountedSystem(system, "/mnt"))), result);
  });
}

Deno.test("a /boot that is not mounted is the reason that nothing is found", async () => {
  const system = createMemorySystem({ files: { "/mnt/etc/fstab": "UUID=1 / ext4\nUUID=2 /boot ext4 noauto\n" } });
  await system.makeDirectory("/mnt/boot", { mode: 0o755 });
  await assert.rejects(previewBoot(system, await splitMountedSystem(system, "/mnt")), (error) => {
    assert.ok(error instanceof BootError);
    assert.match(error.hints[0] ?? "", /^Nothing is in "\/mnt\/boot", .*: mount it$/);
    return true;
  });
});

for (const name of ["grub.cfg", "grubenv"]) {
  Deno.test(`a ${name} that only root may read is not taken for an empty one`, async () => {
    const menu = `load_env\nset default=$saved_entry\n${grubMenu("a", "b")}`;
    const files = { "/boot/grub/grub.cfg": menu, "/boot/grub/grubenv": "saved_entry=b", ...grubFiles("a") };
    const memory = createMemorySystem({ files: { ...files, ...grubFiles("b") } });
    const system: typeof memory = {
      ...memory,
      readText: (path) =>
        path.endsWith(name) ? Promise.reject(new Deno.errors.PermissionDenied("no")) : memory.readText(path),
    };
    await assert.rejects(previewBoot(system, await splitMountedSystem(system, "/")), Deno.errors.PermissionDenied);
  });
}
