import assert from "node:assert/strict";
import type { CommandOutput } from "../system/system.ts";
import { createMemorySystem, type MemorySystem } from "../../tests/support/memory_system.ts";
import { openBootPartition } from "./boot_partition.ts";
import { BootError } from "../boot_error.ts";

/** What a device holds: a file system's files, or what is found once it is opened. */
interface Device {
  readonly type: string;
  readonly files?: Readonly<Record<string, string>>;
  /** btrfs: files seen from the top, `files` are those of the default subvolume. */
  readonly topFiles?: Readonly<Record<string, string>>;
  /** ext4 with something in its journal. */
  readonly isUnclean?: boolean;
  /** Texts on the device itself, by their offset in bytes. */
  readonly blocks?: Readonly<Record<number, string>>;
}

interface Machine {
  /** By path; partitions of /dev/sda are on the disk from the start, mappings appear when they are opened. */
  readonly devices: Readonly<Record<string, Device>>;
  readonly passphrase?: string;
  /** `vg|lv|layout|role` of the volumes on any physical volume. */
  readonly volumes?: string;
}

const boot = {
  "grub/grub.cfg": "menuentry Debian { linux /vmlinuz root=/dev/sda2 ro; initrd /initrd.img }",
  "vmlinuz": "KERNEL",
  "initrd.img": "INITRD",
};

/** Knows the commands of openBootPartition, and keeps book of what is mounted and opened. */
function makeMachine(machine: Machine): { readonly system: MemorySystem; readonly held: Map<string, string> } {
  const held = new Map<string, string>();
  const mapped = (path: string): Device | undefined =>
    path.startsWith("/dev/mapper/stiefelsystem-") ? machine.devices["/dev/mapper/opened"] : machine.devices[path];
  const exists = (path: string): boolean =>
    path === "/dev/sda" || (path.startsWith("/dev/sda") ? path in machine.devices : held.has(path));
  const output = (exitCode: number, stderr = ""): CommandOutput => ({ exitCode, stdout: "", stderr });

  const system = createMemorySystem({
    commands: [async (argv, options) => {
      const [program] = argv;
      const last = argv.at(-1) ?? "";
      switch (program) {
        case "lsblk": {
          if (argv.includes("--nodeps")) return exists(last) ? `${last}\n` : 32;
          const common = { size: 1e9, ro: false, rm: false, "log-sec": 512 };
          const children = Object.keys(machine.devices).filter((path) => path.startsWith("/dev/sda")).map((path) => ({
            ...common,
            name: path.slice(5),
            path,
            type: "part",
          }));
          return JSON.stringify({
            blockdevices: [{ ...common, name: "sda", path: "/dev/sda", type: "disk", children }],
          });
        }
        case "blkid": {
          const type = mapped(last)?.type;
          return type === undefined ? 2 : `DEVNAME=${last}\nTYPE=${type}\n`;
        }
        case "od": {
          const block = mapped(last)?.blocks?.[Number(argv[argv.indexOf("-j") + 1])];
          if (block !== undefined) return formatBytes(new TextEncoder().encode(block));
          return formatSuperBlock(mapped(last)?.isUnclean ?? false);
        }
        case "mount": {
          const device = argv.at(-2) ?? "";
          held.set(last, device);
          const isTop = argv.some((arg) => arg.includes("subvolid=5"));
          const files = isTop ? mapped(device)?.topFiles : mapped(device)?.files;
          for (const [name, text] of Object.entries(files ?? {})) {
            await system.writeFile(`${last}/${name}`, text);
          }
          return 0;
        }
        case "umount":
          assert.ok(held.delete(last), `${last} was mounted`);
          return 0;
        case "rmdir":
          assert.equal(held.has(last), false, "never removes a directory with a partition on it");
          return 0;
        case "cryptsetup":
          if (argv[1] === "close") {
            assert.ok(held.delete(`/dev/mapper/${last}`));
            return 0;
          }
          if (options.stdin !== machine.passphrase) return output(2, "No key available with this passphrase.");
          held.set(`/dev/mapper/${last}`, "luks");
          return 0;
        case "lvm": {
          if (argv[1] === "lvs") return machine.volumes ?? "";
          const path = `/dev/${last}`;
          if (argv.includes("y")) held.set(path, "lvm");
          else assert.ok(held.delete(path), `${path} was active`);
          return 0;
        }
        default:
          return undefined;
      }
    }],
  });
  // What btrfs says of the directory at a subvolume's top.
  const lstat: MemorySystem["lstat"] = async (path) => {
    const status = await system.lstat(path);
    return status && { ...status, inode: /\/@[^/]*$/.test(path) ? 256 : 1000 };
  };
  return { system: { ...system, lstat }, held };
}

/** What lib/disk/needs_recovery.ts reads of ext4, as od(1) prints it. */
function formatSuperBlock(isUnclean: boolean): string {
  const block = new DataView(new ArrayBuffer(0x64));
  block.setUint16(0x38, 0xef53, true);
  block.setUint32(0x60, isUnclean ? 0x4 : 0, true);
  return formatBytes(new Uint8Array(block.buffer));
}

function formatBytes(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join(" ");
}

const settings = { disk: "/dev/sda" };

Deno.test("the boot entry is found on a plain partition, read, and everything is released", async () => {
  const { system, held } = makeMachine({
    devices: {
      "/dev/sda1": { type: "vfat" },
      "/dev/sda2": { type: "ext4", files: boot },
      "/dev/sda3": { type: "swap" },
    },
  });
  {
    await using opened = await openBootPartition(system, settings);
    assert.equal(opened.device, "/dev/sda2");
    assert.equal(opened.fileSystem, "ext4");
    assert.equal(opened.entry.title, "Debian");
    assert.equal(opened.kernelBytes, 6);
    assert.equal(opened.initramfsBytes, 8, "padded");
    assert.equal(await new Response(await opened.openKernel()).text(), "KERNEL");
    assert.equal(await new Response(await opened.openInitramfs()).text(), "INITRD\0\0");
    assert.equal(held.size, 1);
  }
  assert.equal(held.size, 0);
});

Deno.test("a stream that is still open when the partition is closed fails, it does not just end", async () => {
  const { system } = makeMachine({ devices: { "/dev/sda1": { type: "ext4", files: boot } } });
  const opened = await openBootPartition(system, settings);
  const [kernel, initramfs] = [await opened.openKernel(), await opened.openInitramfs()];
  await opened[Symbol.asyncDispose]();
  await assert.rejects(new Response(kernel).text(), /closed while it was being read/);
  await assert.rejects(new Response(initramfs).text(), /closed while it was being read/);
});

Deno.test("of several partitions the one with our own file is taken", async () => {
  const json = '{"kernel": "vmlinuz", "initrd": "initrd.img", "cmdline": "ours"}';
  const { system } = makeMachine({
    devices: {
      "/dev/sda1": { type: "ext4", files: boot },
      "/dev/sda2": { type: "xfs", files: { ...boot, "stiefelsystem.json": json } },
    },
  });
  await using opened = await openBootPartition(system, settings);
  assert.deepEqual([opened.device, opened.entry.commandLine], ["/dev/sda2", "ours"]);
});

Deno.test("where a subvolume is the default one, paths from the top of the file system are found, too", async () => {
  const system = (topFiles: Readonly<Record<string, string>>): MemorySystem =>
    makeMachine({
      devices: {
        "/dev/sda1": {
          type: "btrfs",
          files: { "boot/grub/grub.cfg": config, "boot/vmlinuz": "KERNEL" },
          topFiles,
        },
      },
    }).system;
  const config = "menuentry Arch { linux /@/boot/vmlinuz root=/dev/sda1 rootflags=subvol=@ }";
  {
    const top = { "@/boot/grub/grub.cfg": config, "@/boot/vmlinuz": "KERNEL" };
    await using opened = await openBootPartition(system(top), settings);
    assert.equal(opened.entry.kernel, "/@/boot/vmlinuz");
  }
  await assert.rejects(
    openBootPartition(system({}), settings),
    (error) => error instanceof BootError && error.hints.some((hint) => hint.includes(`names "/@/boot/vmlinuz"`)),
  );
});

Deno.test("B6: /boot is a btrfs subvolume of its own, and snapshots of the root do not win", async () => {
  const config = (kernel: string): string => `menuentry Arch { linux ${kernel} root=UUID=1 rootflags=subvol=@ }`;
  const fstab = "UUID=1 / btrfs rw,subvol=/@ 0 0\nUUID=1 /boot btrfs rw,subvol=/@boot 0 0\n";
  const { system } = makeMachine({
    devices: {
      "/dev/sda1": {
        type: "btrfs",
        topFiles: {
          "@/boot/.keep": "",
          "@/etc/fstab": fstab,
          "@boot/grub/grub.cfg": config("/@boot/vmlinuz"),
          "@boot/vmlinuz": "KERNEL",
          "@a/etc/fstab": fstab,
          "@a/boot/grub/grub.cfg": config("/@a/boot/vmlinuz"),
          "@a/boot/vmlinuz": "OLD",
        },
      },
    },
  });
  await using opened = await openBootPartition(system, settings);
  assert.deepEqual([opened.entry.source, opened.entry.kernel], ["/@boot/grub/grub.cfg", "/@boot/vmlinuz"]);
});

Deno.test("B6: without boot files the message names the subvolumes that were looked into", async () => {
  const { system } = makeMachine({
    devices: { "/dev/sda1": { type: "btrfs", topFiles: { "@/etc/fstab": "", "@home/user": "" } } },
  });
  await assert.rejects(
    openBootPartition(system, settings),
    (error) =>
      error instanceof BootError && error.hints.includes(
        '/dev/sda1: btrfs, looked into its default subvolume, its top, "@" and "@home"',
      ),
  );
});

Deno.test("B7: GRUB's saved entry is read from its block of the device", async () => {
  const environment = (text: string): string => `# GRUB Environment Block\n${text}\n`.padEnd(512, "#");
  const config = `load_env
if [ "\${env_block}" ]; then set env_block="(\${root})\${env_block}"; load_env -f "\${env_block}"; fi
set default="\${saved_entry}"
menuentry One { linux /vmlinuz one }
menuentry Two { linux /vmlinuz two }`;
  const { system } = makeMachine({
    devices: {
      "/dev/sda1": {
        type: "btrfs",
        files: { "grub2/grub.cfg": config, "grub2/grubenv": environment("env_block=512+1"), "vmlinuz": "KERNEL" },
        blocks: { 262144: environment("saved_entry=Two") },
      },
    },
  });
  await using opened = await openBootPartition(system, settings);
  assert.deepEqual([opened.entry.title, opened.entry.notices], ["Two", []]);
});

const encrypted: Machine = {
  devices: {
    "/dev/sda1": { type: "vfat" },
    "/dev/sda2": { type: "crypto_LUKS" },
    "/dev/mapper/opened": { type: "ext4", files: boot },
  },
  passphrase: "geheim",
};

Deno.test("a passphrase is asked for only when there is no other way", async () => {
  const { system } = makeMachine(encrypted);
  await assert.rejects(openBootPartition(system, settings), { code: "passphrase-needed" });
  const separate = makeMachine({
    ...encrypted,
    devices: { ...encrypted.devices, "/dev/sda1": { type: "ext4", files: boot } },
  });
  await using _opened = await openBootPartition(separate.system, settings);
});

Deno.test("a wrong passphrase has an error of its own, and leaves nothing open", async () => {
  const { system, held } = makeMachine(encrypted);
  await assert.rejects(openBootPartition(system, settings, { passphrase: "falsch" }), (error) => {
    assert.ok(error instanceof BootError);
    assert.equal(error.code, "passphrase-wrong");
    assert.equal(error.message.includes("falsch"), false);
    return true;
  });
  assert.equal(held.size, 0);
});

Deno.test("an encrypted partition is opened and locked again, its passphrase never on a command line", async () => {
  const { system, held } = makeMachine(encrypted);
  {
    await using opened = await openBootPartition(system, settings, { passphrase: "geheim" });
    assert.match(opened.device, /^\/dev\/mapper\/stiefelsystem-[0-9a-f]{8}$/);
    assert.equal(held.size, 2);
  }
  assert.equal(held.size, 0);
  assert.equal(system.ran.flat().some((word) => word.includes("geheim")), false);
});

const lukslvm: Machine = {
  ...encrypted,
  devices: {
    "/dev/sda2": { type: "crypto_LUKS" },
    "/dev/mapper/opened": { type: "LVM2_member" },
    "/dev/vg/boot": { type: "ext4", files: boot },
    "/dev/vg/root": { type: "ext4" },
  },
  volumes: "  vg|root|linear|public\n  vg|boot|linear|public\n  vg|pool|thin,pool|private\n",
};

Deno.test("volumes inside an encrypted partition are found, and released from the inside out", async () => {
  const { system, held } = makeMachine(lukslvm);
  {
    await using opened = await openBootPartition(system, settings, { passphrase: "geheim" });
    assert.equal(opened.device, "/dev/vg/boot");
  }
  assert.equal(held.size, 0);
  const closing = system.ran.slice(-4).map(([program, action]) =>
    `${program} ${action?.startsWith("/") ? "" : action}`
  );
  assert.deepEqual(closing, ["umount ", "rmdir ", "lvm lvchange", "cryptsetup close"]);
});

Deno.test("a configured volume inside an encrypted partition is opened", async () => {
  const { system, held } = makeMachine(lukslvm);
  const part = { type: "luks", luksBlock: "/dev/sda2", block: "/dev/vg/boot" } as const;
  await assert.rejects(openBootPartition(system, { ...settings, part }), { code: "passphrase-needed" });
  {
    await using opened = await openBootPartition(system, { ...settings, part }, { passphrase: "geheim" });
    assert.equal(opened.device, "/dev/vg/boot");
  }
  await assert.rejects(
    openBootPartition(system, { ...settings, part: { ...part, block: "/dev/vg/nothing" } }, { passphrase: "geheim" }),
    { code: "no-device" },
  );
  assert.equal(held.size, 0);
});

Deno.test("the result lists unlocked volumes, and reports a file system in them that was not cleanly unmounted", async () => {
  const uncleanRoot = { ...lukslvm.devices, "/dev/vg/root": { type: "ext4", isUnclean: true } };
  const plain = "  vg|root|linear|public\n  vg|boot|linear|public\n";
  const { system } = makeMachine({ ...lukslvm, devices: uncleanRoot, volumes: plain });
  {
    await using opened = await openBootPartition(system, settings, { passphrase: "geheim" });
    assert.deepEqual(opened.unlocked, ["/dev/sda2"]);
    assert.deepEqual(opened.entry.notices, [
      '"/dev/vg/root" (ext4) was not unmounted cleanly; the desktop will replay its journal',
    ]);
  }
  const part = { type: "luks", luksBlock: "/dev/sda2", block: "/dev/vg/boot" } as const;
  {
    await using opened = await openBootPartition(system, { ...settings, part }, { passphrase: "geheim" });
    assert.deepEqual([opened.unlocked, opened.entry.notices], [["/dev/sda2"], []]);
  }
  const withPool = makeMachine(lukslvm);
  await using opened = await openBootPartition(withPool.system, settings, { passphrase: "geheim" });
  assert.equal(opened.unlocked, undefined, "there is a volume that cannot be looked into");
});

Deno.test("a hibernated system found behind a passphrase stops everything", async () => {
  const { system, held } = makeMachine({
    ...lukslvm,
    devices: { ...lukslvm.devices, "/dev/vg/root": { type: "swsuspend" } },
  });
  const part = { type: "luks", luksBlock: "/dev/sda2", block: "/dev/vg/boot" } as const;
  for (const asked of [settings, { ...settings, part }]) {
    await assert.rejects(openBootPartition(system, asked, { passphrase: "geheim" }), { code: "hibernated" });
  }
  assert.equal(held.size, 0);
});

Deno.test("when nothing is found, the error lists the places that were searched", async () => {
  const { system, held } = makeMachine({
    devices: {
      "/dev/sda1": { type: "ext4", files: { "grub/grub.cfg": "menuentry x { linux /gone }" } },
      "/dev/sda2": { type: "LVM2_member" },
    },
    volumes: "  vg|thin|thin,sparse|public\n",
  });
  await assert.rejects(openBootPartition(system, settings), (error) => {
    assert.ok(error instanceof BootError);
    assert.equal(error.code, "no-boot-entry");
    assert.equal(error.message, 'No kernel to start was found on "/dev/sda"');
    assert.match(error.hints.join("\n"), /\/dev\/sda1: .*"\/gone".*\n\/dev\/vg\/thin: .*not a plain volume/);
    return true;
  });
  assert.equal(held.size, 0);
});

Deno.test("a configured partition that is missing or not encrypted is an error", async () => {
  const { system } = makeMachine({ devices: { "/dev/sda1": { type: "ext4", files: boot } } });
  await assert.rejects(openBootPartition(system, { ...settings, part: { type: "plain", block: "/dev/sda9" } }), {
    code: "no-device",
  });
  await assert.rejects(openBootPartition(system, { ...settings, part: { type: "luks", luksBlock: "/dev/sda1" } }), {
    code: "unsupported",
    message: '"/dev/sda1" is ext4, wanted LUKS',
  });
});

/** As setup-server leaves a /boot in the root file system; the boot loader's entries are on the ESP. */
const esp = {
  "loader/entries/m.conf": "linux /m/linux\ninitrd /m/initrd\noptions root=UUID=1 ro\n",
  "m/linux": "OWN KERNEL",
  "m/initrd": "OWN",
};
const setUpRoot = {
  "boot/stiefelsystem.json": '{"kernel":"/boot/linux-stiefel","initrd":["/boot/initramfs-stiefel.img"],"cmdline":[]}',
  "boot/linux-stiefel": "KERNEL",
  "boot/initramfs-stiefel.img": "INITRD",
};

const crossing: Readonly<Record<string, readonly [Machine, Partial<Parameters<typeof openBootPartition>[1]>, string]>> =
  {
    "on a partition": [
      { devices: { "/dev/sda1": { type: "vfat", files: esp }, "/dev/sda2": { type: "ext4", files: setUpRoot } } },
      {},
      "/dev/sda2",
    ],
    "on the partition that the configuration names": [
      { devices: { "/dev/sda1": { type: "vfat", files: esp }, "/dev/sda2": { type: "ext4", files: setUpRoot } } },
      { part: { type: "plain", block: "/dev/sda2" } },
      "/dev/sda2",
    ],
    "on a logical volume": [
      {
        devices: {
          "/dev/sda1": { type: "vfat", files: esp },
          "/dev/sda2": { type: "LVM2_member" },
          "/dev/vg/root": { type: "ext4", files: setUpRoot },
        },
        volumes: "  vg|root|linear|public\n",
      },
      {},
      "/dev/vg/root",
    ],
    "in an encrypted partition that the configuration names": [
      {
        devices: {
          "/dev/sda1": { type: "vfat", files: esp },
          "/dev/sda2": { type: "crypto_LUKS" },
          "/dev/mapper/opened": { type: "ext4", files: setUpRoot },
        },
        passphrase: "geheim",
      },
      { part: { type: "luks", luksBlock: "/dev/sda2" } },
      "/dev/mapper/",
    ],
  };
for (const [where, [machine, part, device]] of Object.entries(crossing)) {
  Deno.test(`B1: a /boot ${where} gets its command line from the ESP`, async () => {
    const { system, held } = makeMachine(machine);
    {
      await using opened = await openBootPartition(system, { ...settings, ...part }, { passphrase: "geheim" });
      assert.ok(opened.device.startsWith(device), opened.device);
      assert.deepEqual([opened.entry.commandLine, opened.entry.source, opened.entry.commandLineSource], [
        "root=UUID=1 ro",
        "/boot/stiefelsystem.json",
        "/loader/entries/m.conf",
      ]);
      assert.equal(await new Response(await opened.openKernel()).text(), "KERNEL");
      assert.ok(![...held.values()].includes("/dev/sda1"), "the ESP is free again");
    }
    assert.equal(held.size, 0);
  });
}

Deno.test("B3: what was set up, but has a boot loader that cannot be used, is refused without asking for a passphrase", async () => {
  const entries = { "boot/loader/entries/a.conf": "linux /k\noptions $kernelopts", "boot/k": "K" };
  const { system, held } = makeMachine({
    devices: {
      "/dev/sda1": { type: "ext4", files: { ...setUpRoot, ...entries } },
      "/dev/sda2": { type: "crypto_LUKS" },
    },
    passphrase: "geheim",
  });
  await assert.rejects(openBootPartition(system, settings), { code: "no-boot-entry", message: /\$kernelopts/ });
  assert.equal(held.size, 0);
});
