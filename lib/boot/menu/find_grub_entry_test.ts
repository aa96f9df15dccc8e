/** grub.cfg with the files around it, on one partition and on several. */

import assert from "node:assert/strict";
import type { BootFiles, Partition } from "./entry.ts";
import { runGrubConfig } from "./find_grub_entry.ts";

type Files = Readonly<Record<string, string>>;

/** A partition in memory: paths and texts; a path that ends in "/" is an empty directory. */
function makeFiles(files: Files, blocks?: string): BootFiles {
  const isDirectory = (path: string): boolean =>
    Object.keys(files).some((name) => name.startsWith(`${path.replace(/\/$/, "")}/`));
  return {
    readText: (path) => {
      const text = files[path];
      return text === undefined ? Promise.reject(new Error(`no ${path}`)) : Promise.resolve(text);
    },
    list: (path) => {
      const top = `${path.replace(/\/$/, "")}/`;
      const names = Object.keys(files).filter((name) => name.startsWith(top)).map((name) => name.slice(top.length));
      return Promise.resolve([...new Set(names.map((name) => name.split("/")[0] ?? ""))].filter(Boolean).sort());
    },
    exists: (path) => Promise.resolve(Object.hasOwn(files, path) || isDirectory(path)),
    status: (path) => {
      const text = files[path];
      if (text !== undefined && !path.endsWith("/")) return Promise.resolve({ kind: "file", sizeBytes: text.length });
      return Promise.resolve(isDirectory(path) ? { kind: "directory", sizeBytes: 0 } : undefined);
    },
    ...blocks === undefined ? {} : { readBlocks: () => Promise.resolve(blocks) },
  };
}

interface Case {
  readonly files: Files;
  readonly path?: string;
  readonly blocks?: string;
  readonly own?: Omit<Partition, "files" | "name">;
  readonly others?: Readonly<Record<string, Omit<Partition, "files" | "name"> & { readonly files: Files }>>;
}

/** @returns `PARTITION:KERNEL COMMAND LINE`, then the notices; without an entry the notices alone */
async function run(
  { files, path = "/boot/grub/grub.cfg", blocks, own, others = {} }: Case,
): Promise<readonly string[]> {
  const { entry, notices } = await runGrubConfig({
    path,
    bootDirectory: path.replace(/\/?(?:grub2?|EFI\/\w+)\/grub.cfg$/, ""),
    partitions: [
      { name: "own", ...own, files: makeFiles(files, blocks) },
      ...Object.entries(others).map(([name, other]) => ({ name, ...other, files: makeFiles(other.files) })),
    ],
  });
  return [...entry === undefined ? [] : [`${entry.partition}:${entry.kernel} ${entry.commandLine}`], ...notices];
}

const environment = (...lines: readonly string[]): string => ["# GRUB Environment Block", ...lines, "####"].join("\n");

/** What grub-mkconfig writes for each entry. */
function entry(title: string, { uuid, id = title, root = uuid, kernel = "/boot/vmlinuz", device = "hd0,gpt2" }: {
  readonly uuid: string;
  readonly id?: string;
  readonly root?: string;
  readonly kernel?: string;
  readonly device?: string;
}): string {
  return `menuentry '${title}' --class gnu-linux --class os $menuentry_id_option '${id}' {
	insmod ext2
	set root='${device}'
	if [ x$feature_platform_search_hint = xy ]; then
	  search --no-floppy --fs-uuid --set=root --hint-bios=${device} --hint-efi=${device} --hint-baremetal=ahci0,gpt2  ${uuid}
	else
	  search --no-floppy --fs-uuid --set=root ${uuid}
	fi
	linux	${kernel} root=UUID=${root} ro
}
`;
}

const idOption = "menuentry_id_option=--id\n";
const two = idOption + entry("Mine", { uuid: "1111" }) +
  entry("Theirs", { uuid: "2222", id: "osprober-gnulinux-2222", device: "hd0,gpt3" });
const kernels = { "/boot/vmlinuz": "K" };
const mine = "own:/boot/vmlinuz root=UUID=1111 ro";
const isAnother = (what: string, title = "Theirs"): string =>
  `The boot menu's default "${title}" starts another system, on ${what}`;
const theirsIsNot = (what: string, title = "Theirs"): string =>
  `${isAnother(what, title)}; the first other entry is taken`;
const advice =
  "name the partition with the kernel in boot.part of config.yaml, or kernel, initrd and cmdline in boot.load";

const cases: Readonly<Record<string, readonly [Case, readonly string[]]>> = {
  "U1: the default is another system's: this system's first entry, and who the other is": [
    { files: { ...kernels, "/boot/grub/grub.cfg": `set default=1\n${two}` } },
    [mine, theirsIsNot("the file system with UUID 2222")],
  ],
  "U1: the other system's entry comes first": [
    {
      files: {
        ...kernels,
        "/boot/grub/grub.cfg": idOption +
          entry("Theirs", { uuid: "2222", id: "osprober-gnulinux-2222" }) + entry("Mine", { uuid: "1111" }),
      },
    },
    [mine, theirsIsNot("the file system with UUID 2222")],
  ],
  "U1: it comes first, and only its title tells": [
    {
      files: {
        ...kernels,
        "/boot/grub/grub.cfg": entry("Debian 12 (on /dev/sda3)", { uuid: "2222" }) + entry("Mine", { uuid: "1111" }),
      },
    },
    [mine, theirsIsNot("the file system with UUID 2222", "Debian 12 (on /dev/sda3)")],
  ],
  "U1: it comes first, and its kernel is not here": [
    {
      files: {
        ...kernels,
        "/boot/grub/grub.cfg": entry("Theirs", { uuid: "2222", kernel: "/boot/other" }) +
          entry("Mine", { uuid: "1111" }),
      },
    },
    [mine, theirsIsNot("the file system with UUID 2222")],
  ],
  "U1: it comes first, but the menu's head looks for this one's": [
    {
      files: {
        ...kernels,
        "/boot/grub/grub.cfg":
          "search --no-floppy --fs-uuid --set=root 1111\nif background_image /x.png; then true; fi\n" +
          entry("Theirs", { uuid: "2222" }) + entry("Mine", { uuid: "1111" }),
      },
    },
    [mine, theirsIsNot("the file system with UUID 2222")],
  ],
  "U1: the partition's own UUID tells more than the order": [
    {
      files: {
        ...kernels,
        "/boot/grub/grub.cfg": entry("Theirs", { uuid: "2222" }) + entry("Mine", { uuid: "AB-11" }),
      },
      own: { uuid: "ab-11" },
    },
    ["own:/boot/vmlinuz root=UUID=AB-11 ro", theirsIsNot("the file system with UUID 2222")],
  ],
  "U1: so does its fstab": [
    {
      files: {
        ...kernels,
        "/boot/grub/grub.cfg": entry("Theirs", { uuid: "2222" }) + entry("Mine", { uuid: "1111" }),
        "/etc/fstab": "# <file system>\nUUID=1111 / ext4 defaults 0 1\nUUID=3333 /home ext4 defaults 0 2\n",
      },
    },
    [mine, theirsIsNot("the file system with UUID 2222")],
  ],
  ...Object.fromEntries(
    ([
      ["a PARTUUID", "PARTUUID=AA-11", "PARTUUID=aa-11"],
      ["a link", "/dev/disk/by-partuuid/aa-11", "PARTUUID=aa-11"],
      ["a volume", "/dev/vg-a/root", "/dev/mapper/vg--a-root"],
      ["a device", "/dev/nvme0n1p2", "/dev/nvme0n1p2"],
      ["a label", "LABEL=Mine", "LABEL=Mine"],
    ] as const).map(([what, inFstab, root]): [string, readonly [Case, readonly string[]]] => [
      `U1: so does its fstab with ${what}`,
      [
        {
          files: {
            ...kernels,
            "/boot/grub/grub.cfg": entry("Theirs", { uuid: "2222" }) +
              entry("Mine", { uuid: "1111" }).replace("root=UUID=1111", `root=${root}`),
            "/etc/fstab": `${inFstab} / ext4 defaults 0 1\n`,
          },
        },
        [`own:/boot/vmlinuz root=${root} ro`, theirsIsNot("the file system with UUID 2222")],
      ],
    ]),
  ),
  "U1: the fstab of the only system, whose /boot is a partition of its own": [
    {
      files: {
        "/vmlinuz": "K",
        "/grub/grub.cfg": entry("Theirs", { uuid: "2222", kernel: "/vmlinuz" }) +
          entry("Mine", { uuid: "1111", kernel: "/vmlinuz", root: "9999" })
            .replace("root=UUID=9999", "root=PARTUUID=aa-11"),
      },
      path: "/grub/grub.cfg",
      others: { "/": { files: { "/etc/fstab": "PARTUUID=aa-11 / ext4 defaults 0 1\n" } } },
    },
    ["own:/vmlinuz root=PARTUUID=aa-11 ro", theirsIsNot("the file system with UUID 2222")],
  ],
  "U1: fstab does not tell, but grub-mkconfig has made one of them": [
    {
      files: {
        ...kernels,
        "/boot/grub/grub.cfg": idOption + entry("Theirs", { uuid: "2222" }) +
          entry("Mine", { uuid: "1111", id: "gnulinux-simple-1111" }),
        "/etc/fstab": "PARTUUID=aa-11 / ext4 defaults 0 1\n",
      },
    },
    [mine, theirsIsNot("the file system with UUID 2222")],
  ],
  ...Object.fromEntries(
    ["none / ext4 defaults 0 1\n", "PARTUUID=aa-11 / ext4 defaults 0 1\n", "# gpt-auto\n"].map((
      fstab,
    ): [string, readonly [Case, readonly string[]]] => [
      `U1: nothing tells (fstab: ${fstab.trim()}): the first, with a notice`,
      [
        {
          files: {
            ...kernels,
            "/boot/grub/grub.cfg": entry("Theirs", { uuid: "2222" }) + entry("Mine", { uuid: "1111" }),
            "/etc/fstab": fstab,
          },
        },
        [
          "own:/boot/vmlinuz root=UUID=2222 ro",
          "The boot menu starts several systems, and nothing tells which one is this (its fstab has no root that the menu names): the first is taken",
        ],
      ],
    ]),
  ),
  "U1: nothing but another system's entries": [
    {
      files: { ...kernels, "/boot/grub/grub.cfg": entry("Theirs", { uuid: "2222" }) },
      own: { uuid: "1111" },
    },
    [isAnother("the file system with UUID 2222"), advice],
  ],
  "U1: in a submenu": [
    {
      files: {
        ...kernels,
        "/boot/grub/grub.cfg": `set default="more>osprober-x"\n${idOption}${entry("Mine", { uuid: "1111" })}
submenu More --id more {\n${entry("Theirs", { uuid: "2222", id: "osprober-x" })}}`,
      },
    },
    [mine, theirsIsNot("the file system with UUID 2222")],
  ],
  "U1: by label": [
    {
      files: {
        ...kernels,
        "/boot/grub/grub.cfg":
          "set default=1\nmenuentry Mine { search --label --set=root me\nlinux /boot/vmlinuz root=LABEL=me }\n" +
          "menuentry Theirs { search --label them --set root; linux /boot/vmlinuz root=LABEL=them }",
      },
    },
    ["own:/boot/vmlinuz root=LABEL=me", theirsIsNot('the file system labelled "them"')],
  ],
  "U1: by the device's name, also in the path": [
    {
      files: {
        ...kernels,
        "/boot/grub/grub.cfg": "set default=1\nmenuentry Mine { set root='hd0,gpt2'; linux /boot/vmlinuz a }\n" +
          "menuentry Theirs { linux (hd0,gpt3)/boot/vmlinuz b }",
      },
    },
    ["own:/boot/vmlinuz a", theirsIsNot('GRUB\'s device "hd0,gpt3"')],
  ],
  "U1: by the device's name, where search tells this one's": [
    {
      files: {
        ...kernels,
        "/boot/grub/grub.cfg": "set default=1\n" + entry("Mine", { uuid: "1111" }) +
          "menuentry Theirs { set root=lvmid/a/b; linux /boot/vmlinuz b }",
      },
    },
    [mine, theirsIsNot('GRUB\'s device "lvmid/a/b"')],
  ],
  "U1: chainloader": [
    {
      files: {
        ...kernels,
        "/boot/grub/grub.cfg": "set default=1\n" + entry("Mine", { uuid: "1111" }) +
          "menuentry Windows { search --fs-uuid --set=root 4444; chainloader /EFI/Microsoft/Boot/bootmgfw.efi }",
      },
    },
    [mine, theirsIsNot("the file system with UUID 4444", "Windows")],
  ],
  "U1: configfile of the other system": [
    {
      files: {
        ...kernels,
        "/boot/grub/grub.cfg": "set default=1\n" + entry("Mine", { uuid: "1111" }) +
          "menuentry Theirs { search --fs-uuid --set=root 2222; configfile /boot/grub/grub.cfg }",
      },
    },
    [mine, theirsIsNot("the file system with UUID 2222")],
  ],
  "U1: the other system is on a partition that we have": [
    {
      files: { ...kernels, "/boot/grub/grub.cfg": `set default=1\n${two}` },
      own: { uuid: "1111" },
      others: { "/dev/sda3": { uuid: "2222", files: kernels } },
    },
    ["/dev/sda3:/boot/vmlinuz root=UUID=2222 ro"],
  ],
  "U1: search by file": [
    {
      files: {
        ...kernels,
        "/boot/grub/grub.cfg": "search --file --set=root /boot/other\nmenuentry x { linux /boot/vmlinuz a }",
      },
      others: { "/dev/sda3": { files: { "/boot/other": "", "/boot/vmlinuz": "" } } },
    },
    ["/dev/sda3:/boot/vmlinuz a"],
  ],
  "one system with a boot partition of its own, whose root has another UUID": [
    {
      files: { "/vmlinuz": "", "/grub/grub.cfg": entry("Mine", { uuid: "9999", root: "1111", kernel: "/vmlinuz" }) },
      path: "/grub/grub.cfg",
    },
    ["own:/vmlinuz root=UUID=1111 ro"],
  ],
  "B14: the prefix leads to another grubenv and custom.cfg": [
    {
      files: {
        "/@/boot/vmlinuz": "",
        "/boot/grub/grub.cfg": "set prefix=($root)/@/boot/grub\nconfigfile $prefix/grub.cfg",
        "/boot/grub/grubenv": environment("saved_entry=One"),
        "/@/boot/grub/grubenv": environment("saved_entry=Two"),
        "/@/boot/grub/grub.cfg": "load_env\nset default=$saved_entry\nmenuentry One { linux /@/boot/vmlinuz 1 }\n" +
          "source ${config_directory}/custom.cfg",
        "/@/boot/grub/custom.cfg": "menuentry Two { linux /@/boot/vmlinuz 2; }",
      },
    },
    ["own:/@/boot/vmlinuz 2"],
  ],
  "B14: load_env with a file, a list of names, and a signature that is not looked at": [
    {
      files: {
        ...kernels,
        "/boot/grub/grub.cfg": "set mine=kept\nload_env -s --file /boot/env taken other\n" +
          "menuentry x { linux /boot/vmlinuz $taken $mine $left }",
        "/boot/env": environment("taken=yes", "mine=lost", "left=lost"),
      },
    },
    ["own:/boot/vmlinuz yes kept"],
  ],
  "B14: source keeps what the file sets, configfile shows its menu only": [
    {
      files: {
        ...kernels,
        "/boot/grub/grub.cfg": "source /a\nmenuentry Outer { linux /boot/vmlinuz outer }\nconfigfile /b\nset default=0",
        "/a": "set from=a",
        "/b":
          "set default=1\nmenuentry Inner { linux /boot/vmlinuz $from }\nmenuentry Inner2 { linux /boot/vmlinuz $from 2 $config_file }",
      },
    },
    ["own:/boot/vmlinuz a 2 (own)/boot/grub/grub.cfg"],
  ],
  "B14: a configfile that is not there, or has no menu, changes nothing": [
    {
      files: {
        ...kernels,
        "/boot/grub/grub.cfg":
          "configfile /none\nconfigfile /empty\nmenuentry x { linux /boot/vmlinuz [$a] }\nconfigfile relative.cfg",
        "/empty": "set a=b",
        "/boot/grub/relative.cfg": "menuentry y { linux /y }",
      },
    },
    ["own:/boot/vmlinuz []"],
  ],
  "B14: normal shows the menu of the prefix": [
    {
      files: {
        ...kernels,
        "/boot/grub/grub.cfg": "set prefix=/boot/other\nnormal",
        "/boot/other/grub.cfg": "menuentry x { linux /boot/vmlinuz other }",
      },
    },
    ["own:/boot/vmlinuz other"],
  ],
  "B7: a saved entry in a block of the device": [
    {
      files: {
        ...kernels,
        "/boot/grub/grub.cfg": `if [ -s $prefix/grubenv ]; then\n  load_env\nfi
if [ "\${env_block}" ] ; then
  set env_block="(\${root})\${env_block}"
  export env_block
  load_env -f "\${env_block}"
fi
set default="\${saved_entry}"
menuentry One { linux /boot/vmlinuz 1 }
menuentry Two { linux /boot/vmlinuz 2 }`,
        "/boot/grub/grubenv": environment("env_block=512+1"),
      },
      blocks: environment("saved_entry=Two"),
    },
    ["own:/boot/vmlinuz 2"],
  ],
  "U2: what is wrong in custom.cfg is skipped, with its own name and line": [
    {
      files: {
        ...kernels,
        "/boot/grub/grub.cfg":
          "menuentry Good { linux /boot/vmlinuz a }\nsource $prefix/custom.cfg\nset default=Last\n" +
          "menuentry Last { linux /boot/vmlinuz b }",
        "/boot/grub/custom.cfg":
          "# mine\nmenuentry Mine { linux /boot/vmlinuz c; }\n\nif [ a ]; then\nmenuentry Lost { linux /x }\n",
      },
    },
    [
      "own:/boot/vmlinuz b",
      'GRUB skips a part of "/boot/grub/custom.cfg" that it cannot read: line 4: a "if" is not closed',
    ],
  ],
  "U2: a stray brace": [
    { files: { ...kernels, "/boot/grub/grub.cfg": "menuentry Good {\n linux /boot/vmlinuz a\n}\n}\n" } },
    [
      "own:/boot/vmlinuz a",
      'GRUB skips a part of "/boot/grub/grub.cfg" that it cannot read: line 4: wanted a command, found "}"',
    ],
  ],
  "U2: a long word in a damaged file is cut": [
    { files: { ...kernels, "/boot/grub/grub.cfg": `menuentry Good { linux /boot/vmlinuz a; } ${"x".repeat(300)}\n` } },
    [
      `GRUB skips a part of "/boot/grub/grub.cfg" that it cannot read: line 1: wanted the end of the statement, found "${
        "x".repeat(52)
      }…`,
    ],
  ],
  "U2: of a file with many faults the first are named": [
    {
      files: { ...kernels, "/boot/grub/grub.cfg": `menuentry Good {\n linux /boot/vmlinuz a\n}\n${"}\n".repeat(99)}` },
    },
    [
      "own:/boot/vmlinuz a",
      ...[4, 5, 6].map((line) =>
        `GRUB skips a part of "/boot/grub/grub.cfg" that it cannot read: line ${line}: wanted a command, found "}"`
      ),
      'GRUB cannot read more parts of "/boot/grub/grub.cfg", either: the file may be damaged',
    ],
  ],
  "U5: the menu is on the EFI partition, the kernels are elsewhere": [
    {
      path: "/EFI/centos/grub.cfg",
      files: {
        "/EFI/centos/grub.cfg": `load_env\nset default="\${saved_entry}"\n` +
          entry("Zero", { uuid: "bb", root: "rr", kernel: "/vmlinuz-0" }) +
          entry("One", { uuid: "bb", root: "rr", kernel: "/vmlinuz-3.10" }).replace("linux\t", "linuxefi "),
        "/EFI/centos/grubenv": environment("saved_entry=One"),
      },
      own: { uuid: "11-22" },
      others: {
        "/dev/sda3": { uuid: "rr", files: { "/etc/fstab": "" } },
        "/dev/sda2": { uuid: "bb", files: { "/vmlinuz-3.10": "", "/vmlinuz-0": "" } },
      },
    },
    ["/dev/sda2:/vmlinuz-3.10 root=UUID=rr ro"],
  ],
  "U5: directories without UUIDs: the one that has the kernel": [
    {
      path: "/EFI/centos/grub.cfg",
      files: { "/EFI/centos/grub.cfg": entry("One", { uuid: "bb", root: "rr", kernel: "/vmlinuz-3.10" }) },
      others: {
        third: { files: { "/etc/fstab": "/dev/mapper/centos-root / xfs defaults 0 0" } },
        second: { files: { "/vmlinuz-3.10": "" } },
      },
    },
    ["second:/vmlinuz-3.10 root=UUID=rr ro"],
  ],
  "U5: what GRUB knows from the EFI partition reaches the entries beside the kernel": [
    {
      path: "/EFI/redhat/grub.cfg",
      files: {
        "/EFI/redhat/grub.cfg": "load_env\nsearch --no-floppy --fs-uuid --set=root bb\ninsmod blscfg\nblscfg\n",
        "/EFI/redhat/grubenv": environment("kernelopts=root=/dev/mapper/rhel-root ro crashkernel=auto"),
      },
      others: {
        "/dev/sda2": {
          uuid: "bb",
          files: {
            "/vmlinuz-4.18": "",
            "/loader/entries/m-4.18.conf": "title RHEL\nlinux /vmlinuz-4.18\noptions $kernelopts $tuned_params\n",
          },
        },
      },
    },
    ["/dev/sda2:/vmlinuz-4.18 root=/dev/mapper/rhel-root ro crashkernel=auto"],
  ],
  "U5: a small script on the EFI partition leads on": [
    {
      path: "/EFI/ubuntu/grub.cfg",
      files: {
        "/EFI/ubuntu/grub.cfg":
          "search.fs_uuid rr root hd0,gpt2\nset prefix=($root)'/@/boot/grub'\nconfigfile $prefix/grub.cfg\n",
      },
      others: {
        "/dev/sda2": {
          uuid: "rr",
          files: {
            "/@/boot/vmlinuz": "",
            "/@/boot/grub/grub.cfg": "load_env\nset default=$saved_entry\n" +
              entry("A", { uuid: "rr", kernel: "/@/boot/vmlinuz" }) + "menuentry B { linux /@/boot/vmlinuz b }",
            "/@/boot/grub/grubenv": environment("saved_entry=B"),
          },
        },
      },
    },
    ["/dev/sda2:/@/boot/vmlinuz b"],
  ],
  "U5: the kernel's partition is not there": [
    {
      path: "/EFI/centos/grub.cfg",
      files: { "/EFI/centos/grub.cfg": entry("One", { uuid: "bb" }) },
      own: { uuid: "11-22" },
    },
    [isAnother("the file system with UUID bb", "One"), advice],
  ],
};

for (const [what, [input, expected]] of Object.entries(cases)) {
  Deno.test(what, async () => assert.deepEqual(await run(input), expected));
}

Deno.test("B7: a block that cannot be read is reported", async () => {
  const result = await run({
    files: { ...kernels, "/boot/grub/grub.cfg": "load_env -f (hd0,gpt2)512+1\nmenuentry x { linux /boot/vmlinuz a }" },
  });
  assert.equal(result[0], "own:/boot/vmlinuz a");
  assert.match(result[1] ?? "", /in blocks outside the file system \("512\+1"\), which cannot be read here/);
});
