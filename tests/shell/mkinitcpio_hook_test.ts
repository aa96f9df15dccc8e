/**
 * mkinitcpio's hook: what its build part adds, with mkinitcpio's functions as stubs; its run-time part under dash and
 * busybox ash; and the configuration that names it.
 */

import assert from "node:assert/strict";
import { attachParts } from "../support/attach_parts.ts";
import { fileURLToPath } from "node:url";
import { type Machine, makeMachine, type ProgramResult, SHELLS } from "./shell_rig.ts";

const overlays = fileURLToPath(new URL("../../image/host/", import.meta.url));
const overlay = `${overlays}mkinitcpio/`;
const ours = "/usr/lib/stiefelsystem";

/** Runs `lines` under bash with the named functions of mkinitcpio(8), which print how they are called. */
async function runBuild(lines: string, hook = "stiefelsystem"): Promise<ProgramResult> {
  await using machine = await makeMachine({ programs: { ip: "", "nbd-client": "" } });
  for (const name of ["needs", "needs.sh"]) {
    machine.write(`${ours}/${name}`, await Deno.readTextFile(`${overlays}generic${ours}/${name}`));
  }
  const text = await Deno.readTextFile(`${overlay}etc/initcpio/install/${hook}`);
  machine.write("/hook", text.replace("needs=$ours/", `needs=${machine.root}$ours/`));
  machine.write(
    "/run.sh",
    `set -eu
for name in add_binary add_file add_symlink add_module add_all_modules add_runscript; do
  eval "$name() { echo $name \\$*; }"
done
map() { local f=$1 x; shift; for x in "$@"; do "$f" "$x"; done; }
${lines}
. "${machine.root}/hook"
build
`,
  );
  return await machine.run(["bash", `${machine.root}/run.sh`]);
}

const programs = [
  ...["ip", "timeout", "nbd-client", "udevadm", "mkdir", "mkfifo", "mv", "sleep", "ln", "mount", "umount", "dd"],
  ...[`${ours}/stiefel-attach`, `${ours}/stiefel-check`],
].map((program) => `add_binary ${program}`);
const parts = attachParts.map((
  name,
) => `add_file ${ours}/attach/${name}.sh ${ours}/attach/${name}.sh`);
const always = [...programs, ...parts];

Deno.test("with busybox' init the hook has a run-time part and no units", async () => {
  const { code, stdout, stderr } = await runBuild("");
  assert.equal(code, 0, stderr);
  const calls = stdout.split("\n").slice(0, -1);
  assert.deepEqual(calls.slice(0, always.length), always);
  for (const name of ["nbd", "nvme-tcp"]) assert.ok(calls.includes(`add_module ${name}`));
  // With it desktops can encrypt; a kernel may lack it.
  assert.ok(calls.includes("add_module wireguard?"));
  assert.ok(
    calls.includes(
      "add_all_modules /drivers/(net/ethernet|net/phy|net/mdio|net/pcs|net/usb|net/thunderbolt|net/vmxnet3|net/hyperv|thunderbolt)/",
    ),
  );
  assert.ok(calls.includes(`add_file ${ours}/stiefelsystem-drivers.conf /etc/modprobe.d/stiefelsystem-drivers.conf`));
  assert.equal(calls.at(-1), "add_runscript");
  assert.ok(!stdout.includes(".service"));
});

Deno.test("with systemd there are units, wanted by the initramfs' target, and no run-time part", async () => {
  const { code, stdout, stderr } = await runBuild("add_systemd_unit() { :; }");
  assert.equal(code, 0, stderr);
  const units = "/usr/lib/systemd/system";
  assert.deepEqual(stdout.split("\n").filter((call) => /\.(service|conf)/.test(call)), [
    `add_file ${ours}/stiefelsystem-drivers.conf /etc/modprobe.d/stiefelsystem-drivers.conf`,
    ...["stiefel-attach.service", "stiefel-check.service", "stiefel-prepare.service"].flatMap((unit) => [
      `add_file /usr/lib/stiefelsystem/${unit} ${units}/${unit}`,
      `add_symlink ${units}/initrd.target.wants/${unit} ${units}/${unit}`,
    ]),
    `add_file /usr/lib/stiefelsystem/device.conf ${units}/device.d/10-stiefelsystem.conf`,
    ...["sysroot.mount", "sysusr-usr.mount", "systemd-fsck-root.service", "systemd-fsck@.service"].map((unit) =>
      `add_file /usr/lib/stiefelsystem/root.conf ${units}/${unit}.d/10-stiefelsystem.conf`
    ),
    "add_symlink /etc/systemd/system/systemd-hibernate-resume.service /dev/null",
    "add_symlink /etc/systemd/system/systemd-hibernate-resume@.service /dev/null",
    "add_symlink /etc/systemd/system/systemd-networkd.service /dev/null",
  ]);
  assert.ok(stdout.includes("add_symlink /etc/systemd/system/systemd-networkd.socket /dev/null\n"));
  assert.ok(!stdout.includes("add_runscript"));
});

Deno.test("the last hook is a run-time part with busybox' init, and nothing with systemd", async () => {
  assert.equal((await runBuild("", "stiefelsystem-check")).stdout, "add_runscript\n");
  assert.equal((await runBuild("add_systemd_unit() { :; }", "stiefelsystem-check")).stdout, "");
});

/**
 * Sources our configuration, which reads the machine's own, and goes on with `lines`, where $1 is its path: mkinitcpio
 * sources it more than once.
 */
async function sourceConfiguration(machine: Machine, lines: string): Promise<ProgramResult> {
  const text = await Deno.readTextFile(`${overlay}etc/stiefelsystem/mkinitcpio.conf`);
  machine.write("/conf", text.replaceAll(" /etc/", ` "${machine.root}"/etc/`));
  machine.write("/run.sh", `set -eu\n. "$1"\n${lines}\n`);
  return await machine.run(["bash", `${machine.root}/run.sh`, `${machine.root}/conf`]);
}

/** HOOKS as mkinitcpio.conf(5) of Arch Linux has had them over the years, and as our configuration makes them. */
const hookLists: readonly (readonly [name: string, own: string, dropIn: string | undefined, ours: string])[] = [
  [
    "systemd, since 2025",
    "HOOKS=(base systemd autodetect microcode modconf kms keyboard sd-vconsole block filesystems fsck)",
    undefined,
    "base systemd stiefelsystem keyboard microcode modconf kms sd-vconsole block filesystems fsck stiefelsystem-check",
  ],
  [
    "busybox with encryption and LVM",
    "HOOKS=(base udev autodetect microcode modconf kms keyboard keymap consolefont block encrypt lvm2 filesystems fsck)",
    undefined,
    "base udev stiefelsystem keyboard microcode modconf kms keymap consolefont block encrypt lvm2 filesystems fsck stiefelsystem-check",
  ],
  [
    "busybox with hibernation",
    "HOOKS=(base udev autodetect keyboard block encrypt lvm2 resume filesystems fsck)",
    undefined,
    "base udev stiefelsystem keyboard block encrypt lvm2 filesystems fsck stiefelsystem-check",
  ],
  [
    "systemd without a shell",
    "HOOKS=(systemd autodetect modconf block sd-encrypt filesystems)",
    undefined,
    "base systemd stiefelsystem keyboard modconf block sd-encrypt filesystems stiefelsystem-check",
  ],
  [
    "without udev",
    "HOOKS=(base autodetect block filesystems)",
    undefined,
    "base udev stiefelsystem keyboard block filesystems stiefelsystem-check",
  ],
  [
    "udev and systemd",
    "HOOKS=(base udev systemd autodetect keyboard sd-vconsole block sd-encrypt filesystems)",
    undefined,
    "base udev systemd stiefelsystem keyboard sd-vconsole block sd-encrypt filesystems stiefelsystem-check",
  ],
  [
    "udev, and systemd only after the keyboard",
    "HOOKS=(base udev autodetect block keyboard systemd sd-zfs filesystems)",
    undefined,
    "base udev block systemd stiefelsystem keyboard sd-zfs filesystems stiefelsystem-check",
  ],
  [
    "systemd, and a busybox that takes its place as init",
    "HOOKS=(systemd base udev autodetect block encrypt filesystems)",
    undefined,
    "base udev stiefelsystem keyboard block encrypt filesystems stiefelsystem-check",
  ],
  [
    "a hook that a drop-in file has taken out, leaving an empty word",
    "HOOKS=(base systemd kms block filesystems)",
    "HOOKS=(${HOOKS[@]/kms/} '')",
    "base systemd stiefelsystem keyboard block filesystems stiefelsystem-check",
  ],
  [
    "over several lines, with comments",
    "HOOKS=(\n    base   # a shell\n    systemd\n    autodetect\n    # not udev\n    'block' \"filesystems\"\n    resume fsck\n)",
    undefined,
    "base systemd stiefelsystem keyboard block filesystems fsck stiefelsystem-check",
  ],
  [
    "a string, as before 2017",
    'HOOKS="base udev autodetect modconf block filesystems keyboard fsck"',
    undefined,
    "base udev stiefelsystem keyboard modconf block filesystems fsck stiefelsystem-check",
  ],
  [
    "a drop-in file that has its own",
    "HOOKS=(base udev autodetect block filesystems)",
    "HOOKS=(base systemd autodetect block sd-encrypt filesystems)",
    "base systemd stiefelsystem keyboard block sd-encrypt filesystems stiefelsystem-check",
  ],
];
for (const [name, own, dropIn, ours] of hookLists) {
  Deno.test(`the configuration fits another machine: ${name}`, async () => {
    await using machine = await makeMachine();
    machine.write("/etc/mkinitcpio.conf", `MODULES=(btrfs)\n${own}\nCOMPRESSION="xz"\n`);
    if (dropIn !== undefined) machine.write("/etc/mkinitcpio.conf.d/my own.conf", `${dropIn}\n`);
    const { stdout, stderr } = await sourceConfiguration(
      machine,
      '. "$1"\necho "${HOOKS[*]}"\necho "${MODULES[*]} $COMPRESSION"\ncompgen -v _stiefel || :',
    );
    assert.equal(stderr, "");
    assert.equal(stdout, `${ours}\nbtrfs xz\n`);
  });
}

Deno.test("drop-in files are read in mkinitcpio's own order: by version, hidden ones too", async () => {
  await using machine = await makeMachine();
  machine.write("/etc/mkinitcpio.conf", "HOOKS=(base udev block)\n");
  for (const name of ["10-own.conf", "9-own.conf", ".hidden.conf", "20-old.conf~"]) {
    machine.write(`/etc/mkinitcpio.conf.d/${name}`, `FILES+=(${name})\n`);
  }
  const { stdout, stderr } = await sourceConfiguration(machine, 'echo "${FILES[*]}"');
  assert.deepEqual({ stdout, stderr }, { stdout: ".hidden.conf 9-own.conf 10-own.conf\n", stderr: "" });
});

for (const shell of SHELLS) {
  const under = ` (${shell.join(" ")})`;

  /**
   * Calls one function of a run-time part; `statuses` is what stiefel-attach or stiefel-check returns, call by call.
   */
  const callHook = async (
    name: string,
    { hook = "stiefelsystem", hasSession = true, hasSysroot = false, statuses = [0] }: {
      readonly hook?: string;
      readonly hasSession?: boolean;
      readonly hasSysroot?: boolean;
      readonly statuses?: readonly number[];
    } = {},
  ): Promise<readonly string[]> => {
    const answer = 'read -r status rest <"$STUB/statuses"; echo "$rest" >"$STUB/statuses"; exit "$status"';
    await using machine = await makeMachine({
      programs: {
        "stiefel-attach": answer,
        "stiefel-check": answer,
        launch_interactive_shell: "exit 0",
      },
      ...hasSession ? { session: "STIEFEL_VERSION=1\n" } : {},
    });
    if (hasSysroot) machine.write("/sysroot/usr/bin/init", "");
    machine.write("/../stub/statuses", `${statuses.join(" ")}\n`);
    const text = Deno.readTextFileSync(`${overlay}etc/initcpio/hooks/${hook}`)
      .replaceAll(/\/usr\/lib\/stiefelsystem\/(?=stiefel-)/g, "")
      .replaceAll(" /stiefelsystem/", ` ${machine.root}/stiefelsystem/`)
      .replaceAll(" /sysroot", ` ${machine.root}/sysroot`);
    machine.write("/hook", text);
    machine.write("/init", `. "${machine.root}/hook"\n${name}\n`);
    const { stderr } = await machine.run([...shell, `${machine.root}/init`]);
    assert.equal(stderr, "");
    return machine.calls();
  };

  Deno.test(`the hook attaches the disk and prepares the system${under}`, async () => {
    assert.deepEqual(await callHook("run_hook"), ["stiefel-attach attach"]);
    assert.deepEqual(await callHook("run_cleanuphook"), ["stiefel-attach prepare /new_root"]);
    assert.deepEqual(await callHook("run_cleanuphook", { hasSysroot: true }), ["stiefel-attach prepare /sysroot"]);
  });

  Deno.test(`the hook does nothing in the laptop's own boot${under}`, async () => {
    assert.deepEqual(await callHook("run_hook", { hasSession: false }), []);
    assert.deepEqual(await callHook("run_cleanuphook", { hasSession: false }), []);
  });

  Deno.test(`after a failure there is a shell, and another try${under}`, async () => {
    assert.deepEqual(await callHook("run_hook", { statuses: [1, 1, 0] }), [
      "stiefel-attach attach",
      "launch_interactive_shell",
      "stiefel-attach attach",
      "launch_interactive_shell",
      "stiefel-attach attach",
    ]);
  });

  Deno.test(`a session that cannot be used is not tried again${under}`, async () => {
    assert.deepEqual(await callHook("run_hook", { statuses: [2, 0] }), ["stiefel-attach attach"]);
  });

  Deno.test(`the last hook goes on only when the laptop may be started${under}`, async () => {
    const hook = "stiefelsystem-check";
    assert.deepEqual(await callHook("run_hook", { hook, hasSession: false }), []);
    const check = async (statuses: readonly number[]): Promise<readonly string[]> =>
      (await callHook("run_hook", { hook, statuses })).map((call) => call.trim());
    assert.deepEqual(await check([0]), ["stiefel-check"]);
    assert.deepEqual(await check([1, 0]), ["stiefel-check", "launch_interactive_shell", "stiefel-check"]);
  });

  Deno.test(`L9: where blkid has found a copy of root, init mounts the laptop's${under}`, async () => {
    await using machine = await makeMachine({
      programs: { "stiefel-check": `echo /dev/nbd0p2 >"$STUB_ROOT/run/stiefelsystem/root"` },
      session: "STIEFEL_VERSION=1\n",
    });
    Deno.mkdirSync(`${machine.root}/run/stiefelsystem`, { recursive: true });
    const text = Deno.readTextFileSync(`${overlay}etc/initcpio/hooks/stiefelsystem-check`)
      .replaceAll(/\/usr\/lib\/stiefelsystem\/(?=stiefel-)/g, "")
      .replaceAll(/(?<=[ <])\/(stiefelsystem|run)\//g, `${machine.root}/$1/`);
    machine.write("/hook", text);
    machine.write(
      "/init",
      `root=UUID=1234\nresolve_device() { echo /dev/sda2; }\n. "${machine.root}/hook"\nrun_hook\necho "$root"\n`,
    );
    const { stdout, stderr } = await machine.run([...shell, `${machine.root}/init`]);
    assert.deepEqual({ stdout, stderr }, { stdout: "/dev/nbd0p2\n", stderr: "" });
    assert.deepEqual(machine.calls(), ["stiefel-check  /dev/sda2"]);
  });
}
