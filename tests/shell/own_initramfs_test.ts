/**
 * L1: what makes the laptop's own initramfs fit the laptop when it is built while the system runs on a desktop; the
 * files that generators source, with stubs for what they define. That the real generators take them is proven in
 * tests/host and tests/long.
 */

import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { type Machine, makeMachine, type ProgramResult, SHELLS } from "./shell_rig.ts";

const overlays = fileURLToPath(new URL("../../image/host/", import.meta.url));
const sessionState = "/run/stiefelsystem/session.state";
const recordPath = "/etc/stiefelsystem/laptop";

/** What stiefel-laptop writes down; consumers pass over what they do not know. */
const record = `# Written by stiefel-laptop
MODULE=kernel/drivers/ata/ahci
MODULE=kernel/drivers/gpu/drm/i915/i915
MODULE=kernel/drivers/nvme/host/nvme
MODULE=kernel/net/bluetooth/bluetooth
MODULE=kernel/sound/pci/hda/snd-hda-intel
RESUME=UUID=4444
CONTAINER=5555
LINK=0 disk/by-id/nvme-Maker_Model_Serial
FUTURE=something
`;

/** Copies a file of ours onto the machine, its absolute paths below the machine's root. */
function place(machine: Machine, source: string, path: string): string {
  const text = Deno.readTextFileSync(`${overlays}${source}`)
    .replaceAll(/(?<=[ <"])\/(etc\/stiefelsystem|run\/stiefelsystem|usr\/share|dev\/disk)/g, `${machine.root}/$1`);
  machine.write(path, text);
  return `${machine.root}${path}`;
}

for (const shell of SHELLS) {
  const under = ` (${shell.join(" ")})`;

  Deno.test(`L1: on a desktop mkinitramfs does not choose drivers by the machine it runs on${under}`, async () => {
    await using machine = await makeMachine();
    const hook = place(
      machine,
      "initramfs-tools-own/usr/share/initramfs-tools/conf-hooks.d/stiefelsystem-own",
      "/conf",
    );
    machine.write("/source", 'set -e\n. "$1"\necho "$MODULES $RESUME"\n');
    const read = async (...variables: readonly string[]): Promise<string> => {
      const settings = [`CONFDIR=${machine.root}/confdir`, ...variables];
      const { stdout, stderr } = await machine.run(["env", ...settings, ...shell, `${machine.root}/source`, hook]);
      assert.equal(stderr, "");
      return stdout.trim();
    };
    machine.write(recordPath, record);
    assert.equal(await read("MODULES=dep", "RESUME="), "dep", "the laptop itself");
    machine.write(sessionState, "");
    assert.equal(await read("MODULES=dep", "RESUME="), "most UUID=4444");
    assert.equal(await read("MODULES=dep", "RESUME=auto"), "most UUID=4444");
    assert.equal(await read("MODULES=list", "RESUME=/dev/mapper/own"), "list /dev/mapper/own");
    assert.equal(await read("MODULES=most", "RESUME=none"), "most none");
    Deno.removeSync(`${machine.root}${recordPath}`);
    assert.equal(await read("MODULES=dep", "RESUME=auto"), "most auto", "a laptop of which nothing is known");
    machine.write("/confdir/hooks/stiefelsystem", "");
    assert.equal(await read("MODULES=dep", "RESUME=auto"), "dep auto", "what desktops boot");
  });

  const runHook = async (
    machine: Machine,
    { resume = "UUID=4444" }: { readonly resume?: string } = {},
  ): Promise<ProgramResult> => {
    machine.write("/usr/share/initramfs-tools/hook-functions", 'manual_add_modules() { echo "$*"; }\n');
    Deno.mkdirSync(`${machine.root}/destination/conf/conf.d`, { recursive: true });
    const { root } = machine;
    const hook = place(machine, "initramfs-tools-own/usr/share/initramfs-tools/hooks/stiefelsystem-own", "/hook");
    const variables = [`DESTDIR=${root}/destination`, `CONFDIR=${root}/confdir`, `RESUME=${resume}`];
    return await machine.run(["env", ...variables, ...shell, hook]);
  };
  const plainRoot = { programs: { findmnt: "echo /dev/nbd0p2", lsblk: "printf 'part\\ndisk\\n'" } };

  Deno.test(`L1: on a desktop mkinitramfs also adds what the laptop used, and says so${under}`, async () => {
    await using machine = await makeMachine(plainRoot);
    machine.write(recordPath, record);
    assert.deepEqual(await runHook(machine), { code: 0, stdout: "", stderr: "" }, "the laptop itself");
    machine.write(sessionState, "");
    const { code, stdout, stderr } = await runHook(machine);
    assert.equal(code, 0, stderr);
    assert.equal(stdout, "ahci\nnvme\n");
    assert.match(stderr, /^stiefelsystem: this system runs on a desktop; .*start the laptop/);
    assert.equal(machine.read("/destination/conf/conf.d/zz-resume-auto"), "RESUME=UUID=4444\n");
  });

  Deno.test(`L1: where the laptop resumes from is not changed where its settings name it${under}`, async () => {
    await using machine = await makeMachine(plainRoot);
    machine.write(recordPath, record);
    machine.write(sessionState, "");
    assert.equal((await runHook(machine, { resume: "/dev/mapper/own" })).code, 0);
    assert.ok(!machine.exists("/destination/conf/conf.d/zz-resume-auto"));
  });

  Deno.test(`L1: an initramfs that could not open the laptop's root is not built${under}`, async () => {
    await using machine = await makeMachine({
      programs: { findmnt: "echo /dev/mapper/root", lsblk: "printf 'crypt\\npart\\ndisk\\n'" },
    });
    machine.write(sessionState, "");
    const { code, stderr } = await runHook(machine);
    assert.equal(code, 1);
    assert.match(stderr, /could not open its root file system with this initramfs, the old one stays/);
    machine.write("/destination/cryptroot/crypttab", "root UUID=1 none luks\n");
    assert.equal((await runHook(machine)).code, 0);
  });

  const remember = (machine: Machine): Promise<ProgramResult> =>
    machine.run([...shell, `${overlays}generic/usr/lib/stiefelsystem/stiefel-laptop`, "remember", machine.root]);

  /** A laptop with LUKS below root and swap, on a disk with two names, and with an ESP that is found by its type. */
  const makeLaptop = async (): Promise<Machine> => {
    const machine = await makeMachine({
      programs: {
        modinfo: `shift 2
for name; do
  case $name in
  vfio) echo "(builtin)" ;;
  foreign) echo "/lib/modules/6.12/updates/dkms/foreign.ko.xz" ;;
  *) echo "/lib/modules/6.12/kernel/drivers/block/$name.ko.zst" ;;
  esac
done`,
        findmnt: `case "$*" in
*"--types vfat --mountpoint /efi") printf 'ABCD-1234 vfat\\n' ;;
*"SOURCE --mountpoint /") echo /dev/mapper/root ;;
*) exit 1 ;;
esac`,
        lsblk: `case "$*" in
*"FSTYPE,UUID /dev/mapper/root") printf 'ext4 1111\\ncrypto_LUKS 3333\\n\\n' ;;
*"FSTYPE,UUID /dev/mapper/swap") printf 'swap 4444\\ncrypto_LUKS 5555\\n\\n' ;;
*"NAME,TYPE /dev/mapper/root") printf 'root crypt\\nnvme0n1p2 part\\nnvme0n1 disk\\n' ;;
*"NAME /dev/dm-2") echo /dev/mapper/swap ;;
*"NAME /dev/dm-3") echo /dev/mapper/random ;;
esac`,
        udevadm: `case "$*" in
*=nvme0n1) echo "disk/by-id/nvme-Maker_Model_Serial disk/by-diskseq/1" ;;
*=nvme0n1p2) echo "disk/by-uuid/3333 disk/by-id/nvme-Maker_Model_Serial-part2 disk/by-path/pci-0000:01:00.0-part2" ;;
esac`,
      },
    });
    Deno.mkdirSync(`${machine.root}/etc/stiefelsystem`, { recursive: true });
    Deno.mkdirSync(`${machine.root}/proc/1`, { recursive: true });
    Deno.symlinkSync(machine.root, `${machine.root}/proc/1/root`);
    machine.write(
      "/proc/modules",
      "nvme 65536 3 - Live 0x0\nvfio 1 0 - Live 0x0\nahci 1 0 - Live 0x0\nforeign 1 0 -\n",
    );
    machine.write("/proc/cmdline", "root=/dev/mapper/root ro quiet\n");
    machine.write(
      "/proc/swaps",
      "Filename Type Size Used Priority\n/dev/zram0 partition 9000 0 100\n/dev/dm-3 partition 8000 0 -2\n" +
        "/dev/dm-2 partition 4000 0 -2\n/swapfile file 9999 0 -3\n",
    );
    machine.write("/etc/crypttab", "random /dev/nvme0n1p9 /dev/urandom swap\nswap UUID=5555 none\n");
    machine.write("/etc/fstab", "UUID=1111 / ext4 defaults 0 1\n# /efi is found by its type\n");
    for (const name of ["nvme0n1", "nvme0n1/nvme0n1p2"]) machine.write(`/sys/class/block/${name}/dev`, "259:0\n");
    machine.write("/sys/class/block/nvme0n1/nvme0n1p2/partition", "2\n");
    // A card without a cable, one in use, a wireless one, and a link that is no card.
    for (const name of ["enp0s31f6", "enx0c", "wlp2s0", "docker0"]) machine.write(`/sys/class/net/${name}/type`, "1\n");
    for (const name of ["enp0s31f6", "enx0c", "wlp2s0"]) machine.write(`/sys/class/net/${name}/device/vendor`, "\n");
    machine.write("/sys/class/net/wlp2s0/wireless/status", "\n");
    machine.write("/sys/class/net/enx0c/carrier", "1\n");
    return machine;
  };

  Deno.test(`L1: the laptop is remembered while it runs by itself${under}`, async () => {
    await using machine = await makeLaptop();
    assert.deepEqual(await remember(machine), { code: 0, stdout: "", stderr: "" });
    assert.deepEqual(machine.read(recordPath).split("\n").filter((line) => !line.startsWith("#")), [
      "MODULE=kernel/drivers/block/ahci",
      "MODULE=kernel/drivers/block/nvme",
      "RESUME=/dev/mapper/swap",
      "CONTAINER=3333",
      "CONTAINER=5555",
      "LINK=0 disk/by-id/nvme-Maker_Model_Serial",
      "LINK=2 disk/by-id/nvme-Maker_Model_Serial-part2",
      "LINK=2 disk/by-path/pci-0000:01:00.0-part2",
      "CARD=enx0c",
      "CARD=enp0s31f6",
      "MOUNT=/efi UUID=ABCD-1234 vfat",
      "",
    ]);
    machine.write("/proc/cmdline", "root=/dev/mapper/root resume=UUID=7777 quiet ip=dhcp -- resume=no\n");
    machine.write("/etc/fstab", "UUID=ABCD-1234 /efi vfat defaults 0 2\n");
    assert.equal((await remember(machine)).code, 0);
    assert.match(machine.read(recordPath), /^RESUME=UUID=7777\nWORD=resume=UUID=7777\nWORD=ip=dhcp\nCONTAINER=/m);
    assert.doesNotMatch(machine.read(recordPath), /^MOUNT=/m);
  });

  Deno.test(`L1: on a desktop and in a chroot nothing is remembered${under}`, async () => {
    await using machine = await makeLaptop();
    machine.write(recordPath, "before\n");
    machine.write(sessionState, "");
    assert.equal((await remember(machine)).code, 0);
    assert.equal(machine.read(recordPath), "before\n");
    Deno.removeSync(`${machine.root}${sessionState}`);
    Deno.removeSync(`${machine.root}/proc/1/root`);
    Deno.symlinkSync("/usr", `${machine.root}/proc/1/root`);
    assert.equal((await remember(machine)).code, 0);
    assert.equal(machine.read(recordPath), "before\n");
  });
}

/** Sources a file of ours under bash, after what its generator defines, and before what the test wants to see. */
async function source(
  machine: Machine,
  path: string,
  { before = "", after = "" }: { readonly before?: string; readonly after?: string },
): Promise<ProgramResult> {
  machine.write("/run.sh", `${before}\n. "${path}"\n${after}\n`);
  return await machine.run(["bash", `${machine.root}/run.sh`]);
}

Deno.test("L1: on a desktop dracut gets the laptop's settings, for the laptop's own initramfs only", async () => {
  await using machine = await makeMachine();
  const path = place(machine, "dracut-own/etc/dracut.conf.d/zzz-stiefelsystem.conf", "/own.conf");
  const see = { after: 'echo "$add_dracutmodules|$omit_dracutmodules|$add_device"' };
  const read = async (before = ""): Promise<string> => (await source(machine, path, { ...see, before })).stdout.trim();
  machine.write(recordPath, record);
  assert.equal(await read(), "||", "the laptop itself");
  machine.write(sessionState, "");
  // Files are no block devices: what is not there is not asked for.
  assert.equal(await read("add_dracutmodules=' own '"), "own  stiefelsystem-own  resume | nbd |");
  assert.equal(await read("add_dracutmodules_l=(debug stiefelsystem)"), "||", "what desktops boot");
  Deno.removeSync(`${machine.root}${recordPath}`);
  const unknown = await source(machine, path, see);
  assert.deepEqual(unknown, { code: 0, stdout: " stiefelsystem-own | nbd |\n", stderr: "" });
});

const dracutModule = `${overlays}dracut-own/usr/lib/dracut/modules.d/99stiefelsystem-own/module-setup.sh`;

for (
  const { name, freeKib, hasRecord, code, lines } of [
    {
      name: "gets the drivers of any machine, and those that the laptop used",
      freeKib: 500_000,
      hasRecord: true,
      code: 0,
      lines: ["[] ahci nvme", "generic [] []", "then []"],
    },
    {
      name: "gets those that the laptop used where there is little space",
      freeKib: 50_000,
      hasRecord: true,
      code: 0,
      lines: ["[] ahci nvme", "then [-h]"],
    },
    {
      name: "is not built where there is little space, and nothing is known",
      freeKib: 50_000,
      hasRecord: false,
      code: 1,
      lines: [],
    },
  ]
) {
  Deno.test(`L1: on a desktop the laptop's own initramfs of dracut ${name}`, async () => {
    await using machine = await makeMachine({ programs: { df: `printf 'Avail\\n${freeKib}\\n'` } });
    if (hasRecord) machine.write(recordPath, record);
    machine.write(
      "/kernel-modules/module-setup.sh",
      'installkernel() { echo "generic [$hostonly] [$hostonly_mode]"; }\n',
    );
    const before = `set -eu
dracutsysrootdir=${machine.root} outfile=/boot/initrd.img hostonly=-h hostonly_mode=sloppy
dracut_module_path() { echo ${machine.root}/$1; }
instmods() { echo "[$hostonly] $*"; }
dwarn() { echo "$*" >&2; }
dfatal() { echo "$*" >&2; }`;
    const result = await source(machine, dracutModule, { before, after: 'installkernel\necho "then [$hostonly]"' });
    assert.equal(result.code, code, result.stderr);
    assert.deepEqual(result.stdout.split("\n").slice(0, -1), lines);
    if (code === 1) assert.match(result.stderr, /the old one stays/);
  });
}

Deno.test("L1: the module is in no initramfs that does not ask for it", async () => {
  await using machine = await makeMachine();
  assert.equal((await source(machine, dracutModule, { after: "check" })).code, 255);
});

Deno.test("L1: mkinitcpio's autodetect is its own on the laptop, and chooses nothing by the machine on a desktop", async () => {
  const run = async (prepare: (machine: Machine) => void, freeKib = 500_000): Promise<ProgramResult> => {
    await using machine = await makeMachine({ programs: { df: `printf 'Avail\\n${freeKib}\\n'` } });
    machine.write("/lib/autodetect", 'build() { echo "own"; mkinitcpio_autodetect=1; }\nhelp() { echo "own help"; }\n');
    prepare(machine);
    const path = place(machine, "mkinitcpio-own/etc/initcpio/install/autodetect", "/etc/initcpio/install/autodetect");
    return await source(machine, path, {
      before: `declare -A _autodetect_cache
_d_install=${machine.root}/etc/initcpio/install:${machine.root}/none:${machine.root}/lib KERNELVERSION=6.12 _optgenimg=/boot/x.img
all_modules() { [[ "$1" == -f && $3 == . ]] && printf '%s\\n' sd_mod nvme; }
warning() { echo "warning: $*" >&2; }
die() { echo "died: $*" >&2; exit 1; }`,
      after: 'build\nprintf "%s\\n" "${!_autodetect_cache[@]}" | sort\necho "${mkinitcpio_autodetect:-generic}"',
    });
  };
  assert.equal((await run((machine) => machine.write(recordPath, record))).stdout, "own\n\n1\n");
  const onDesktop = await run((machine) => {
    machine.write(recordPath, record);
    machine.write(sessionState, "");
  });
  assert.equal(onDesktop.stdout, "ahci\nbluetooth\ni915\nnvme\nsd_mod\nsnd_hda_intel\ngeneric\n");
  assert.match(onDesktop.stderr, /^warning: stiefelsystem: this system runs on a desktop/);
  const inLittleSpace = await run((machine) => {
    machine.write(recordPath, record);
    machine.write(sessionState, "");
  }, 50_000);
  assert.equal(inLittleSpace.stdout, "ahci\nbluetooth\ni915\nnvme\nsnd_hda_intel\ngeneric\n");
  const unknown = await run((machine) => machine.write(sessionState, ""), 50_000);
  assert.equal(unknown.code, 1);
  assert.match(unknown.stderr, /died: .*the old one stays/);
});
