/** What is found in the configurations of tests/fixtures/boot; its README says where they come from. */

import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import type { BootEntry, BootFiles } from "./entry.ts";
import { BootError } from "../../boot_error.ts";
import type { PlacedFile } from "./decide_boot.ts";
import { findBootEntry } from "../../../tests/support/find_boot_entry.ts";

const fixtures = fileURLToPath(new URL("../../../tests/fixtures/boot/", import.meta.url));

/** The fixture's files, and images that stand for kernels and initramfs files. */
function open(name: string, images: readonly string[]): BootFiles {
  const root = `${fixtures}${name}`;
  return {
    readText: (path) => Deno.readTextFile(root + path),
    list: async (path) => {
      try {
        return (await Array.fromAsync(Deno.readDir(root + path))).map((entry) => entry.name).sort();
      } catch {
        return [];
      }
    },
    exists: (path) =>
      images.includes(path) ? Promise.resolve(true) : Deno.stat(root + path).then(() => true, () => false),
  };
}

interface Expected {
  readonly loader: BootEntry["loader"];
  readonly source: string;
  readonly title: string;
  readonly kernel: string;
  readonly initrds: readonly string[];
  readonly commandLine: string;
}

const root = "root=UUID=db8535f8-8778-43aa-a622-aaf62d8787ed";
const machine = "c939d70f24104dcd90ca55d4979bbf33";
const fedora = "0badcafe-0000-4000-8000-00000000f0f0";

const cases: Readonly<Record<string, Expected>> = {
  "debian13-grub-root": {
    loader: "grub",
    source: "/boot/grub/grub.cfg",
    title: "Debian GNU/Linux",
    kernel: "/boot/vmlinuz-6.12.117+deb13-amd64",
    initrds: ["/boot/initrd.img-6.12.117+deb13-amd64"],
    commandLine: `${root} ro quiet`,
  },
  "debian13-grub-boot-partition": {
    loader: "grub",
    source: "/grub/grub.cfg",
    title: "Debian GNU/Linux, with Linux 6.12.100+deb13-amd64",
    kernel: "/vmlinuz-6.12.100+deb13-amd64",
    initrds: ["/initrd.img-6.12.100+deb13-amd64"],
    commandLine: `${root} ro net.ifnames=0 "dyndbg=file drivers/usb/* +p" quiet splash`,
  },
  "debian13-extlinux-root": {
    loader: "extlinux",
    source: "/boot/extlinux/extlinux.conf",
    title: "Debian GNU/Linux 13 (trixie) 6.12.117+deb13-amd64",
    kernel: "/boot/vmlinuz-6.12.117+deb13-amd64",
    initrds: ["/boot/initrd.img-6.12.117+deb13-amd64"],
    commandLine: "root=/dev/vda2 ro quiet",
  },
  "debian13-extlinux-boot-partition": {
    loader: "extlinux",
    source: "/extlinux/extlinux.conf",
    title: "Debian GNU/Linux 13 (trixie) 6.12.117+deb13-amd64",
    kernel: "/vmlinuz-6.12.117+deb13-amd64",
    initrds: ["/initrd.img-6.12.117+deb13-amd64"],
    commandLine: "root=/dev/vda2 ro quiet",
  },
  "debian13-systemd-boot": {
    loader: "systemd-boot",
    source: `/loader/entries/${machine}-6.12.117+deb13-amd64+5.conf`,
    title: "Debian GNU/Linux 13 (trixie)",
    kernel: `/${machine}/6.12.117+deb13-amd64/linux`,
    initrds: [`/${machine}/6.12.117+deb13-amd64/initrd.img-6.12.117+deb13-amd64`],
    commandLine: `${root} ro quiet systemd.machine_id=${machine}`,
  },
  "fedora40": {
    loader: "grub",
    source: "/grub2/grub.cfg",
    title: "Fedora Linux (6.8.5-301.fc40.x86_64) 40 (Workstation Edition)",
    kernel: "/vmlinuz-6.8.5-301.fc40.x86_64",
    initrds: ["/initramfs-6.8.5-301.fc40.x86_64.img"],
    commandLine: `root=UUID=${fedora} ro rootflags=subvol=root rhgb quiet`,
  },
  "opensuse": {
    loader: "grub",
    source: "/boot/grub2/grub.cfg",
    title: "openSUSE Tumbleweed",
    kernel: "/boot/vmlinuz-6.10.2-1-default",
    initrds: ["/boot/initrd-6.10.2-1-default"],
    commandLine:
      "root=UUID=aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee splash=silent quiet security=apparmor mitigations=auto",
  },
  "arch-systemd-boot": {
    loader: "systemd-boot",
    source: "/loader/entries/arch.conf",
    title: "Arch Linux (linux)",
    kernel: "/vmlinuz-linux",
    initrds: ["/amd-ucode.img", "/initramfs-linux.img"],
    commandLine: "cryptdevice=PARTUUID=11111111-2222-3333-4444-555555555555:root root=/dev/mapper/root " +
      "zswap.enabled=0 rootflags=subvol=@ rw rootfstype=btrfs",
  },
};

for (const [name, expected] of Object.entries(cases)) {
  Deno.test(`${name} boots "${expected.title}"`, async () => {
    const entry = await findBootEntry(open(name, [expected.kernel, ...expected.initrds]));
    const place = (path: string): PlacedFile => ({ partition: 0, path });
    assert.deepEqual(entry, {
      ...expected,
      kernel: place(expected.kernel),
      initrds: expected.initrds.map(place),
      source: place(expected.source),
      commandLineSource: place(expected.source),
      notices: [],
    });
  });
}

/** A small generator with a seed (mulberry32), so that a failure can be seen again. */
function makeRandom(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) % below;
  };
}

function mutate(text: string, random: (below: number) => number): string {
  const pieces = [
    "{",
    "}",
    "'",
    '"',
    "\\",
    "$",
    "${",
    "fi",
    "if ",
    "\n",
    ";",
    "#",
    "eval $prefix",
    "source $prefix/x",
    "\0",
  ];
  let mutated = text;
  for (let i = random(6); i >= 0; i--) {
    const at = random(mutated.length + 1);
    const cut = random(3) === 0 ? random(60) : 0;
    mutated = mutated.slice(0, at) + (pieces[random(pieces.length)] ?? "") + mutated.slice(at + cut);
  }
  return mutated;
}

Deno.test("2000 damaged configurations give an entry, nothing, or an error that is meant, and end at once", async () => {
  const files = [
    "fedora40/grub2/grub.cfg",
    "debian13-grub-boot-partition/grub/grub.cfg",
    "opensuse/boot/grub2/grub.cfg",
  ];
  const texts = files.map((file) => Deno.readTextFileSync(fixtures + file));
  const random = makeRandom(20);
  for (let round = 0; round < 2000; round++) {
    const damaged: Readonly<Record<string, string>> = {
      "/grub/grub.cfg": mutate(texts[random(texts.length)] ?? "", random),
      "/grub/x": mutate("menuentry x { linux /vmlinuz }", random),
      "/extlinux/extlinux.conf": mutate("LABEL x\nLINUX /vmlinuz\nINCLUDE x\n", random),
      "/loader/entries/x.conf": mutate("title x\nlinux /vmlinuz\noptions $kernelopts\n", random),
    };
    try {
      await findBootEntry({
        readText: (path) => Promise.resolve(damaged[path] ?? ""),
        list: (path) => Promise.resolve(path === "/loader/entries" ? ["x.conf"] : []),
        exists: (path) => Promise.resolve(path === "/" || path in damaged || /vmlinuz|init/.test(path)),
      });
    } catch (error) {
      assert.ok(error instanceof BootError, `round ${round}: ${error instanceof Error ? error.stack : error}`);
    }
  }
});
