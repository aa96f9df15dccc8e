/**
 * stiefel-check under dash, bash and busybox ash: on devices that are files made by mkswap(8), with the signature of a
 * hibernated system written into them where the kernel writes it.
 */

import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { type Machine, type MachineOptions, makeMachine, type ProgramResult, runProgram, SHELLS } from "./shell_rig.ts";

const script = fileURLToPath(new URL("../../image/host/generic/usr/lib/stiefelsystem/stiefel-check", import.meta.url));
/** Fedora's and Arch's /bin/sh is bash. */
const shells = [...SHELLS, ["bash", "--posix"]];

interface Device {
  /** The kernel's name: "nbd0p2", "dm-1". */
  readonly name: string;
  /** What it is a partition of, or lies on. */
  readonly on?: string;
  readonly mapperName?: string;
  /** ID_FS_TYPE of udev's database. */
  readonly type?: string;
  /** Links below /dev that udev has made. */
  readonly links?: readonly string[];
}

/** A laptop with a plain /boot, and root and swap on LVM in LUKS. */
const laptop: readonly Device[] = [
  { name: "nbd0" },
  { name: "nbd0p1", on: "nbd0", type: "ext4" },
  { name: "nbd0p2", on: "nbd0", type: "crypto_LUKS" },
  { name: "dm-0", on: "nbd0p2", mapperName: "laptop_crypt", type: "LVM2_member" },
  { name: "dm-1", on: "dm-0", mapperName: "laptop-root", type: "ext4", links: ["disk/by-uuid/1234"] },
  { name: "dm-2", on: "dm-0", mapperName: "laptop-swap_1", type: "swap" },
];

const imageBytes = 256 * 1024;

interface CheckOptions {
  readonly devices?: readonly Device[];
  readonly hasSession?: boolean;
  readonly commandLine?: string;
  /** Text of /etc/fstab in the file system of root. */
  readonly fstab?: string;
  readonly programs?: MachineOptions["programs"];
}

/** mount(8) makes what was prepared for a device appear, umount(8) takes it away. */
const mounting = {
  mount:
    'for word; do last=$device; device=$word; done; [ -d "$STUB/content$last" ] && cp -r "$STUB/content$last/." "$device"',
  umount: 'rm -rf "$1"',
};
/** Nothing is inactive. */
const lvm = '[ "$1" = lvs ] && echo "  laptop|root|linear|public|active"';

async function makeLaptop(
  { devices = laptop, hasSession = true, commandLine = "root=UUID=1234 ro noresume", fstab, programs }: CheckOptions =
    {},
): Promise<Machine> {
  const machine = await makeMachine({
    ...hasSession ? { session: "STIEFEL_VERSION=1\n" } : {},
    programs: { lvm, plymouth: "exit 0", ...mounting, ...programs },
  });
  for (const [index, device] of devices.entries()) addDevice(machine, device, index);
  machine.write("/proc/cmdline", `${commandLine}\n`);
  machine.write("/proc/sysrq-trigger", "");
  machine.write("/dev/console", "\n");
  if (fstab !== undefined) machine.write("/../stub/content/dev/dm-1/etc/fstab", fstab);
  return machine;
}

function addDevice(machine: Machine, { name, on, mapperName, type, links = [] }: Device, minor: number): void {
  const blocks = "/sys/class/block";
  machine.write(`${blocks}/${name}/dev`, `43:${minor}\n`);
  if (on !== undefined && name.startsWith(on)) machine.write(`${blocks}/${on}/${name}/partition`, "1\n");
  else if (on !== undefined) machine.write(`${blocks}/${on}/holders/${name}/dev`, "");
  if (mapperName !== undefined) machine.write(`${blocks}/${name}/dm/name`, `${mapperName}\n`);
  const properties = [...links.map((link) => `S:${link}`), ...type === undefined ? [] : [`E:ID_FS_TYPE=${type}`]];
  machine.write(`/run/udev/data/b43:${minor}`, `${properties.join("\n")}\n`);
  machine.write(`/dev/${name}`, "");
  Deno.truncateSync(`${machine.root}/dev/${name}`, imageBytes);
}

/** Makes real swap of a file. */
async function makeSwap(path: string, pageBytes = 4096): Promise<void> {
  Deno.mkdirSync(path.slice(0, path.lastIndexOf("/")), { recursive: true });
  Deno.writeFileSync(path, new Uint8Array(imageBytes + 10 * pageBytes));
  Deno.chmodSync(path, 0o600);
  const { code, stderr } = await runProgram(["mkswap", "--pagesize", String(pageBytes), path], {
    env: { PATH: "/usr/sbin:/usr/bin:/sbin:/bin" },
  });
  assert.equal(code, 0, stderr);
}

/** Writes a signature where swap has its own, which hibernating replaces. */
function hibernate(path: string, { signature = "S1SUSPEND\0", pageBytes = 4096 } = {}): void {
  using file = Deno.openSync(path, { read: true, write: true });
  const at = pageBytes - 10;
  file.seekSync(at, Deno.SeekMode.Start);
  const own = new Uint8Array(10);
  file.readSync(own);
  assert.equal(new TextDecoder().decode(own), "SWAPSPACE2");
  file.seekSync(at, Deno.SeekMode.Start);
  file.writeSync(new TextEncoder().encode(signature));
}

const noticed = (result: ProgramResult): readonly string[] => result.stderr.split("\n").filter((line) => line !== "");

/** A device of the desktop, and the name under which the root file system is found there. */
function addForeign(machine: Machine, name: string, link?: string): void {
  machine.write(`/dev/${name}`, "");
  if (link === undefined) return;
  Deno.mkdirSync(`${machine.root}/dev/${link.slice(0, link.lastIndexOf("/"))}`, { recursive: true });
  Deno.symlinkSync(`${machine.root}/dev/${name}`, `${machine.root}/dev/${link}`);
}

for (const shell of shells) {
  const under = ` (${shell.join(" ")})`;

  const check = (machine: Machine, ...args: readonly string[]): Promise<ProgramResult> =>
    machine.run([...shell, script, machine.root, ...args]);

  Deno.test(`L9: a root file system on the laptop's disk is mounted${under}`, async () => {
    for (const commandLine of ["root=UUID=1234 ro", "root=/dev/mapper/laptop-root", 'root="UUID=1234"', "quiet"]) {
      await using machine = await makeLaptop({ commandLine });
      addForeign(machine, "sda2");
      Deno.mkdirSync(`${machine.root}/dev/disk/by-uuid`, { recursive: true });
      Deno.mkdirSync(`${machine.root}/dev/mapper`, { recursive: true });
      for (const link of ["disk/by-uuid/1234", "mapper/laptop-root"]) {
        Deno.symlinkSync(`${machine.root}/dev/dm-1`, `${machine.root}/dev/${link}`);
      }
      for (const device of ["", "/dev/dm-1", "/dev/mapper/laptop-root"]) {
        assert.deepEqual(await check(machine, device), { code: 0, stdout: "", stderr: "" });
        assert.ok(!machine.exists("/run/stiefelsystem/root"));
      }
    }
  });

  Deno.test(`L9: a copy of it in the desktop is not mounted, the laptop's is${under}`, async () => {
    // blkid(8), which initramfs-tools and mkinitcpio ask, may find the copy first.
    await using machine = await makeLaptop();
    addForeign(machine, "sda2");
    const { code, stderr } = await check(machine, "/dev/sda2");
    assert.equal(code, 0, stderr);
    assert.match(
      stderr,
      /\/dev\/sda2 is a copy of the laptop's root file system; \/dev\/mapper\/laptop-root .* is taken/,
    );
    assert.equal(machine.read("/run/stiefelsystem/root"), "/dev/mapper/laptop-root\n");
  });

  for (
    const { name, commandLine, foreign, link, device } of [
      {
        name: "a copy that udev's link leads to",
        commandLine: "root=UUID=1234 ro",
        foreign: "sda2",
        link: "disk/by-uuid/1234",
      },
      {
        name: "a volume of the same name",
        commandLine: "root=/dev/ubuntu-vg/ubuntu-lv",
        foreign: "dm-9",
        link: "ubuntu-vg/ubuntu-lv",
      },
      { name: "a label", commandLine: "root=LABEL=root", foreign: "nvme0n1p2", link: "disk/by-label/root" },
      { name: "a name of a disk", commandLine: "root=/dev/sda2", foreign: "sda2" },
      { name: "what blkid has found", commandLine: "root=LABEL=root", foreign: "sdb1", device: "/dev/sdb1" },
    ]
  ) {
    Deno.test(`L9: the boot ends in words where root is on the desktop's disk: ${name}${under}`, async () => {
      await using machine = await makeLaptop({ commandLine });
      addForeign(machine, foreign, link);
      const { code, stderr } = await check(machine, ...device === undefined ? [] : [device]);
      assert.equal(code, 1);
      assert.match(
        stderr,
        /was found on a disk of this desktop, .*, and not on the laptop's\n {4}hint: nothing was mounted/,
      );
    });
  }

  Deno.test(`goes on with swap that holds no memory image${under}`, async () => {
    await using machine = await makeLaptop();
    await makeSwap(`${machine.root}/dev/dm-2`);
    const result = await check(machine);
    assert.equal(result.code, 0, result.stderr);
    assert.deepEqual(noticed(result), []);
    assert.ok(!machine.calls().some((call) => /^(nbd-client|plymouth|sleep)/.test(call)), machine.calls().join("\n"));
    assert.equal(machine.read("/proc/sysrq-trigger"), "");
  });

  Deno.test(`refuses a hibernated laptop, gives its disk back and switches the machine off${under}`, async () => {
    await using machine = await makeLaptop();
    await makeSwap(`${machine.root}/dev/dm-2`);
    hibernate(`${machine.root}/dev/dm-2`);
    const result = await check(machine);
    assert.equal(result.code, 1);
    assert.deepEqual(noticed(result), [
      "stiefelsystem: This laptop is hibernated: its sleeping system is in /dev/mapper/laptop-swap_1",
      "stiefelsystem: It would wake up over a disk that has changed meanwhile, and destroy what is on it; so this desktop does not use the disk",
      "    hint: start the laptop itself, let its system resume, and shut it down properly; then start this desktop again",
      "    hint: nothing was written to the laptop's disk",
      "stiefelsystem: The laptop's disk is released",
      "stiefelsystem: Press Enter to switch this machine off; after 300 seconds it does that by itself",
      "stiefelsystem: This machine could not be switched off; switch it off by hand",
    ]);
    assert.deepEqual(machine.calls().slice(-6), [
      "timeout 5 plymouth quit",
      "plymouth quit",
      "timeout -s KILL 10 nbd-client -d /dev/nbd0",
      "nbd-client -d /dev/nbd0",
      "timeout 1 dd bs=512 count=1",
      "timeout 300 dd bs=1 count=1",
    ]);
    assert.equal(machine.read("/proc/sysrq-trigger"), "o\n");
    assert.ok(!machine.calls().some((call) => call.startsWith("mount ")));

    // A user who goes on by hand does not come further, although there is nothing left to look at.
    Deno.truncateSync(`${machine.root}/dev/dm-2`);
    const again = await check(machine);
    assert.equal(again.code, 1);
    assert.match(
      again.stderr,
      /^stiefelsystem: This laptop is hibernated, and its disk is no longer attached; switch .*\n$/,
    );
  });

  Deno.test(`looks at the disk that attaching has written down, and gives that back${under}`, async () => {
    const rename = (name: string): string => name.replace("nbd0", "nbd3");
    const devices = laptop.map((device) => ({
      ...device,
      name: rename(device.name),
      ...device.on === undefined ? {} : { on: rename(device.on) },
    }));
    for (const [transport, calls] of [["nbd", ["nbd-client -d /dev/nbd3"]], ["carrier-pigeon", []]] as const) {
      // One of the first name has nothing to do with it.
      await using machine = await makeLaptop({ devices: [...devices, { name: "nbd0" }] });
      machine.write(
        "/run/stiefelsystem/session.state",
        `STIEFEL_VERSION=1\nSTIEFEL_TRANSPORT=${transport}\nSTIEFEL_DISK=/dev/nbd3\nSTIEFEL_SERVER_ADDRESS=fd00::1\n`,
      );
      await makeSwap(`${machine.root}/dev/dm-2`);
      hibernate(`${machine.root}/dev/dm-2`);
      const { code, stderr } = await check(machine);
      assert.equal(code, 1);
      assert.match(stderr, /This laptop is hibernated: its sleeping system is in \/dev\/mapper\/laptop-swap_1/);
      assert.deepEqual(machine.calls().filter((call) => call.startsWith("nbd-client")), calls);
      assert.equal(machine.read("/proc/sysrq-trigger"), "o\n");
    }
  });

  Deno.test(`knows every signature, and pages of every size${under}`, async () => {
    const cases = [
      ...["S2SUSPEND\0", "ULSUSPEND\0", "LINHIB0001"].map((signature) => ({ signature, pageBytes: 4096 })),
      ...[8192, 16384, 32768, 65536].map((pageBytes) => ({ signature: "S1SUSPEND\0", pageBytes })),
    ];
    for (const one of cases) {
      await using machine = await makeLaptop();
      await makeSwap(`${machine.root}/dev/dm-2`, one.pageBytes);
      hibernate(`${machine.root}/dev/dm-2`, one);
      const result = await check(machine);
      assert.equal(result.code, 1, `${JSON.stringify(one)} ${result.stderr}`);
    }
  });

  Deno.test(`what udev knows to be a common file system is not read, and all else is${under}`, async () => {
    const read = async (type: string): Promise<number> => {
      await using machine = await makeLaptop({
        devices: laptop.map((device) => ({
          ...device,
          ...device.name === "dm-2" ? { type } : {},
        })),
      });
      await makeSwap(`${machine.root}/dev/dm-2`);
      hibernate(`${machine.root}/dev/dm-2`);
      return (await check(machine)).code;
    };
    for (const type of ["ext4", "btrfs", "vfat"]) assert.equal(await read(type), 0, type);
    // libblkid ends its search at these.
    const first = ["linux_raid_member", "crypto_LUKS", "LVM2_member", "isw_raid_member"];
    for (const type of ["", "swap", "swsuspend", "iso9660", ...first]) assert.equal(await read(type), 1, type);
  });

  Deno.test(`without a session, or without the disk, it does nothing${under}`, async () => {
    for (const options of [{ hasSession: false }, { devices: [] }]) {
      await using machine = await makeLaptop(options);
      await makeSwap(`${machine.root}/dev/dm-2`);
      hibernate(`${machine.root}/dev/dm-2`);
      const result = await check(machine);
      assert.deepEqual({ code: result.code, said: result.stderr, calls: machine.calls() }, {
        code: 0,
        said: "",
        calls: [],
      });
    }
  });

  Deno.test(`the desktop's own hibernated system is not the laptop's${under}`, async () => {
    await using machine = await makeLaptop({
      devices: [...laptop, { name: "sda" }, { name: "sda1", on: "sda", type: "swsuspend" }],
    });
    await makeSwap(`${machine.root}/dev/sda1`);
    hibernate(`${machine.root}/dev/sda1`);
    const result = await check(machine);
    assert.equal(result.code, 0, result.stderr);
  });

  Deno.test(`volumes that are not active are activated, as far as that writes nothing${under}`, async () => {
    const inactive = laptop.slice(0, -1);
    await using machine = await makeLaptop({
      devices: inactive,
      programs: {
        lvm: `case $1 in
lvs) printf '  laptop|%s\\n' 'root|linear|public|active' 'swap_1|linear|public|' 'thin|thin,pool|private|' 'old|linear|public,snapshot|' ;;
lvchange) mkdir -p "$STUB_ROOT/sys/class/block/dm-0/holders/dm-2" ;;
esac`,
      },
    });
    await makeSwap(`${machine.root}/dev/dm-2`);
    hibernate(`${machine.root}/dev/dm-2`);
    const result = await check(machine);
    assert.equal(result.code, 1, result.stderr);
    const calls = machine.calls().filter((call) => call.startsWith("lvm "));
    assert.ok(calls[0]?.includes('filter=["a|^/dev/dm-0$|","r|.*|"]'), calls[0]);
    assert.match(calls[1] ?? "", /^lvm lvchange .* --sysinit --activate ay laptop\/swap_1$/);
    assert.equal(calls.length, 2);
  });

  Deno.test(`a partition that stays locked is named${under}`, async () => {
    await using machine = await makeLaptop({
      devices: [...laptop, { name: "nbd0p3", on: "nbd0", type: "crypto_LUKS" }],
    });
    const result = await check(machine);
    assert.equal(result.code, 0);
    assert.deepEqual(noticed(result), [
      "stiefelsystem: /dev/nbd0p3 is encrypted and not unlocked: whether a hibernated system is inside cannot be seen",
    ]);
  });

  Deno.test(`swap files that fstab names are looked at, without replaying a journal${under}`, async () => {
    for (const isHibernated of [false, true]) {
      await using machine = await makeLaptop({
        fstab: "# swap\nUUID=1234 / ext4 defaults 0 1\n/swap.img none swap sw 0 0",
      });
      const file = `${machine.root}/../stub/content/dev/dm-1/swap.img`;
      await makeSwap(file);
      if (isHibernated) hibernate(file);
      const result = await check(machine);
      assert.equal(result.code, isHibernated ? 1 : 0, result.stderr);
      assert.deepEqual(
        result.stderr.match(/its sleeping system is in .*/)?.[0],
        isHibernated ? "its sleeping system is in /swap.img" : undefined,
      );
      const mounts = machine.calls().filter((call) => call.startsWith("mount "));
      assert.deepEqual(mounts, Array(2).fill("mount -t ext4 -o ro,noload /dev/dm-1 /run/stiefelsystem/look"));
      assert.ok(!machine.exists("/run/stiefelsystem/look"));
    }
  });

  Deno.test(`a swap file may lie in a subvolume of its own${under}`, async () => {
    const devices = laptop.map((device) => device.name === "dm-1" ? { ...device, type: "btrfs" } : device);
    await using machine = await makeLaptop({
      devices,
      commandLine: "root=/dev/mapper/laptop-root rootflags=subvol=@ noresume",
      fstab:
        "UUID=1234 / btrfs subvol=@ 0 0\nUUID=1234 /swap btrfs noatime,subvol=@swap,ro 0 0\n/swap/file none swap sw 0 0\n",
    });
    const file = `${machine.root}/../stub/content/dev/dm-1/file`;
    await makeSwap(file);
    hibernate(file);
    const result = await check(machine);
    assert.equal(result.code, 1, result.stderr);
    const options = machine.calls().filter((call) => call.startsWith("mount ")).map((call) => call.split(" ")[4]);
    assert.deepEqual(options, ["ro,rescue=nologreplay,subvol=@", "ro,rescue=nologreplay,subvol=@swap"]);
  });

  Deno.test(`fstab may have quotes around values, and \\040 for blanks in them${under}`, async () => {
    const named = [['UUID="1234"', "disk/by-uuid/1234"], [
      "LABEL=my\\040own\\040disk",
      "disk/by-label/my\\x20own\\x20disk",
    ]];
    for (const [source, link] of named as [string, string][]) {
      const devices = laptop.map((device) => device.name === "dm-1" ? { ...device, links: [link] } : device);
      await using machine = await makeLaptop({
        devices,
        commandLine: "root=/dev/mapper/laptop-root noresume",
        fstab: `${source} / ext4 defaults 0 1\n/swap.img none swap sw 0 0\n`,
      });
      const file = `${machine.root}/../stub/content/dev/dm-1/swap.img`;
      await makeSwap(file);
      hibernate(file);
      const result = await check(machine);
      assert.match(result.stderr, /its sleeping system is in \/swap\.img/, source);
      assert.equal(result.code, 1);
    }
  });

  Deno.test(`a swap file that cannot be looked at is named${under}`, async () => {
    await using machine = await makeLaptop({
      fstab:
        "UUID=1234 / ext4 defaults 0 1\nUUID=5678 /data ext4 defaults 0 2\n/data/swap none swap sw 0 0\n/fifo none swap\n",
    });
    assert.equal((await runProgram(["mkfifo", `${machine.root}/../stub/content/dev/dm-1/fifo`])).code, 0);
    const result = await check(machine);
    assert.equal(result.code, 0);
    assert.deepEqual(noticed(result), [
      "stiefelsystem: The swap file /data/swap could not be looked at",
      "stiefelsystem: The swap file /fifo could not be looked at",
    ]);
  });
}
