/** `doctor --root`: what a mounted system shows is judged as on the laptop; what only the laptop shows is "?". */

import assert from "node:assert/strict";
import { bootEntry } from "../cli/commands/boot_entry.ts";
import { readConfigFile } from "../config_file.ts";
import { openHostTree } from "../host/tree.ts";
import type { Ui } from "../ui.ts";
import { createMadeUpLaptop } from "../../tests/support/made_up_laptop.ts";
import { createMemorySystem, type MemorySystem } from "../../tests/support/memory_system.ts";
import type { Check } from "./check.ts";
import { examineHost } from "./doctor.ts";

const ofTheMachine = ["kexec", "Secure Boot", "IPv6", "network cards", "firewall", "battery"];

const part = (name: string, mountpoints: readonly string[], more: Record<string, unknown> = {}): unknown => ({
  ...{ name, path: `/dev/${name}`, type: "part", size: 1e9, "log-sec": 512, ro: false, rm: false, mountpoints },
  ...more,
});

/** The made-up laptop's files below /mnt of a rescue system, which lies on a disk of its own. */
async function mountLaptop(
  { root = "UUID=1", more = {}, devices = [] }: {
    readonly root?: string;
    readonly more?: Readonly<Record<string, string>>;
    readonly devices?: readonly unknown[];
  } = {},
): Promise<{ readonly system: MemorySystem; readonly examine: () => Promise<ReadonlyMap<string, Check>> }> {
  const { system: laptop, setup } = await createMadeUpLaptop();
  const below = [...laptop.files].filter(([path]) => !path.startsWith("/home")).map(([path, { content }]) =>
    [`/mnt${path}`, content] as const
  );
  const ours = [...laptop.files].filter(([path]) => path.startsWith("/home")).map(([path, { content }]) =>
    [path, content] as const
  );
  const blockdevices = [
    part("sda", [], { type: "disk", children: [part("sda1", ["/"]), part("sda2", ["/home"])] }),
    part("nvme0n1", [], { type: "disk", children: [part("nvme0n1p2", ["/mnt"], { uuid: "1" })] }),
    ...devices,
  ];
  const system = createMemorySystem({
    files: {
      ...Object.fromEntries([...ours, ...below]),
      "/etc/os-release": "ID=arch\nPRETTY_NAME=Rescue\n",
      "/etc/fstab": "/dev/sda1 / ext4 defaults 0 1\n",
      "/mnt/boot/stiefelsystem.json": JSON.stringify({
        kernel: "vmlinuz-stiefel",
        initrd: "initramfs-stiefel.img",
        cmdline: [`root=${root}`, "ro", "resume=UUID=5"],
      }),
      "/mnt/boot/vmlinuz-stiefel": "k",
      "/mnt/boot/initramfs-stiefel.img": "i",
      ...more,
    },
    commands: [
      (argv) => argv[0] === "lsblk" ? JSON.stringify({ blockdevices }) : undefined,
      (argv) => argv[0] === "findmnt" ? "ext4\n" : undefined,
      (argv) => argv[0] === "systemctl" ? (argv.at(-1) === "dhcpcd.service" ? "enabled\n" : "disabled\n") : undefined,
      (argv) => argv[0] === "udevadm" ? 1 : undefined,
    ],
  });
  return {
    system,
    examine: async () => {
      const { config } = await readConfigFile(system, setup.configPath);
      const checks = await examineHost(system, await openHostTree(system, "/mnt"), { ...setup, config });
      return new Map(checks.map((check) => [check.title, check]));
    },
  };
}

Deno.test("doctor --root says nothing of the machine it runs on, and asks it nothing", async () => {
  const { system, examine } = await mountLaptop();
  const checks = await examine();
  for (const title of ofTheMachine) {
    const { level, found, cure } = checks.get(title) ?? {};
    assert.equal(level, "unknown", `${title}: ${found}`);
    assert.match(found ?? "", /"\/mnt"/);
    assert.equal(cure, "Run doctor on the laptop, when its own system runs");
  }
  for (const argv of system.ran) {
    assert.ok(!["mokutil", "nft", "ip", "ls", "cat"].includes(argv[0] ?? ""), argv.join(" "));
    if (argv[0] === "systemctl") assert.equal(argv[1], "--root=/mnt");
  }
});

Deno.test("doctor --root judges the mounted system: its distribution, disk, names, services and boot entry", async () => {
  const { system, examine } = await mountLaptop({ root: "/dev/sda2" });
  const checks = await examine();
  const found = (title: string): string => `${checks.get(title)?.level}: ${checks.get(title)?.found}`;
  assert.match(found("distribution"), /^ok: Debian GNU\/Linux 13/);
  assert.match(found("disk"), /^ok: .*\(here \/dev\/nvme0n1\)/);
  assert.match(found("network programs"), /^error: dhcpcd takes every link/);
  // The command line is that of the entry, and not that of the machine where doctor runs.
  assert.match(found("names of devices"), /^error: root=\/dev\/sda2: on a desktop/);
  assert.match(found("hibernation"), /^warning: set up \(resume=UUID=5\)/);
  const shown: string[] = [];
  const ui: Pick<Ui, "result"> = { result: (text) => void shown.push(text) };
  await bootEntry(system, ui as Ui, { root: "/mnt" });
  const root = /^Command line +(root=\S+)/m.exec(shown.join("\n"))?.[1];
  assert.match(found("boot entry"), new RegExp(`^ok: ${root}, from /boot/stiefelsystem.json`));
});

Deno.test("doctor --root sees which parts of the mounted system lie on another disk, and ESPs that are left out", async () => {
  const esp = "c12a7328-f81f-11d2-ba4b-00a0c93ec93b";
  const devices = [part("sdb", [], { type: "disk", children: [part("sdb1", ["/mnt/srv"])] })];
  const fstab = "UUID=1 / ext4 defaults 0 1\nUUID=9 /srv ext4 defaults 0 2\nUUID=8 /home ext4 defaults 0 2\n";
  const { examine } = await mountLaptop({ devices, more: { "/mnt/etc/fstab": fstab } });
  // /home is on the rescue system's disk, which is not the laptop's /home.
  assert.equal((await examine()).get("other disks")?.found.replace(/:.*/, ""), "/srv is on /dev/sdb");
  const loose = [
    part("sdc", [], {
      type: "disk",
      children: [part("sdc1", ["/mnt"]), part("sdc2", ["/mnt/efi"], { parttype: esp })],
    }),
  ];
  for (const [more, level] of [["", "warning"], ["UUID=AB-CD /efi vfat umask=0077 0 2\n", "ok"]] as const) {
    const laptop = await mountLaptop({ devices: loose, more: { "/mnt/etc/fstab": fstab + more } });
    const config = "modules: [base]\nboot:\n  disk: /dev/sdc\n";
    await laptop.system.writeFile("/home/me/config.yaml", config);
    assert.equal((await laptop.examine()).get("EFI system partition")?.level, level, more);
  }
});
