/**
 * README's "On real machines", word for word: a user types its commands on the console of a laptop whose Debian knows
 * nothing of the project yet, writes a USB stick with them, and starts a desktop from that stick.
 *
 * The laptop has no network: the project, Deno and what a Debian mirror would give are on disks that are plugged in.
 */

import assert from "node:assert/strict";
import { createInitrd } from "../../lib/cli/commands/create_initrd.ts";
import { prepareDemoDisk } from "../../lib/cli/commands/prepare_machines.ts";
import { copyDemoDisk } from "../../lib/qemu/demo_disk.ts";
import { demoCredentials, demoMarkerPath, desktopSpec, newToken } from "../../lib/qemu/machine_pair.ts";
import { detectQemuHost, startVm, type Vm } from "../../lib/qemu/run_vm.ts";
import { fromStick } from "../../lib/qemu/stick_spec.ts";
import { waitForDesktop } from "../qemu/attached_disk.ts";
import { prepareQemuTest, type QemuTest } from "../qemu/machines.ts";
import { type LaptopKind, laptops, startOwnLaptop } from "../qemu/own_system.ts";
import { short, switchOff } from "../qemu/own_system_steps.ts";
import { waitForText } from "../support/console_prompts.ts";
import { projectDiskPlaces } from "../support/project_disk.ts";
import { projectRoot } from "../support/source_tree.ts";
import { screenArguments } from "../support/text_screen.ts";

const rig = await prepareQemuTest();
const second = 1000;
const mebibyte = 1024 * 1024;

/** What a user answers to each question of a command, in this order. */
interface Answer {
  readonly question: RegExp;
  readonly typed: string;
}

const stick = { serial: "FIRSTBOOT", name: "sda", path: `${rig.options.runDirectory}/usb-stick.img` } as const;

const answers: Readonly<Record<string, readonly Answer[]>> = {
  init: [
    { question: /Let desktops use it\?\s+\[y\]es \/ \[n\]o /, typed: "y" },
    { question: /when a desktop with your key asks\?\s+\[y\]es \/ \[n\]o /, typed: "y" },
    { question: /when the desktop has shut down\?\s+\[y\]es \/ \[n\]o /, typed: "y" },
  ],
  "create-initrd": [],
  "setup-server": [{
    question: /\[1\/\d+\] [^\n]*\?\s+\[y\]es \/ a\[l\]l \/ \[s\]kip \/ \[a\]bort/,
    typed: "l",
  }],
  "setup-client-usbdrive": [
    { question: /Name of the device, such as sdb \(empty: stop\): /, typed: `${stick.name}\r` },
    { question: new RegExp(`Type ${stick.name} to erase it \\(empty: stop\\): `), typed: `${stick.name}\r` },
  ],
  doctor: [],
};

/** The lines of README's block, as they stand. */
async function readCommands(): Promise<readonly { readonly line: string; readonly name: string }[]> {
  const readme = await rig.system.readText(`${projectRoot}README.md`);
  const section = /^## On real machines$(.*?)^## /ms.exec(readme)?.[1] ?? "";
  return [...section.matchAll(/^ {4}(sudo \.\/stiefelsystem (\S+).*)$/gm)].map(([, line = "", name = ""]) => ({
    line,
    name,
  }));
}

/** What create-initrd otherwise asks to install: there is no network. */
const forBuilding = ["libarchive-tools", "mmdebstrap", "xz-utils"] as const;

/** A Debian with sudo. */
const kind: LaptopKind = {
  generator: "initramfs-tools",
  ownRoot: laptops.plain.ownRoot,
  desktopRoot: laptops.plain.desktopRoot,
  mounted: laptops.plain.mounted,
  listUnclean: laptops.plain.listUnclean,
  copyDisk: async ({ system, ui, options }: QemuTest) => {
    const disk = await prepareDemoDisk(system, ui, options, {
      title: "Laptop disk",
      name: "first-boot-disk",
      packages: ["kexec-tools", "network-manager", "libpam-systemd", "sudo", "fdisk", "grub2-common", ...forBuilding],
      isUntouched: true,
    });
    await system.makeDirectory(options.runDirectory);
    const path = `${options.runDirectory}/laptop.img`;
    await copyDemoDisk(system, disk, path);
    return path;
  },
};

const mirrorLabel = "stiefel-mirror";

/**
 * A disk with what create-initrd fetches, as stages of its cache. The key and all that holds it is made on the laptop.
 */
async function makeMirrorDisk({ system, ui, options }: QemuTest, path: string): Promise<void> {
  const cacheDir = `${path}.tree`;
  await system.remove(cacheDir);
  await createInitrd(system, ui, { ...options.image, cacheDir, outDir: `${options.runDirectory}/first-boot-image` });
  for (const name of await system.readDirectory(cacheDir)) {
    if (/^(?:secrets|pack)-|^lock$/.test(name)) await system.remove(`${cacheDir}/${name}`);
  }
  await system.remove(path);
  await system.run(["truncate", "-s", "1536M", path]);
  await system.run(["mkfs.ext4", "-q", "-F", "-L", mirrorLabel, "-d", cacheDir, path]);
  await system.remove(cacheDir);
}

/** The user's home: the project as it was cloned, and Deno where its installer puts it. */
const prepareHome = [
  "useradd --create-home --shell /bin/bash me",
  "echo 'me ALL=(ALL) NOPASSWD: ALL' >/etc/sudoers.d/me",
  `rm -rf ${projectDiskPlaces.project}/build ${projectDiskPlaces.project}/aes-key`,
  "mkdir -p /home/me/.deno /home/me/stiefelsystem /root/.cache/deno /root/.cache/stiefelsystem",
  `ln -s ${projectDiskPlaces.mountPoint}/bin /home/me/.deno/bin`,
  `mount --bind ${projectDiskPlaces.project} /home/me/stiefelsystem`,
  "chown -R me:me /home/me",
  `mount --bind ${projectDiskPlaces.denoDir} /root/.cache/deno`,
  `mount LABEL=${mirrorLabel} /root/.cache/stiefelsystem`,
].join(" && ");

/** A user's terminal on the console, of 80 columns and 24 rows; its prompt tells how the last command ended. */
async function logIn(vm: Vm): Promise<number> {
  const from = await waitForText(rig.system, vm, /[^]*$/, { timeoutMs: second });
  vm.type("stty rows 24 cols 80 echo; exec su - me\n");
  vm.type("cd stiefelsystem; PS1='ended with $? > '\n");
  return await waitForText(rig.system, vm, /ended with 0 > /, { timeoutMs: 60 * second, from });
}

/** Emulated, the longest takes minutes: it builds an initramfs. */
const commandMs = 900 * second;

Deno.test({
  name: "README's five commands, typed on a laptop, lead from nothing to the first boot from the stick they wrote",
  ignore: rig.skipReason !== undefined,
  fn: async () => {
    const { system, options: { runDirectory } } = rig;
    const commands = await readCommands();
    assert.deepEqual(commands.map(({ name }) => name), Object.keys(answers));
    await system.makeDirectory(runDirectory);
    await using stack = new AsyncDisposableStack();
    const mirrorPath = `${runDirectory}/mirror.img`;
    for (const path of [mirrorPath, stick.path]) stack.defer(() => system.remove(path));
    await makeMirrorDisk(rig, mirrorPath);
    await system.remove(stick.path);
    await system.run(["truncate", "-s", String(1000 * mebibyte), stick.path]);

    await using laptop = await startOwnLaptop(rig, kind, {
      limitMs: 3_600 * second,
      memoryMiB: 3072,
      devices: [
        ...["-drive", `if=none,id=mirror,format=raw,file=${mirrorPath}`, "-device", "virtio-blk-pci,drive=mirror"],
        ...["-device", "qemu-xhci,id=usb"],
        ...["-blockdev", JSON.stringify({ driver: "file", "node-name": "stick", filename: stick.path })],
        ...["-device", `usb-storage,id=plug,bus=usb.0,drive=stick,serial=${stick.serial},removable=on`],
      ],
    });
    const shell = await laptop.work(1);
    await shell.mustRun(prepareHome, { timeoutMs: 120 * second });
    let from = await logIn(laptop.vm);
    for (const { line, name } of commands) {
      laptop.vm.type(`${line}\n`);
      for (const { question, typed } of answers[name] ?? []) {
        from = await waitForText(system, laptop.vm, question, { timeoutMs: commandMs, from });
        laptop.vm.type(typed);
      }
      from = await waitForText(system, laptop.vm, /ended with 0 > /, {
        timeoutMs: commandMs,
        from,
        unless: /ended with [1-9]\d* > /,
      });
    }
    await unplugStick(laptop.vm);

    const token = newToken(system);
    const saidFrom = laptop.vm.lines.length;
    const credentials = demoCredentials({ action: "poweroff", token });
    const image = { kernelPath: "", initrdPath: "" };
    const spec = fromStick(
      desktopSpec({ image, clientMemoryMiB: 1024, console: "pipe" }, credentials),
      { path: stick.path, sectorBytes: 512 },
      { bus: "usb" },
    );
    // With a screen, which is where a stick shows what it does.
    const onScreen = { ...spec, arguments: [...spec.arguments ?? [], ...screenArguments] };
    await using desktop = await startVm(system, onScreen, await detectQemuHost(system), {
      runDirectory,
      limitMs: 1_500 * second,
    });
    await laptop.vm.waitForLine(/The computer restarts as a stiefelsystem in 10 s/, {
      timeoutMs: 300 * second,
      from: saidFrom,
    });
    const root = kind.desktopRoot(await waitForDesktop(desktop, 900 * second));
    assert.equal((await desktop.ended).kind, "shutdown");
    const back = await laptop.work(2);
    await back.mustRun(`grep -F 'token=${token} root=${root} ' ${demoMarkerPath}`, short);
    await switchOff(laptop);
  },
});

/** As its owner does it: QEMU lets go of its file. */
async function unplugStick(vm: Vm): Promise<void> {
  const control = await vm.control();
  await control.execute("device_del", { id: "plug" });
  const untilMs = rig.system.monotonicMs() + 60 * second;
  while (!control.events.some(({ event, data }) => event === "DEVICE_DELETED" && data.device === "plug")) {
    assert.ok(rig.system.monotonicMs() < untilMs, "the stick cannot be unplugged");
    await rig.system.delay(200);
  }
  await control.execute("blockdev-del", { "node-name": "stick" });
}
