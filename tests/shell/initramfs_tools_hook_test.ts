/** The hook that mkinitramfs runs, under dash and busybox ash, with stubs for the functions of initramfs-tools. */

import assert from "node:assert/strict";
import { attachParts } from "../support/attach_parts.ts";
import { fileURLToPath } from "node:url";
import { type Machine, makeMachine, type ProgramResult, SHELLS } from "./shell_rig.ts";

const overlay = fileURLToPath(new URL("../../image/host/", import.meta.url));
const ours = "/usr/lib/stiefelsystem";
const hook = `${overlay}initramfs-tools${ours}/initramfs-tools/hooks/stiefelsystem`;
const programFiles = ["stiefel-attach", "stiefel-check", ...attachParts.map((name) => `attach/${name}.sh`)];
const ourFiles = [...programFiles, "59-stiefelsystem.rules", "stiefelsystem-drivers.conf"];

const modules = "/lib/modules/6.12.30-amd64";
const ethernet = `${modules}/kernel/drivers/net/ethernet`;

/** Writes down what is copied and added; copy_modules_dir also brings a module, as it does by and by. */
const functions = `copy_exec() { echo "copy_exec $*" >>"$STUB/calls"; }
manual_add_modules() { [ $# -eq 0 ] || printf 'add %s\\n' "$@" >>"$STUB/calls"; }
copy_modules_dir() { echo "directory $*" >>"$STUB/calls"; }
apply_add_modules() {
  for module in intel/e1000e/e1000e netronome/nfp/nfp sfc/siena/sfc-siena sfc/sfc; do
    mkdir -p "$DESTDIR$MODULESDIR/kernel/drivers/net/ethernet/\${module%/*}"
    : >"$DESTDIR$MODULESDIR/kernel/drivers/net/ethernet/$module.ko.xz"
  done
}
`;

async function prepare(programs: Readonly<Record<string, string>> = {}): Promise<Machine> {
  const machine = await makeMachine({ programs: { findmnt: "echo jfs", wg: "", ...programs } });
  machine.write("/functions", functions);
  const text = await Deno.readTextFile(hook);
  const sourced = "/usr/share/initramfs-tools/hook-functions";
  assert.ok(text.includes(`. ${sourced}\n`));
  machine.write(
    "/hook",
    text.replace(sourced, `${machine.root}/functions`)
      .replaceAll(
        /(?<=[ ="])\/(etc\/default|etc\/systemd|usr\/lib\/firmware)/g,
        `${machine.root}/$1`,
      ).replace("ours=/", `ours=${machine.root}/`),
  );
  for (const path of ourFiles) machine.write(`${ours}/${path}`, `text of ${path}`);
  for (const name of ["needs", "needs.sh"]) {
    machine.write(`${ours}/${name}`, await Deno.readTextFile(`${overlay}generic${ours}/${name}`));
  }
  machine.write("/destination/usr/lib/udev/hwdb.bin", "");
  machine.write("/destination/scripts/local-premount/btrfs", "");
  machine.write("/destination/scripts/local-premount/resume", "");
  machine.write("/destination/usr/lib/udev/rules.d/80-drivers.rules", "");
  for (const name of ["own", "stiefelsystem", "zz-last"]) machine.write(`/confdir/hooks/${name}`, "");
  return machine;
}

for (const shell of SHELLS) {
  const under = ` (${shell.join(" ")})`;
  const run = (machine: Machine, args: readonly string[] = []): Promise<ProgramResult> => {
    const { root } = machine;
    const variables = [
      ...[`DESTDIR=${root}/destination`, `CONFDIR=${root}/confdir`, `MODULESDIR=${modules}`],
      `__TMPEARLYCPIO=${root}/early`,
    ];
    return machine.run(["env", ...variables, ...shell, `${root}/hook`, ...args]);
  };

  Deno.test(`it runs after every other hook of its directory${under}`, async () => {
    await using machine = await prepare();
    const { code, stdout } = await run(machine, ["prereqs"]);
    assert.equal(code, 0);
    assert.deepEqual(stdout.trim().split(/\s+/), ["own", "zz-last"]);
    assert.deepEqual(machine.calls(), []);
  });

  Deno.test(`programs, drivers and the laptop's own file system are added, and what is of no use goes${under}`, async () => {
    await using machine = await prepare();
    const { code, stderr } = await run(machine);
    assert.equal(code, 0, stderr);
    const calls = machine.calls();
    for (const program of ["ip", "nbd-client", "timeout"]) {
      assert.ok(calls.some((call) => call.startsWith("copy_exec ") && call.endsWith(` /usr/sbin/${program}`)), program);
    }
    for (const module of ["nbd", "nvme-tcp", "wireguard", "ext4", "btrfs", "vfat", "jfs", "virtio_net", "atkbd"]) {
      assert.ok(calls.includes(`add ${module}`), module);
    }
    for (const directory of ["net/ethernet", "net/thunderbolt", "usb/host", "input/keyboard"]) {
      assert.ok(calls.includes(`directory kernel/drivers/${directory}`), directory);
    }
    assert.ok(!calls.some((call) => /crypto|drivers\/(ata|scsi|nvme|gpu|block|net\/wireless)/.test(call)));
    assert.deepEqual(Object.keys(machine.files("/destination")), [
      "/destination/etc/modprobe.d/stiefelsystem-drivers.conf",
      `/destination${ethernet}/intel/e1000e/e1000e.ko.xz`,
      `/destination${ethernet}/sfc/sfc.ko.xz`,
      "/destination/scripts/local-premount/btrfs",
      ...programFiles.map((path) => `/destination${ours}/${path}`).sort(),
      "/destination/usr/lib/udev/rules.d/59-stiefelsystem.rules",
      "/destination/usr/lib/udev/rules.d/80-drivers.rules",
    ]);
  });

  Deno.test(`where cryptsetup is in the initramfs, all ciphers are${under}`, async () => {
    await using machine = await prepare();
    machine.write("/destination/usr/sbin/cryptsetup", "");
    const { code, stderr } = await run(machine);
    assert.equal(code, 0, stderr);
    assert.ok(machine.calls().includes("directory kernel/crypto"));
  });

  Deno.test(`it gets the microcode of every processor, unless that is switched off${under}`, async () => {
    for (const setting of ["", "AMD64UCODE_INITRAMFS=no\n"]) {
      // Writes what it is asked for; its last argument is the directory.
      const iucode = 'printf intel >"${3#*=}"';
      await using machine = await prepare({ iucode_tool: iucode, cpio: "while read -r name; do echo $name; done" });
      machine.write("/early", "tables of the laptop's firmware");
      machine.write("/usr/lib/firmware/intel-ucode/06-55-04", "");
      machine.write("/usr/lib/firmware/amd-ucode/microcode_amd.bin", "");
      machine.write("/etc/default/amd64-microcode", setting);
      const { code, stderr } = await run(machine);
      assert.equal(code, 0, stderr);
      const amd = ["kernel", "kernel/x86", "kernel/x86/microcode", "kernel/x86/microcode/AuthenticAMD.bin"];
      assert.equal(machine.read("/early"), `intel${setting === "" ? `${amd.join("\n")}\n` : ""}`);
      assert.ok(!machine.exists("/destination/kernel"));
    }
  });

  Deno.test(`no other script touches a link${under}`, async () => {
    await using machine = await prepare();
    const scripts = {
      "init-premount/remote": '[ "$BOOT" = nfs ] || configure_networking\n',
      "local-bottom/keys": 'ip link  set   dev "$iface" down\n',
      "local-bottom/addresses": 'for link in *; do ip  addr flush dev "$link"; done\n',
      "local-top/by-function": ". /scripts/own-functions\ndo_configure_networking\n",
      "local-top/dhcp": "ipconfig -t 30 eth0\n",
      "local-top/nbd": "configure_networking\n",
      "local-top/short": "ip -6 a add fd00::2/64 dev eth0\n",
      "local-top/skip": "zip link; unconfigure_networking; chip addr\n\t# not by ipconfig\nip_link; chip -o link\n",
      "local-top/udhcpc": 'ifconfig "$1" up; udhcpc -b -i "$1"\n',
      "local-top/wait": "until [ -d /sys/class/net/wlan0 ]; do sleep 1; done; /sbin/wpa_supplicant -B -i wlan0\n",
    };
    for (const [name, text] of Object.entries(scripts)) {
      machine.write(`/destination/scripts/${name}`, `#!/bin/sh\n${text}`);
    }
    const { code, stderr } = await run(machine);
    assert.equal(code, 0, stderr);
    const kept = Object.keys(machine.files("/destination/scripts"));
    assert.deepEqual(kept, ["/destination/scripts/local-premount/btrfs", "/destination/scripts/local-top/skip"]);
    const gone = [
      ...["init-premount/remote", "local-bottom/addresses", "local-bottom/keys"],
      ...["local-top/by-function", "local-top/dhcp", "local-top/short", "local-top/udhcpc", "local-top/wait"],
    ];
    const said = gone.map((name) => `stiefelsystem: desktops go without scripts/${name}, which sets up links\n`);
    assert.equal(stderr, said.join(""));
  });

  Deno.test(`the laptop's own settings of links are not in it, the distribution's are${under}`, async () => {
    await using machine = await prepare();
    const links = "/destination/usr/lib/systemd/network";
    machine.write("/etc/systemd/network/00-default.link", "");
    for (const name of ["00-default", "99-default"]) machine.write(`${links}/${name}.link`, "");
    const { code, stderr } = await run(machine);
    assert.equal(code, 0, stderr);
    assert.deepEqual(Object.keys(machine.files(links)), [`${links}/99-default.link`]);
  });

  Deno.test(`without a program that a desktop needs nothing is built${under}`, async () => {
    for (const program of ["timeout", "nbd-client"]) {
      await using machine = await prepare();
      // What is installed where this test runs does not matter.
      machine.write(
        `${ours}/needs`,
        machine.read(`${ours}/needs`).replace(`program ${program}\n`, "program not-there\n")
          .replaceAll(/^disk\/nvme-(?:tcp|engine) .*\n/gm, ""),
      );
      const { code, stderr } = await run(machine);
      assert.equal(code, 1);
      assert.match(stderr, /^E: stiefelsystem: "not-there" is not installed/);
      assert.deepEqual(Object.keys(machine.files("/destination")).filter((path) => path.includes("nbd")), []);
    }
  });

  Deno.test(`of two transports one that is installed will do${under}`, async () => {
    await using machine = await prepare();
    machine.write(`${ours}/attach/disk-other.sh`, "");
    const other = ["program not-there", "module other", "file attach/disk-other.sh"].map((need) =>
      `disk/other ${need}\n`
    );
    machine.write(`${ours}/needs`, `${machine.read(`${ours}/needs`)}${other.join("")}`);
    const { code, stderr } = await run(machine);
    assert.equal(code, 0, stderr);
    assert.ok(machine.calls().includes("add nbd"));
    assert.ok(machine.calls().includes("add nvme-tcp"));
    assert.ok(!machine.calls().includes("add other"));
    assert.ok(!machine.exists(`/destination${ours}/attach/disk-other.sh`));
    machine.write(
      `${ours}/needs`,
      machine.read(`${ours}/needs`).replace("nbd-client", "neither").replaceAll(
        /^disk\/nvme-(?:tcp|engine) .*\n/gm,
        "",
      ),
    );
    const { code: refused, stderr: message } = await run(machine);
    assert.equal(refused, 1);
    assert.match(message, /^E: stiefelsystem: "neither", or for another transport "not-there" is not installed/);
  });

  Deno.test(`a transport whose module the kernel has not is left out, and named where it is the last${under}`, async () => {
    const kernel = "kernel/drivers";
    for (
      const [dep, builtin, wanted] of [
        [`${kernel}/block/nbd.ko.xz:\n${kernel}/nvme/host/nvme-tcp.ko.xz: a.ko\n`, "", ["nvme-tcp", "nbd"]],
        [`${kernel}/block/nbd.ko: a.ko\n${kernel}/nvme/host/nvme-tcp2.ko:\n`, "", ["nbd"]],
        ["", `${kernel}/nvme/host/nvme-tcp.ko\n`, ["nvme-tcp"]],
        [`${kernel}/block/brd.ko:\n`, "", []],
      ] as const
    ) {
      await using machine = await prepare();
      machine.write("/modules/modules.dep", dep);
      machine.write("/modules/modules.builtin", builtin);
      const text = machine.read("/hook");
      assert.ok(text.includes("module_directory=$MODULESDIR\n"));
      machine.write("/hook", text.replace("module_directory=$MODULESDIR", `module_directory=${machine.root}/modules`));
      const { code, stderr } = await run(machine);
      assert.equal(code, wanted.length === 0 ? 1 : 0, stderr);
      const calls = machine.calls().filter((call) => /^add (nvme-tcp|nbd)$/.test(call)).map((call) => call.slice(4));
      // Two transports have one module.
      const added = [...new Set(calls)];
      assert.deepEqual(added, wanted);
      if (wanted.length === 0) assert.match(stderr, /the kernel's module "nvme-tcp", or for another transport .*"nbd"/);
    }
  });

  Deno.test(`nothing is resumed, but a swap that is named is unlocked${under}`, async () => {
    await using machine = await prepare();
    const settings = hook.replace(/hooks\/stiefelsystem$/, "conf.d/zzz-stiefelsystem");
    machine.write("/source", 'MODULES=most\n. "$1"\necho "$MODULES $RESUME"\n');
    const read = async (...variables: readonly string[]): Promise<string> =>
      (await machine.run(["env", ...variables, ...shell, `${machine.root}/source`, settings])).stdout.trim();
    const building = "CONFDIR=/var/lib/x";
    assert.equal(await read(building, "RESUME=/dev/mapper/swap"), "list /dev/mapper/swap");
    assert.equal(await read(building, "RESUME=auto"), "list none");
    assert.equal(await read(building), "list none");
    assert.equal(await read("RESUME=/dev/mapper/swap"), "list none");
  });

  Deno.test(`L5: the swap that the laptop resumes from is unlocked, wherever this is built${under}`, async () => {
    await using machine = await prepare();
    const settings = hook.replace(/hooks\/stiefelsystem$/, "conf.d/zzz-stiefelsystem");
    machine.write("/settings", Deno.readTextFileSync(settings).replace("</etc/", `<${machine.root}/etc/`));
    machine.write("/source", '. "$1"\necho "$RESUME"\n');
    machine.write(
      "/etc/stiefelsystem/laptop",
      "# of the laptop\nMODULE=kernel/drivers/nvme/host/nvme\nRESUME=UUID=4444\n",
    );
    const read = async (...variables: readonly string[]): Promise<string> =>
      (await machine.run(["env", ...variables, ...shell, `${machine.root}/source`, `${machine.root}/settings`])).stdout
        .trim();
    assert.equal(await read("CONFDIR=/var/lib/x"), "UUID=4444");
    assert.equal(await read("CONFDIR=/var/lib/x", "RESUME=auto"), "UUID=4444");
    assert.equal(await read("CONFDIR=/var/lib/x", "RESUME=/dev/mapper/other"), "/dev/mapper/other");
    // In the initramfs itself.
    assert.equal(await read("RESUME=auto"), "none");
  });

  Deno.test(`L9: where blkid has found a copy of root, the initramfs mounts the laptop's${under}`, async () => {
    for (const isCopy of [true, false]) {
      await using machine = await makeMachine({
        programs: { "stiefel-check": `${isCopy} && echo /dev/nbd0p2 >"$STUB_ROOT/run/stiefelsystem/root"\nexit 0` },
        session: "STIEFEL_VERSION=1\n",
      });
      for (const directory of ["conf", "run/stiefelsystem"]) {
        Deno.mkdirSync(`${machine.root}/${directory}`, { recursive: true });
      }
      const script = hook.replace(/hooks\/stiefelsystem$/, "scripts/local-premount/stiefelsystem");
      machine.write("/scripts/functions", "");
      machine.write(
        "/premount",
        Deno.readTextFileSync(script)
          .replaceAll(/\/usr\/lib\/stiefelsystem\/(?=stiefel-)/g, "")
          .replaceAll(/(?<=[ <>])\/(stiefelsystem|run|scripts|conf)\//g, `${machine.root}/$1/`),
      );
      const { code, stderr } = await machine.run(["env", "ROOT=/dev/sda2", ...shell, `${machine.root}/premount`]);
      assert.deepEqual({ code, stderr }, { code: 0, stderr: "" });
      assert.deepEqual(machine.calls(), ["stiefel-check  /dev/sda2"]);
      assert.deepEqual(machine.files("/conf"), isCopy ? { "/conf/param.conf": "ROOT=/dev/nbd0p2\n" } : {});
    }
  });
}
