/**
 * The dracut module: what it puts into an initramfs, with dracut's functions as stubs; and its hooks for an initramfs
 * without systemd, under dash and busybox ash. That dracut itself takes it is proven in tests/qemu.
 */

import assert from "node:assert/strict";
import { attachParts } from "../support/attach_parts.ts";
import { fileURLToPath } from "node:url";
import { forDesktop } from "../../lib/formats/kernel_command_line.ts";
import { type Machine, type MachineOptions, makeMachine, type ProgramResult, SHELLS } from "./shell_rig.ts";

const module = fileURLToPath(
  new URL("../../image/host/dracut/usr/lib/dracut/modules.d/95stiefelsystem/", import.meta.url),
);

const generic = fileURLToPath(new URL("../../image/host/generic/usr/lib/stiefelsystem/", import.meta.url));

/** What stiefel-attach consists of. */
const parts = attachParts.map((
  name,
) => `${name}.sh`);

/** What dracut(8) defines before it sources a module; each call is a line of output. */
const dracutFunctions = `
set -eu
moddir=${module.slice(0, -1)} initdir=$STUB_ROOT/initramfs dracutsysrootdir=$STUB_ROOT
systemdsystemunitdir=/usr/lib/systemd/system
mkdir -p "$initdir/etc/cmdline.d"
for name in instmods inst_multiple inst_script inst_simple inst_hook; do
  eval "$name() { echo $name \\"\\$@\\"; }"
done
find_binary() { [[ $1 != "\${MISSING:-}" ]]; }
derror() { echo "$*" >&2; }
dracut_module_included() { [[ $1 == systemd && $HAS_SYSTEMD == 1 ]]; }
. "$moddir/module-setup.sh"
`;

async function runModule(
  machine: Machine,
  line: string,
  { hasSystemd = true }: { readonly hasSystemd?: boolean } = {},
): Promise<ProgramResult> {
  for (const name of ["needs", "needs.sh"]) {
    machine.write(`/usr/lib/stiefelsystem/${name}`, Deno.readTextFileSync(`${generic}${name}`));
  }
  machine.write("/run.sh", `HAS_SYSTEMD=${hasSystemd ? 1 : 0}\n${dracutFunctions}\n${line}\n`);
  return await machine.run(["bash", `${machine.root}/run.sh`]);
}

/** Root is a logical volume in a LUKS container; lsblk(8) as it prints that with --raw --inverse. */
const encrypted: MachineOptions = {
  programs: {
    findmnt: '[ "${*##* }" = / ] && echo /dev/mapper/vg-root',
    // The real one understands its options, and finds no such device.
    lsblk: `case $(LC_ALL=C /usr/bin/lsblk "$@" 2>&1) in *"not a block device"*) ;; *) exit 1 ;; esac
cat <<END
/dev/mapper/vg-root lvm ext4 11111111-aaaa
/dev/mapper/nvme0n1p3_crypt crypt LVM2_member AAAAAA-bbbb
/dev/nvme0n1p3 part crypto_LUKS 33333333-cccc
/dev/nvme0n1 disk  
END`,
    lvm: 'echo "  vg/root"',
  },
};
const plain: MachineOptions = {
  programs: {
    findmnt: '[ "${*##* }" = / ] && echo /dev/sda2',
    lsblk: "echo /dev/sda2 part ext4 2222\necho /dev/sda disk",
  },
};

/** Whatever earlier settings say to dracut's own network modules: they bring no link up. */
const noNetworks = { "/initramfs/etc/cmdline.d/zzz-stiefelsystem.conf": " rd.neednet=0\n" };

Deno.test("the module is in no initramfs that does not ask for it", async () => {
  await using machine = await makeMachine(plain);
  assert.equal((await runModule(machine, "check")).code, 255);
});

Deno.test("a program that is not installed stops the build, and is named", async () => {
  await using machine = await makeMachine(plain);
  const { code, stderr } = await runModule(machine, "MISSING=timeout; check");
  assert.equal(code, 1);
  assert.match(stderr, /"timeout" is not installed/);
  const other = await runModule(machine, "MISSING=nbd-client; check");
  assert.deepEqual(other, { code: 255, stdout: "", stderr: "" }, "another transport does without it");
});

Deno.test("in an initramfs with systemd there are units, wanted by its target, and no hooks", async () => {
  await using machine = await makeMachine(plain);
  const { code, stdout, stderr } = await runModule(machine, "install");
  assert.equal(code, 0, stderr);
  assert.deepEqual(stdout.split("\n").slice(0, -1), [
    "inst_multiple ip timeout nbd-client modprobe udevadm mkdir mkfifo mv sleep ln mount umount dd",
    "inst_script /usr/lib/stiefelsystem/stiefel-attach",
    "inst_script /usr/lib/stiefelsystem/stiefel-check",
    ...parts.map((part) => `inst_simple /usr/lib/stiefelsystem/attach/${part}`),
    "inst_simple /usr/lib/stiefelsystem/59-stiefelsystem.rules /usr/lib/udev/rules.d/59-stiefelsystem.rules",
    "inst_simple /usr/lib/stiefelsystem/stiefelsystem-drivers.conf /etc/modprobe.d/stiefelsystem-drivers.conf",
    "inst_simple /usr/lib/stiefelsystem/stiefel-attach.service /usr/lib/systemd/system/stiefel-attach.service",
    "inst_simple /usr/lib/stiefelsystem/stiefel-check.service /usr/lib/systemd/system/stiefel-check.service",
    "inst_simple /usr/lib/stiefelsystem/stiefel-prepare.service /usr/lib/systemd/system/stiefel-prepare.service",
    "inst_simple /usr/lib/stiefelsystem/device.conf /usr/lib/systemd/system/device.d/10-stiefelsystem.conf",
    ...["sysroot.mount", "sysusr-usr.mount", "systemd-fsck-root.service", "systemd-fsck@.service"].map((unit) =>
      `inst_simple /usr/lib/stiefelsystem/root.conf /usr/lib/systemd/system/${unit}.d/10-stiefelsystem.conf`
    ),
  ]);
  assert.deepEqual(machine.files("/initramfs"), {
    ...noNetworks,
    "/initramfs/etc/systemd/system/systemd-hibernate-resume.service": "-> /dev/null",
    "/initramfs/etc/systemd/system/systemd-hibernate-resume@.service": "-> /dev/null",
    "/initramfs/usr/lib/systemd/system/initrd.target.wants/stiefel-attach.service": "-> ../stiefel-attach.service",
    "/initramfs/usr/lib/systemd/system/initrd.target.wants/stiefel-check.service": "-> ../stiefel-check.service",
    "/initramfs/usr/lib/systemd/system/initrd.target.wants/stiefel-prepare.service": "-> ../stiefel-prepare.service",
  });
});

Deno.test("network services that other modules have put in are not started, whatever their names", async () => {
  await using machine = await makeMachine(plain);
  const units = [
    ...["systemd-networkd.service", "systemd-networkd.socket", "systemd-networkd-wait-online.service"], // dracut 059, 111
    ...["nm-initrd.service", "nm-wait-online-initrd.service"], // dracut 059, 111
    ...["NetworkManager-initrd.service", "NetworkManager-wait-online-initrd.service"], // NetworkManager 1.54
    ...["cm-initrd.service", "systemd-network-generator.service", "systemd-udevd.service"],
  ];
  for (const unit of units) machine.write(`/initramfs/usr/lib/systemd/system/${unit}`, "");
  const { code, stderr } = await runModule(machine, "install");
  assert.equal(code, 0, stderr);
  const masked = Object.entries(machine.files("/initramfs/etc/systemd/system")).filter(([, to]) =>
    to === "-> /dev/null"
  );
  assert.deepEqual(masked.map(([path]) => path.slice(path.lastIndexOf("/") + 1)).sort(), [
    ...["NetworkManager-initrd.service", "NetworkManager-wait-online-initrd.service", "cm-initrd.service"],
    ...["nm-initrd.service", "nm-wait-online-initrd.service"],
    ...["systemd-hibernate-resume.service", "systemd-hibernate-resume@.service"],
    ...["systemd-networkd-wait-online.service", "systemd-networkd.service", "systemd-networkd.socket"],
  ]);
});

Deno.test("without systemd there are dracut's own hooks", async () => {
  await using machine = await makeMachine(plain);
  const { code, stdout, stderr } = await runModule(machine, "install", { hasSystemd: false });
  assert.equal(code, 0, stderr);
  assert.deepEqual(stdout.split("\n").slice(5 + parts.length, -1), [
    `inst_hook initqueue/settled 10 ${module}attach.sh`,
    `inst_hook pre-mount 00 ${module}check.sh`,
    `inst_hook cleanup 90 ${module}prepare.sh`,
  ]);
  assert.deepEqual(machine.files("/initramfs"), noNetworks);
});

Deno.test("all wired links' drivers are in, whatever the laptop has", async () => {
  await using machine = await makeMachine(plain);
  const { stdout } = await runModule(machine, "hostonly=yes; installkernel");
  const words = stdout.trim().split(/\s/);
  for (const wanted of ["nbd", "=drivers/net/ethernet", "=drivers/net/usb", "=drivers/net/thunderbolt", "virtio_net"]) {
    assert.ok(words.includes(wanted), wanted);
  }
});

Deno.test("drivers are in also where the laptop's settings want none, or not these", async () => {
  await using machine = await makeMachine(plain);
  const { code, stdout, stderr } = await runModule(
    machine,
    `omit_drivers='^r8169$|^usbhid$' no_kernel=yes
instmods() { echo "omitted:$omit_drivers $*"; }
install >/dev/null
[[ $no_kernel == yes ]] || installkernel`,
  );
  assert.equal(code, 0, stderr);
  assert.match(stdout, /^omitted: nvme-tcp nbd .*=drivers\/usb\/host .*=drivers\/hid /);
});

Deno.test("without systemd a passphrase is typed on the laptop's keymap, wherever that is set", async () => {
  const keymapOf = async (files: Readonly<Record<string, string>>, line = "install"): Promise<string> => {
    await using machine = await makeMachine(plain);
    for (const [path, text] of Object.entries(files)) machine.write(path, text);
    const { code, stderr } = await runModule(machine, line, { hasSystemd: false });
    assert.equal(code, 0, stderr);
    return machine.exists("/initramfs/etc/vconsole.conf") ? machine.read("/initramfs/etc/vconsole.conf") : "";
  };
  assert.equal(await keymapOf({}), "");
  assert.equal(await keymapOf({ "/etc/rc.conf": "#KEYMAP=es\nKEYMAP=\n" }), "");
  assert.equal(
    await keymapOf({ "/etc/conf.d/keymaps": 'windowkeys="yes"\nkeymap="de-latin1"' }),
    'KEYMAP="de-latin1"\n',
  );
  assert.equal(await keymapOf({ "/etc/rc.conf": "KEYMAP=sv-latin1\n" }), "KEYMAP=sv-latin1\n");
  assert.equal(
    await keymapOf(
      { "/etc/console": "FONT=a\nMAP=fr\n", "/etc/rc.conf": "KEYMAP=us\n" },
      "i18n_vars='/etc/none:KEYMAP /etc/console:FONT,MAP-KEYMAP'; install",
    ),
    "KEYMAP=fr\n",
  );
});

Deno.test("what is below the root file system is opened, by the names that crypttab gives, with a passphrase", async () => {
  await using machine = await makeMachine(encrypted);
  machine.write(
    "/etc/crypttab",
    [
      "# name device key options",
      "nvme0n1p3_crypt UUID=33333333-cccc /etc/keys/root.key luks,discard,tpm2-device=auto,x-initrd.attach",
      "swap /dev/nvme0n1p4 /dev/urandom swap,cipher=aes-xts-plain64",
      'backup UUID="44444444-dddd" none luks,noauto',
      "usr UUID=55555555-eeee none x-initrd.attach",
      "by_path /dev/nvme0n1p3",
      'quoted UUID="33333333-cccc" none noauto,discard,nofail,timeout=10',
    ].join("\n"), // as editors leave it: no newline at the end
  );
  const { code, stderr } = await runModule(machine, "install");
  assert.equal(code, 0, stderr);
  assert.equal(
    machine.read("/initramfs/etc/crypttab"),
    "nvme0n1p3_crypt UUID=33333333-cccc none luks,discard,x-initrd.attach\n" +
      "usr UUID=55555555-eeee none x-initrd.attach\n" +
      "by_path /dev/nvme0n1p3 none luks\n" +
      'quoted UUID="33333333-cccc" none discard\n',
  );
  assert.equal(
    machine.read("/initramfs/etc/cmdline.d/95stiefelsystem.conf"),
    " rd.lvm.lv=vg/root rd.luks.uuid=33333333-cccc\n",
  );
});

Deno.test("what is below the swap that the laptop resumes from is opened, too", async () => {
  await using machine = await makeMachine({
    programs: {
      findmnt: '[ "${*##* }" = / ] && echo /dev/sda2',
      lsblk: `case \${*##* } in
/dev/sda2) echo /dev/sda2 part ext4 2222 ;;
/dev/disk/by-uuid/4444) printf '%s\\n' '/dev/mapper/swap crypt swap 4444' '/dev/sda3 part crypto_LUKS 5555' ;;
esac`,
    },
  });
  machine.write("/proc/cmdline", "root=UUID=2222 ro resume=UUID=4444 quiet\n");
  const { code, stderr } = await runModule(machine, "install");
  assert.equal(code, 0, stderr);
  assert.equal(machine.read("/initramfs/etc/cmdline.d/95stiefelsystem.conf"), " rd.luks.uuid=5555\n");
});

/** Root is a plain partition; the swap, 4444, is in a container, 5555; a third one is on another disk. */
const swapInContainer: MachineOptions = {
  programs: {
    findmnt: '[ "${*##* }" = / ] && echo /dev/nbd0p2',
    lsblk: `case \${*##* } in
/dev/nbd0p2) printf '%s\\n' '/dev/nbd0p2 part ext4 2222' '/dev/nbd0 disk  ' ;;
/dev/disk/by-uuid/4444) printf '%s\\n' '/dev/mapper/swap crypt swap 4444' '/dev/nbd0p3 part crypto_LUKS 5555' ;;
/dev/disk/by-uuid/5555) printf '%s\\n' '/dev/nbd0p3 part crypto_LUKS 5555' '/dev/nbd0 disk  ' ;;
/dev/disk/by-uuid/6666) printf '%s\\n' '/dev/sdb1 part crypto_LUKS 6666' '/dev/sdb disk  ' ;;
esac`,
  },
};
const laptopLine = "root=UUID=2222 ro resume=UUID=4444 quiet";

for (
  const { name, line, crypttab, record = "" } of [
    { name: "built on the laptop", line: laptopLine, crypttab: "swap UUID=5555 /etc/swap.key luks\n" },
    {
      name: "built anew on a desktop, by the laptop's command line",
      line: forDesktop(laptopLine),
      crypttab: "swap UUID=5555 /etc/swap.key luks\n",
      record: "RESUME=UUID=4444\n",
    },
    {
      name: "built anew on a desktop while the swap is locked",
      line: forDesktop(laptopLine),
      crypttab: "swap UUID=5555 /etc/swap.key luks\n",
      record: "CONTAINER=5555\n",
    },
    // Nothing is known of the laptop, but a passphrase is asked for it anyway.
    { name: "built anew on a desktop", line: forDesktop(laptopLine), crypttab: "swap UUID=5555 none luks" },
  ]
) {
  Deno.test(`L5: the container of the laptop's swap is opened: ${name}`, async () => {
    await using machine = await makeMachine(swapInContainer);
    machine.write("/etc/crypttab", crypttab);
    machine.write("/proc/cmdline", `${line}\n`);
    if (record !== "") machine.write("/etc/stiefelsystem/laptop", record);
    const { code, stderr } = await runModule(machine, "install");
    assert.equal(code, 0, stderr);
    assert.equal(machine.read("/initramfs/etc/cmdline.d/95stiefelsystem.conf"), " rd.luks.uuid=5555\n");
    assert.equal(machine.read("/initramfs/etc/crypttab"), "swap UUID=5555 none luks\n");
  });
}

Deno.test("L5: what is on another disk, is not there, or is not asked for at each start is not opened", async () => {
  await using machine = await makeMachine(swapInContainer);
  machine.write(
    "/etc/crypttab",
    [
      "backup UUID=6666 none luks",
      "missing UUID=7777 none luks",
      "late UUID=5555 none luks,noauto",
      "random UUID=5555 /dev/urandom swap",
      "temporary UUID=5555 none tmp=ext4",
      "# comment UUID=5555 none luks",
    ].join("\n"),
  );
  machine.write("/proc/cmdline", `${forDesktop(laptopLine)}\n`);
  for (const uuid of ["5555", "6666"]) machine.write(`/dev/disk/by-uuid/${uuid}`, "");
  const { code, stderr } = await runModule(machine, "install");
  assert.equal(code, 0, stderr);
  assert.ok(!machine.exists("/initramfs/etc/cmdline.d/95stiefelsystem.conf"));
  assert.ok(!machine.exists("/initramfs/etc/crypttab"));
});

Deno.test("in a tree whose root is not mounted from a device nothing is guessed", async () => {
  await using machine = await makeMachine({ programs: { findmnt: "echo overlay", lsblk: "exit 32" } });
  machine.write("/etc/crypttab", "home UUID=6 none luks\n");
  const { code, stderr } = await runModule(machine, "install");
  assert.equal(code, 0, stderr);
  assert.ok(!machine.exists("/initramfs/etc/crypttab"));
  assert.ok(!machine.exists("/initramfs/etc/cmdline.d/95stiefelsystem.conf"));
});

for (const shell of SHELLS) {
  const under = ` (${shell.join(" ")})`;

  /**
   * Sources a hook, as dracut does, on a machine with or without a session; `status` is what stiefel-attach returns.
   */
  const sourceHook = async (
    name: string,
    { hasSession = true, isAttached = false, status = 0 } = {},
  ): Promise<readonly string[]> => {
    await using machine = await makeMachine({
      programs: {
        "stiefel-attach": `exit ${status}`,
        "stiefel-check": `[ -e "$STUB/tried" ] || { : >"$STUB/tried"; exit ${status}; }`,
        emergency_shell: "exit 0",
      },
      ...hasSession ? { session: "STIEFEL_VERSION=1\n" } : {},
    });
    if (isAttached) machine.write("/run/stiefelsystem/session.state", "");
    const text = Deno.readTextFileSync(`${module}${name}`)
      .replaceAll(/\/usr\/lib\/stiefelsystem\/(?=stiefel-)/g, "")
      .replaceAll(/ (\/(?:stiefelsystem|run)\/)/g, ` ${machine.root}$1`);
    machine.write("/hook.sh", text);
    machine.write("/main.sh", `NEWROOT=/sysroot\n. "${machine.root}/hook.sh"\n`);
    const { stderr } = await machine.run([...shell, `${machine.root}/main.sh`]);
    assert.equal(stderr, "");
    return machine.calls().map((call) => call.split(" ").slice(0, 3).join(" "));
  };

  Deno.test(`the hooks attach once and prepare the system${under}`, async () => {
    assert.deepEqual(await sourceHook("attach.sh"), ["stiefel-attach attach"]);
    assert.deepEqual(await sourceHook("attach.sh", { isAttached: true }), []);
    assert.deepEqual(await sourceHook("check.sh"), ["stiefel-check"]);
    assert.deepEqual(await sourceHook("prepare.sh"), ["stiefel-attach prepare /sysroot"]);
  });

  Deno.test(`the hooks do nothing in the laptop's own boot${under}`, async () => {
    assert.deepEqual(await sourceHook("attach.sh", { hasSession: false }), []);
    assert.deepEqual(await sourceHook("check.sh", { hasSession: false }), []);
    assert.deepEqual(await sourceHook("prepare.sh", { hasSession: false }), []);
  });

  Deno.test(`a hibernated laptop is not mounted, also when dracut's shell is left${under}`, async () => {
    assert.deepEqual(await sourceHook("check.sh", { status: 1 }), [
      "stiefel-check",
      "emergency_shell -n stiefelsystem",
      "stiefel-check",
    ]);
  });

  Deno.test(`a failure opens dracut's shell${under}`, async () => {
    assert.deepEqual(await sourceHook("attach.sh", { status: 1 }), [
      "stiefel-attach attach",
      "emergency_shell -n stiefelsystem",
    ]);
  });
}
