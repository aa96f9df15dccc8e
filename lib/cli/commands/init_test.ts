import assert from "node:assert/strict";
import {
  createInstalledSystem,
  type InstalledSystem,
  installedSystems,
} from "../../../tests/support/installed_systems.ts";
import { createScriptedUi } from "../../../tests/support/host_rig.ts";
import { createMemorySystem } from "../../../tests/support/memory_system.ts";
import { createMadeUpLaptop } from "../../../tests/support/made_up_laptop.ts";
import { withRootOnly } from "../../../tests/support/root_only.ts";
import type { Ui } from "../../ui.ts";
import { reportError } from "../report_error.ts";
import { gatherHostFacts } from "../../host/host_facts.ts";
import type { StorageFacts } from "../../host/storage_facts.ts";
import { openHostTree } from "../../host/tree.ts";
import { describeSystem, init } from "./init.ts";

const debian = installedSystems[0] as InstalledSystem;

/** As lsblk(8) prints it, with what every device has. */
function device(name: string, more: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  const common = { name, path: `/dev/${name}`, type: "disk", size: 4e9, ro: false, rm: false, "log-sec": 512 };
  return { ...common, mountpoints: [null], ...more };
}

Deno.test("memory that is swapped to and the boot areas of an eMMC are not offered as disks", async () => {
  const blockdevices = [
    device("mmcblk0", {
      model: "Some eMMC",
      // lsblk does not know where a root on ZFS lies.
      children: [device("mmcblk0p1", { type: "part", fstype: "zfs_member" })],
    }),
    device("mmcblk0boot0", { ro: true }),
    device("zram0", { fstype: "swap", mountpoints: ["[SWAP]"] }),
  ];
  const system = await createInstalledSystem(debian, {
    commands: [(argv) => argv[0] === "lsblk" ? JSON.stringify({ blockdevices }) : undefined],
  });
  const asked: string[] = [];
  const said: string[] = [];
  const ui: Pick<Ui, "say" | "confirm" | "screen"> = {
    screen: () => ({ columns: 80, rows: undefined }),
    say: (text) => void said.push(text),
    confirm: (text) => Promise.resolve(asked.push(text) > 0 && !text.startsWith("Let desktops")),
  };
  await assert.rejects(init(system, ui as Ui, { configPath: "/config.yaml" }), { message: "No disk was chosen" });
  assert.deepEqual(asked, ["Let desktops use it"]);
  assert.equal(said.at(-1), "Another disk: /dev/mmcblk0 (Some eMMC, 4.0 GB)");
});

/** What init does with --yes on a machine with these devices. */
async function initWithYes(
  blockdevices: readonly unknown[],
): Promise<{ readonly config: string; readonly error: string }> {
  const system = await createInstalledSystem(debian, {
    commands: [(argv) => argv[0] === "lsblk" ? JSON.stringify({ blockdevices }) : undefined],
  });
  const ui: Pick<Ui, "say" | "confirm" | "screen"> = {
    say: () => {},
    confirm: () => Promise.resolve(true),
    screen: () => ({ columns: 80, rows: undefined }),
  };
  const options = { configPath: "/config.yaml", assumeYes: true };
  const error = await init(system, ui as Ui, options).then(() => "", (error) => reportError(error).lines.join("\n"));
  const isThere = await system.stat("/config.yaml") !== undefined;
  return { config: isThere ? await system.readText("/config.yaml") : "", error };
}

const root = (name: string): Readonly<Record<string, unknown>> =>
  device(name, { children: [device(`${name}1`, { type: "part", fstype: "ext4", mountpoints: ["/"] })] });
const zfs = (name: string): Readonly<Record<string, unknown>> =>
  device(name, { model: `Disk ${name}`, children: [device(`${name}1`, { type: "part", fstype: "zfs_member" })] });
const memory = device("zram0", { fstype: "swap", mountpoints: ["[SWAP]"] });
const readOnly = device("mmcblk0boot0", { ro: true });

const machines:
  readonly (readonly [name: string, devices: readonly unknown[], disk: string | undefined, said: RegExp])[] = [
    ["the system's own among others", [device("sda", {}), root("sdb"), device("sdc", {})], "/dev/sdb", /^$/],
    ["a root that lsblk does not know, and one disk", [zfs("sda"), memory, readOnly], "/dev/sda", /^$/],
    [
      "a root that lsblk does not know, and two disks",
      [zfs("sda"), zfs("nvme0n1")],
      undefined,
      /not known, and there are 2[\s\S]*There is \/dev\/sda \(Disk sda, 4\.0 GB\)[\s\S]*There is \/dev\/nvme0n1 \(/,
    ],
    [
      "a root on a read-only image, and two disks",
      [device("sda", {}), device("sdb", {}), root("loop0")],
      undefined,
      /are 2/,
    ],
    [
      "a root on a network disk, and two disks",
      [root("nbd0"), device("sda", {}), device("sdb", {})],
      undefined,
      /are 2/,
    ],
    ["a root on a network disk, and one disk", [root("nbd0"), device("sda", {})], "/dev/sda", /^$/],
    ["no disk", [memory, readOnly], undefined, /found no disk/],
  ];
for (const [name, devices, disk, said] of machines) {
  Deno.test(`P16: init --yes with ${name} ${disk === undefined ? "is an error that lists them" : `takes ${disk}`}`, async () => {
    const { config, error } = await initWithYes(devices);
    assert.match(error, said);
    assert.equal(/^ {2}disk: "(.*)"$/m.exec(config)?.[1], disk);
  });
}

Deno.test("a folder in place of the configuration is named before anything is asked", async () => {
  const system = await createInstalledSystem(debian, {});
  await system.makeDirectory("/config.yaml");
  const asked: string[] = [];
  const ui: Pick<Ui, "say" | "confirm" | "screen"> = {
    say: () => {},
    confirm: (text) => Promise.resolve(asked.push(text) > 0),
    screen: () => ({ columns: 80, rows: undefined }),
  };
  await assert.rejects(init(system, ui as Ui, { configPath: "/config.yaml" }), /found a directory, wanted a file/);
  assert.deepEqual(asked, []);
});

Deno.test("what init has found is as wide as the terminal, and 80 columns at most", async () => {
  const system = await createInstalledSystem(debian);
  const facts = await gatherHostFacts(system, await openHostTree(system));
  const chain = ["/dev/nvme0n1", "/dev/nvme0n1p3", "/dev/mapper/a-long-name", "/dev/mapper/vg-root-and-home"];
  const storage = { disks: [], root: { devices: chain.map((path) => ({ path })) } } as unknown as StorageFacts;
  for (const [columns, widest] of [[40, 40], [80, 80], [200, 80]] as const) {
    const lines = describeSystem({ facts, storage, generator: "initramfs-tools" }, columns);
    // A word that is too long for a line stays whole.
    assert.deepEqual(lines.filter((line) => line.length > widest && line.trim().includes(" ")), [], `${columns}`);
    assert.equal(
      lines.join(" ").replaceAll(/ +/g, " ").includes(`Root ${chain.join(" > ")}`),
      true,
      lines.join("\n"),
    );
  }
});

Deno.test("a user who may not look into /boot gets a configuration all the same", async () => {
  const { system, setup } = await createMadeUpLaptop();
  const ui = createScriptedUi(["yes"]);
  await system.remove(setup.configPath);
  await init(withRootOnly(system, ["/boot"]), ui, { configPath: setup.configPath });
  assert.ok(ui.said.includes("Kernel      not seen: only root may look"), ui.said.join("\n"));
  assert.match(await system.readText(setup.configPath), /^ {2}disk: "\/dev\/disk\/by-id\/nvme-SAMSUNG/m);
});

Deno.test("init --root looks at the system that is mounted there, not at the one that runs", async () => {
  const running = device("sda", { children: [device("sda1", { type: "part", fstype: "ext4", mountpoints: ["/"] })] });
  const mounted = device("nvme0n1", {
    children: [
      device("nvme0n1p1", { type: "part", fstype: "ext4", mountpoints: ["/mnt/boot"] }),
      device("nvme0n1p2", {
        type: "part",
        fstype: "crypto_LUKS",
        children: [device("crypt", { type: "crypt", fstype: "ext4", mountpoints: ["/mnt"] })],
      }),
    ],
  });
  const blockdevices = [running, mounted];
  const source = await createInstalledSystem(debian);
  const below = [...source.files].map(([path, { content }]) => [`/mnt${path}`, content]);
  const system = createMemorySystem({
    files: { "/etc/os-release": "ID=arch\nPRETTY_NAME=Rescue\n", ...Object.fromEntries(below) },
    commands: [
      (argv) => argv[0] === "lsblk" ? JSON.stringify({ blockdevices }) : undefined,
      (argv) => argv[0] === "findmnt" ? "ext4\n" : undefined,
      (argv) => argv[0] === "udevadm" ? "" : undefined,
    ],
  });
  const said: string[] = [];
  const ui: Pick<Ui, "say" | "confirm" | "screen"> = {
    say: (text) => void said.push(text),
    confirm: () => Promise.resolve(true),
    screen: () => ({ columns: 80, rows: undefined }),
  };
  await init(system, ui as Ui, { configPath: "/config.yaml", assumeYes: true, root: "/mnt" });
  assert.ok(said.some((line) => /^System +Debian GNU\/Linux 13/.test(line)), said.join("\n"));
  assert.ok(
    said.some((line) => /^Root +\/dev\/nvme0n1 > \/dev\/nvme0n1p2 .*> \/dev\/crypt/.test(line)),
    said.join("\n"),
  );
  assert.ok(said.some((line) => /^Boot +\/dev\/nvme0n1 > \/dev\/nvme0n1p1/.test(line)), said.join("\n"));
  assert.ok(said.some((line) => line.includes("setup-server")), said.join("\n"));
  const config = await system.readText("/config.yaml");
  assert.match(config, /^ *disk: "?\/dev\/nvme0n1"?$/m);
  assert.match(config, /system-debian/);
  assert.ok(!system.ran.some(([program]) => program === "chroot" || program === "systemctl"));
  assert.doesNotMatch(config, /architecture/);
  const arm = { ...system, processor: "aarch64" };
  await init(arm, ui as Ui, { configPath: "/arm.yaml", assumeYes: true, root: "/mnt" });
  assert.match(await system.readText("/arm.yaml"), /^image:\n.*\n {2}architecture: arm64$/m);
  // A folder that no disk is mounted at: the disk of the running system is not taken for its.
  await system.makeDirectory("/copy/etc");
  await system.writeFile("/copy/etc/os-release", "ID=debian\n");
  blockdevices.splice(1);
  await assert.rejects(init(system, ui as Ui, { configPath: "/other.yaml", assumeYes: true, root: "/copy" }), {
    message: 'Cannot choose the disk for desktops: no disk is mounted at "/copy"',
  });
});
