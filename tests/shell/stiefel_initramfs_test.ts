/**
 * stiefel-initramfs and the package managers' hooks that call it, under dash and busybox ash, with stub generators.
 */

import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { separateInitramfs, separateKernel } from "../../lib/initramfs/generator.ts";
import { compareVersions } from "../../lib/version_order.ts";
import { createSeededRandom } from "../support/seeded_random.ts";
import { type Machine, makeMachine, type ProgramResult, runProgram, SHELLS } from "./shell_rig.ts";

const overlays = fileURLToPath(new URL("../../image/host/", import.meta.url));
const generic = `${overlays}generic/usr/lib/stiefelsystem/`;
const script = `${overlays}separate-initramfs/usr/lib/stiefelsystem/stiefel-initramfs`;

/** Both write what they were asked for into their last argument, unless the machine holds "/broken". */
const generator = `for output in "$@"; do :; done
[ ! -e "$STUB_ROOT/broken" ] || exit 1
[ "\${0##*/}" != dracut ] || [ -n "$NO_POST_UPDATE_HOOKS" ] || echo post-update.d >>"$STUB_ROOT/called"
echo "\${0##*/} $output" >"$output"`;
/** -d CONFDIR -o OUTPUT RELEASE: shows what it finds in the first of them. */
const mkinitramfs = `[ ! -e "$STUB_ROOT/broken" ] || exit 1
(cd "$2" && find . -type f | LC_ALL=C sort | while read -r file; do echo "$file: $(cat "$file")"; done) >"$4"`;
/**
 * mkinitcpio(8) has --nopost since version 40: "/usage" says what it has. With "/incomplete" it makes an image, and
 * fails.
 */
const mkinitcpio = `[ "$1" != --help ] || exec cat "$STUB_ROOT/usage"\n${generator}
[ ! -e "$STUB_ROOT/incomplete" ]`;
/** mktemp is the real one, with a name that is the same twice; XXXXXX becomes the digits. */
const mktemp = `mkdir "\${2%XXXXXX}1" && echo "\${2%XXXXXX}1"`;
/** Lists what "/listed" says, and fails where that is not there. */
const lsinitcpio = `exec cat "$STUB_ROOT/listed" 2>/dev/null`;
const programs = { dracut: generator, mkinitcpio, lsinitcpio, mkinitramfs, mktemp };

const builder = "/usr/lib/stiefelsystem/stiefel-initramfs";
const ourConfdir = "/usr/lib/stiefelsystem/initramfs-tools";
const mkinitcpioConf = "/etc/stiefelsystem/mkinitcpio.conf";

interface Installed {
  /** Releases with modules, and the images. */
  readonly releases: readonly string[];
  readonly images: readonly string[];
  readonly others?: readonly string[];
}

const debian: Installed = {
  releases: ["6.9.7-amd64", "6.12.30-amd64"],
  images: ["/boot/vmlinuz-6.9.7-amd64", "/boot/vmlinuz-6.12.30-amd64"],
};

async function writeNeeds(machine: Machine): Promise<void> {
  for (const name of ["needs", "needs.sh"]) {
    machine.write(`/usr/lib/stiefelsystem/${name}`, await Deno.readTextFile(`${generic}${name}`));
  }
}

async function install({ releases, images, others = [] }: Installed): Promise<Machine> {
  const machine = await makeMachine({ programs });
  for (const release of releases) machine.write(`/usr/lib/modules/${release}/modules.dep`, "");
  for (const image of images) machine.write(image, `kernel ${image}\n`);
  for (const path of others) machine.write(path, "");
  await writeNeeds(machine);
  for (const directory of ["boot", "var/lib"]) Deno.mkdirSync(`${machine.root}/${directory}`, { recursive: true });
  return machine;
}

const dracutCall = (release: string): string =>
  "dracut --quiet --force --no-hostonly --no-uefi --add stiefelsystem --omit resume nbd squash squash-lib squash-squashfs squash-erofs " +
  `--kver ${release} ${separateInitramfs}.new`;

interface Case {
  readonly name: string;
  readonly installed: Installed;
  readonly args: readonly string[];
  readonly calls: readonly string[];
  /** The image that is taken. */
  readonly image: string;
}

const cases: readonly Case[] = [
  {
    name: "builds for the kernel in its arguments",
    installed: debian,
    args: ["build", "6.9.7-amd64", "/boot/vmlinuz-6.9.7-amd64"],
    calls: [dracutCall("6.9.7-amd64")],
    image: "/boot/vmlinuz-6.9.7-amd64",
  },
  {
    name: "finds the newest kernel by numbers, not by letters",
    installed: debian,
    args: ["newest"],
    calls: [dracutCall("6.12.30-amd64")],
    image: "/boot/vmlinuz-6.12.30-amd64",
  },
  {
    name: "takes Fedora's copy beside the modules",
    installed: {
      releases: ["6.14.6-300.fc42.x86_64"],
      images: ["/boot/vmlinuz-6.14.6-300.fc42.x86_64", "/usr/lib/modules/6.14.6-300.fc42.x86_64/vmlinuz"],
    },
    args: ["newest"],
    calls: [dracutCall("6.14.6-300.fc42.x86_64")],
    image: "/usr/lib/modules/6.14.6-300.fc42.x86_64/vmlinuz",
  },
  {
    name: "knows Gentoo's names of images",
    installed: { releases: ["6.12.21-gentoo"], images: ["/boot/kernel-6.12.21-gentoo"] },
    args: ["newest"],
    calls: [dracutCall("6.12.21-gentoo")],
    image: "/boot/kernel-6.12.21-gentoo",
  },
  {
    name: "finds modules in /lib, too, where that is no link",
    installed: {
      releases: ["6.12.21-gentoo"],
      images: ["/lib/modules/6.12.30-gentoo/vmlinuz", "/boot/vmlinuz-6.12.21-gentoo"],
      others: ["/lib/modules/6.12.30-gentoo/modules.dep"],
    },
    args: ["newest"],
    calls: [dracutCall("6.12.30-gentoo")],
    image: "/lib/modules/6.12.30-gentoo/vmlinuz",
  },
  {
    name: "finds the image in the EFI system partition, where kernel-install puts it for systemd-boot",
    installed: {
      releases: ["6.12.30-gentoo", "6.12.21-gentoo"],
      images: ["/efi/0123456789abcdef/6.12.30-gentoo/linux", "/boot/vmlinuz-6.12.21-gentoo"],
    },
    args: ["newest"],
    calls: [dracutCall("6.12.30-gentoo")],
    image: "/efi/0123456789abcdef/6.12.30-gentoo/linux",
  },
  {
    name: "finds the image in the EFI system partition, where installkernel puts it for the firmware",
    installed: { releases: ["6.12.30-gentoo"], images: ["/boot/efi/EFI/Gentoo/vmlinuz-6.12.30-gentoo.efi"] },
    args: ["newest"],
    calls: [dracutCall("6.12.30-gentoo")],
    image: "/boot/efi/EFI/Gentoo/vmlinuz-6.12.30-gentoo.efi",
  },
  {
    name: "passes over a kernel without an image, and over what is left of a removed one",
    installed: { ...debian, releases: [...debian.releases, "6.13.0-1"], others: ["/usr/lib/modules/6.99/foreign.ko"] },
    args: ["newest"],
    calls: [dracutCall("6.12.30-amd64")],
    image: "/boot/vmlinuz-6.12.30-amd64",
  },
  {
    name: "passes over the kernel that is going away",
    installed: debian,
    args: ["without", "6.12.30-amd64"],
    calls: [dracutCall("6.9.7-amd64")],
    image: "/boot/vmlinuz-6.9.7-amd64",
  },
];

/** How a package manager calls a hook. */
interface Hook {
  readonly path: string;
  readonly args: readonly string[];
  /**
   * DEB_MAINT_PARAMS, how dpkg has called the script of a kernel's package: set by those scripts alone
   * (linux-run-hooks(1)).
   */
  readonly parameters?: string;
}

/** Files in /boot that are ours, with their content. */
function ours(machine: Machine): Readonly<Record<string, string>> {
  return Object.fromEntries(Object.entries(machine.files("/boot")).filter(([path]) => path.includes("stiefel")));
}

Deno.test("pacman's hook calls the builder after kernels, the generators and what they copy have changed", async () => {
  const text = await Deno.readTextFile(`${overlays}pacman/etc/pacman.d/hooks/95-stiefelsystem.hook`);
  const lines = text.split("\n").filter((line) => line !== "" && !line.startsWith("#"));
  assert.ok(lines.every((line) => /^\[(Trigger|Action)\]$|^[A-Z][A-Za-z]+ = \S/.test(line)), text);
  assert.deepEqual(lines.slice(lines.indexOf("[Action]")).slice(2), [
    "When = PostTransaction",
    `Exec = ${builder} newest`,
  ]);
  const operations = lines.filter((line) => line.startsWith("Operation = "));
  assert.deepEqual(operations, ["Operation = Install", "Operation = Upgrade", "Operation = Remove"]);
  assert.ok(lines.includes("Target = usr/lib/modules/*/vmlinuz"));
  // What mkinitcpio's own hook looks at, for modules from outside the kernel's package.
  assert.ok(lines.includes("Target = usr/lib/modules/*/extramodules/"));
  assert.ok(lines.includes("Target = usr/src/*/dkms.conf"));
});

for (const shell of SHELLS) {
  const under = ` (${shell.join(" ")})`;
  const runBuilder = (machine: Machine, args: readonly string[]): Promise<ProgramResult> =>
    machine.run([...shell, script, ...args, machine.root]);

  for (const { name, installed, args, calls, image } of cases) {
    Deno.test(name + under, async () => {
      await using machine = await install(installed);
      const { code, stderr } = await runBuilder(machine, args);
      assert.equal(code, 0, stderr);
      assert.deepEqual(machine.calls(), calls);
      const [program] = (calls[0] ?? "").split(" ");
      assert.deepEqual(ours(machine), {
        [separateInitramfs]: `${program} ${machine.root}${separateInitramfs}.new\n`,
        [separateKernel]: `kernel ${image}\n`,
      });
    });
  }

  Deno.test(`it can be built again for the same kernel${under}`, async () => {
    await using machine = await install(debian);
    for (let run = 1; run <= 2; run++) {
      const { code, stderr } = await runBuilder(machine, ["newest"]);
      assert.equal(code, 0, stderr);
    }
    assert.equal(machine.calls().length, 2);
    assert.deepEqual(Object.keys(ours(machine)), [separateInitramfs, separateKernel]);
  });

  Deno.test(`an image that is a link elsewhere is taken itself, not the link${under}`, async () => {
    const release = "6.12.21-gentoo-dist";
    const modules = `/usr/lib/modules/${release}`;
    await using machine = await install({ releases: [release], images: [] });
    // As an earlier version of ours has left it.
    Deno.symlinkSync(`../../../src/linux-${release}/bzImage`, `${machine.root}${separateKernel}`);
    Deno.symlinkSync(`../../../src/linux-${release}/bzImage`, `${machine.root}${modules}/vmlinuz`);
    machine.write(`/usr/src/linux-${release}/bzImage`, "kernel of the sources\n");
    const { code, stderr } = await runBuilder(machine, ["newest"]);
    assert.equal(code, 0, stderr);
    assert.equal(ours(machine)[separateKernel], "kernel of the sources\n");
    assert.equal(Deno.lstatSync(`${machine.root}${separateKernel}`).isSymlink, false);
  });

  /**
   * A laptop that was set up for initramfs-tools, without mkinitramfs: apt has removed it with what dracut has left of
   * it.
   */
  const makeAutoremoved = async (): Promise<Machine> => {
    const machine = await makeMachine({ programs: { dracut: generator, mktemp } });
    await writeNeeds(machine);
    const { releases: [release = ""], images: [image = ""] } = debian;
    machine.write(`/usr/lib/modules/${release}/modules.dep`, "");
    machine.write(image, "kernel\n");
    machine.write(`${ourConfdir}/hooks/stiefelsystem`, "our hook");
    for (const directory of ["etc/stiefelsystem", "var/lib"]) {
      Deno.mkdirSync(`${machine.root}/${directory}`, { recursive: true });
    }
    return machine;
  };

  Deno.test(`L7: where another generator has come since setup-server, the builder prints that and keeps it for doctor${under}`, async () => {
    await using machine = await makeAutoremoved();
    const { code, stderr } = await runBuilder(machine, ["newest"]);
    assert.equal(code, 1);
    assert.match(stderr, /generator of this system is another one .*: run setup-server again/);
    assert.match(
      machine.read("/etc/stiefelsystem/pair-failed"),
      /^The initramfs generator .*run setup-server again\n$/,
    );
    assert.deepEqual(machine.calls().filter((call) => call.startsWith("dracut")), []);
  });

  Deno.test(`L7: after setup-server has been run again dracut builds, and nothing is left to say${under}`, async () => {
    await using machine = await makeAutoremoved();
    machine.write("/etc/stiefelsystem/pair-failed", "before\n");
    machine.write("/usr/lib/dracut/modules.d/95stiefelsystem/module-setup.sh", "");
    const { code, stderr } = await runBuilder(machine, ["newest"]);
    assert.equal(code, 0, stderr);
    assert.ok(machine.calls().includes(dracutCall("6.9.7-amd64")), machine.calls().join("\n"));
    assert.ok(!machine.exists("/etc/stiefelsystem/pair-failed"));
  });

  const mkinitcpioVersions: readonly (readonly [name: string, usage: string, options: string])[] = [
    [
      "40 and later, without its post hooks",
      "  -n, --nocolor   Disable colors\n      --nopost    Disable post hooks\n",
      "--nopost ",
    ],
    ["before 40", "  -n, --nocolor   Disable colors\n", ""],
  ];
  for (const [name, usage, options] of mkinitcpioVersions) {
    Deno.test(`it asks mkinitcpio where setup-server has installed its configuration: ${name}${under}`, async () => {
      const release = "6.12.28-1-lts";
      const image = `/usr/lib/modules/${release}/vmlinuz`;
      await using machine = await install({ releases: [release], images: [image], others: [mkinitcpioConf] });
      machine.write("/usage", usage);
      const { code, stderr } = await runBuilder(machine, ["newest"]);
      assert.equal(code, 0, stderr);
      const output = `${separateInitramfs}.new`;
      assert.deepEqual(machine.calls(), [
        "mkinitcpio --help",
        `mkinitcpio ${options}--config ${mkinitcpioConf} --kernel ${release} --generate ${output}`,
      ]);
      assert.deepEqual(ours(machine), {
        [separateInitramfs]: `mkinitcpio ${machine.root}${output}\n`,
        [separateKernel]: `kernel ${image}\n`,
      });
    });
  }

  const listed = [
    ...["usr/bin/ip", "usr/bin/nbd-client", "usr/lib/modules/6.12.28-1-lts/kernel/drivers/block/nbd.ko.zst"],
    ...["usr/bin/timeout", "usr/lib/stiefelsystem/stiefel-attach", "usr/lib/stiefelsystem/stiefel-check"],
    ...["basics", "session", "link", "tunnel", "disk", "nvme", "disk-nbd", "rules", "prepare", "guest"].map((name) =>
      `usr/lib/stiefelsystem/attach/${name}.sh`
    ),
  ];
  const incomplete: readonly (readonly [name: string, listed: readonly string[] | undefined, isTaken: boolean])[] = [
    ["is taken when it attaches the disk", listed, true],
    ["is not taken without a program of ours", listed.map((path) => path.replace(/bin\/ip$/, "bin/ip6tables")), false],
    [
      "is not taken without a part of ours",
      listed.map((path) => path.replace("disk-nbd.sh", "disk-nbd.shx")),
      false,
    ],
    ["is not taken without the module", listed.filter((path) => !path.includes("nbd.ko")), false],
    ["is not taken when it cannot be read", undefined, false],
  ];
  for (const [name, paths, isTaken] of incomplete) {
    Deno.test(`an image in which mkinitcpio has missed something ${name}${under}`, async () => {
      const image = "/usr/lib/modules/6.12.28-1-lts/vmlinuz";
      await using machine = await install({ releases: ["6.12.28-1-lts"], images: [image], others: [mkinitcpioConf] });
      for (const path of ["/usage", "/incomplete"]) machine.write(path, "");
      if (paths !== undefined) machine.write("/listed", `${paths.join("\n")}\n`);
      const { code, stderr } = await runBuilder(machine, ["newest"]);
      assert.equal(code, isTaken ? 0 : 1, stderr);
      assert.match(stderr, isTaken ? /mkinitcpio has found errors, see above; .* is taken/ : /Could not build /);
      assert.deepEqual(Object.keys(ours(machine)), isTaken ? [separateInitramfs, separateKernel] : []);
    });
  }

  Deno.test(`hooks for the laptop's own initramfs, which Debian 13's dracut calls, are not called${under}`, async () => {
    await using machine = await install(debian);
    const { code, stderr } = await runBuilder(machine, ["newest"]);
    assert.equal(code, 0, stderr);
    assert.equal(machine.exists("/called"), false);
  });

  Deno.test(`without the list of what has to be in it nothing is built, and doctor learns why${under}`, async () => {
    await using machine = await install(debian);
    machine.write("/etc/stiefelsystem/journal", "");
    await Deno.remove(`${machine.root}/usr/lib/stiefelsystem/needs`);
    assert.equal((await runBuilder(machine, ["newest"])).code, 1);
    assert.match(machine.read("/etc/stiefelsystem/pair-failed"), /needs.* is missing: run setup-server again\n$/);
    assert.deepEqual(machine.calls(), []);
  });

  Deno.test(`a failed build leaves the pair that was there${under}`, async () => {
    await using machine = await install(debian);
    await runBuilder(machine, ["build", "6.9.7-amd64", "/boot/vmlinuz-6.9.7-amd64"]);
    const before = ours(machine);
    machine.write("/broken", "");
    const { code, stderr } = await runBuilder(machine, ["newest"]);
    assert.equal(code, 1);
    assert.match(stderr, /Could not build .*6\.12\.30-amd64; desktops go on with what was built before/);
    assert.deepEqual(ours(machine), before);
  });

  Deno.test(`a kernel that desktops do not boot may go away without a build${under}`, async () => {
    await using machine = await install(debian);
    await runBuilder(machine, ["newest"]);
    const { code, stderr } = await runBuilder(machine, ["without", "6.9.7-amd64"]);
    assert.deepEqual({ code, stderr }, { code: 0, stderr: "" });
    assert.equal(machine.calls().length, 1);
  });

  Deno.test(`mkinitramfs gets the laptop's own configuration with ours over it, and nothing of it stays${under}`, async () => {
    await using machine = await install(debian);
    machine.write("/etc/initramfs-tools/initramfs.conf", "MODULES=most");
    machine.write("/etc/initramfs-tools/hooks/own", "own hook");
    // What setting up had put there before.
    machine.write("/etc/initramfs-tools/hooks/stiefelsystem", "old hook");
    machine.write("/elsewhere/script", "linked script");
    Deno.mkdirSync(`${machine.root}/etc/initramfs-tools/scripts/local-top`, { recursive: true });
    Deno.symlinkSync("../../../../elsewhere/script", `${machine.root}/etc/initramfs-tools/scripts/local-top/linked`);
    Deno.symlinkSync("nowhere", `${machine.root}/etc/initramfs-tools/hooks/broken`);
    machine.write(`${ourConfdir}/hooks/stiefelsystem`, "our hook");
    machine.write(`${ourConfdir}/conf.d/zzz-stiefelsystem`, "MODULES=list");
    for (const isBroken of [false, true]) {
      if (isBroken) machine.write("/broken", "");
      const { code, stderr } = await runBuilder(machine, ["newest"]);
      assert.equal(code, isBroken ? 1 : 0, stderr);
      assert.deepEqual(ours(machine), {
        [separateInitramfs]: `./conf.d/zzz-stiefelsystem: MODULES=list
./hooks/own: own hook
./hooks/stiefelsystem: our hook
./initramfs.conf: MODULES=most
./scripts/local-top/linked: linked script
`,
        [separateKernel]: "kernel /boot/vmlinuz-6.12.30-amd64\n",
      });
      assert.deepEqual(machine.files("/var/lib"), {});
    }
    const directory = "/var/lib/stiefel-initramfs.1";
    const call = `mkinitramfs -d ${directory} -o ${separateInitramfs}.new 6.12.30-amd64`;
    assert.deepEqual(machine.calls().filter((line) => !line.startsWith("mktemp ")), [call, call]);
    assert.equal(machine.exists(directory), false);
  });

  Deno.test(`it is built again with the laptop's own initramfs of the same kernel only${under}`, async () => {
    await using machine = await install(debian);
    await runBuilder(machine, ["build", "6.9.7-amd64", "/boot/vmlinuz-6.9.7-amd64"]);
    for (const release of ["6.12.30-amd64", "6.1.0-gone"]) {
      assert.deepEqual(await runBuilder(machine, ["again", release]), { code: 0, stdout: "", stderr: "" });
    }
    assert.equal(machine.calls().length, 1);
    const { code, stderr } = await runBuilder(machine, ["again", "6.9.7-amd64"]);
    assert.equal(code, 0, stderr);
    assert.deepEqual(machine.calls(), [dracutCall("6.9.7-amd64"), dracutCall("6.9.7-amd64")]);
  });

  Deno.test(`without any kernel it fails and says so${under}`, async () => {
    await using machine = await install({ releases: [], images: [] });
    assert.deepEqual(await runBuilder(machine, ["newest"]), {
      code: 1,
      stdout: "",
      stderr: "stiefelsystem: No installed kernel was found\n",
    });
  });

  Deno.test(`wrong usage is an error${under}`, async () => {
    await using machine = await install(debian);
    for (const args of [[], ["build"], ["build", "6.1"], ["without"], ["again"], ["all"]]) {
      const { code, stderr } = await machine.run([...shell, script, ...args]);
      assert.equal(code, 2);
      assert.match(stderr, /^usage: stiefel-initramfs build/);
    }
  });

  /** Runs a package manager's hook with a stub in place of the program it names by its path. */
  const runHook = async (
    { path, args, parameters }: Hook,
    exitCode: number,
  ): Promise<readonly string[]> => {
    await using machine = await makeMachine({ programs: { "stiefel-initramfs": `exit ${exitCode}` } });
    const text = await Deno.readTextFile(`${overlays}${path}`);
    assert.ok(text.includes(builder));
    machine.write("/hook", text.replaceAll(builder, "stiefel-initramfs"));
    const env = parameters === undefined ? [] : ["env", `DEB_MAINT_PARAMS=${parameters}`];
    const { code } = await machine.run([...env, ...shell, `${machine.root}/hook`, ...args]);
    assert.equal(code, 0);
    return machine.calls();
  };

  const release = "6.14.6";
  const postinst = "kernel-postinst/etc/kernel/postinst.d/zz-stiefelsystem";
  const postrm = "kernel-postinst/etc/kernel/postrm.d/zz-stiefelsystem";
  const postUpdate = "initramfs-post-update/etc/initramfs/post-update.d/stiefelsystem";
  const kernelInstall = "kernel-install/etc/kernel/install.d/95-stiefelsystem.install";
  const hooks: readonly (Hook & { readonly calls: readonly string[] })[] = [
    { path: postinst, args: [release, `/boot/vmlinuz-${release}`], calls: ["newest"] },
    {
      path: postinst,
      args: [release, `/boot/vmlinuz-${release}`],
      parameters: "configure 6.14.6-1",
      calls: ["newest"],
    },
    { path: postrm, args: [release], calls: [`without ${release}`] },
    { path: postrm, args: [release], parameters: "remove", calls: [`without ${release}`] },
    { path: postrm, args: [release], parameters: "purge", calls: [`without ${release}`] },
    { path: postrm, args: [release], parameters: "upgrade 6.14.6-2", calls: [] },
    { path: postrm, args: [release], parameters: "failed-upgrade 6.14.6-1", calls: [] },
    { path: postrm, args: [release], parameters: "abort-upgrade 6.14.6-1", calls: [] },
    { path: postrm, args: [], calls: [] },
    { path: postUpdate, args: [release, "/boot/x"], calls: [`again ${release}`] },
    { path: postUpdate, args: [release, "/boot/x"], parameters: "configure", calls: [] },
    { path: postUpdate, args: [release, "/boot/x"], parameters: "configure 6.14.6-1", calls: [] },
    { path: postUpdate, args: [], calls: [] },
    { path: postUpdate, args: [release, `${separateInitramfs}.new`], calls: [] },
    { path: kernelInstall, args: ["add", release, "/boot/x"], calls: ["newest"] },
    { path: kernelInstall, args: ["remove", release], calls: [`without ${release}`] },
    { path: kernelInstall, args: ["inspect", release], calls: [] },
  ];
  for (const { calls, ...hook } of hooks) {
    const { path, args, parameters } = hook;
    const name = [path.split("/").slice(-2).join("/"), ...args, ...parameters === undefined ? [] : [`(${parameters})`]];
    const what = `${name.join(" ")}: ${calls.join("") || "nothing"}`;
    Deno.test(`${what}, and a failure stops no update${under}`, async () => {
      for (const exitCode of [0, 1]) {
        assert.deepEqual(await runHook(hook, exitCode), calls.map((call) => `stiefel-initramfs ${call}`));
      }
    });
  }
}

const awks: readonly (readonly string[])[] = [["mawk"], ["busybox", "awk"], ["gawk"]];

Deno.test("L8: the newest kernel is the one that boot entries and setup-server take, whatever awk it is", async () => {
  const [source = ""] = /^newest_first\(\) \{\n[\s\S]*?^\}\n/m.exec(await Deno.readTextFile(script)) ?? [];
  const installed = await Promise.all(
    awks.map(async (argv) => (await runProgram([...argv, "BEGIN { exit }"]).catch(() => undefined))?.code === 0),
  );
  const present = awks.filter((_, index) => installed[index]);
  assert.ok(present.length >= 2, "mawk and busybox are there");
  const random = createSeededRandom(8);
  const parts = ["6", "12", "9", "021", "0", "rc6", "amd64", "gentoo", "x", "_", "+", "~", "-", ".", "^", ".fc41", "Z"];
  const releases = [
    ...["6.12~rc6-amd64", "6.12.9-amd64", "6.12.10-amd64", "6.12.21+", "6.12.21-gentoo", "6.12.21", "6.9.12-200.fc40"],
    ...Array.from(
      { length: 150 },
      () => Array.from({ length: 1 + random.below(7) }, () => random.pick(parts)).join(""),
    ),
  ];
  for (const awk of present) {
    const text = `${source.replace("awk '", `${awk.join(" ")} '`)}\nprintf '%s\\n' ${
      releases.map((release) => `'${release}'`).join(" ")
    } | newest_first`;
    const { stdout, stderr, code } = await runProgram(["dash", "-c", text]);
    assert.equal(code, 0, stderr);
    const sorted = stdout.trimEnd().split("\n");
    assert.deepEqual(new Set(sorted), new Set(releases));
    for (const [index, release] of sorted.slice(1).entries()) {
      const before = sorted[index] ?? "";
      assert.ok(compareVersions(before, release) >= 0, `${awk.join(" ")}: ${before} before ${release}`);
    }
  }
});
