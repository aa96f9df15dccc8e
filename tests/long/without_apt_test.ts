/**
 * The image on a machine without apt, dpkg and mmdebstrap: a Debian 13 from which they are taken, called Arch Linux,
 * with debootstrap. The image that was built in it before is the same, byte for byte, by root and by an ordinary user.
 * Needs root and a Debian mirror.
 */

import assert from "node:assert/strict";
import { hashFile } from "../../lib/hash.ts";
import { debianMirror, readAptMirror } from "../../lib/debian/mirror.ts";
import { createRealSystem } from "../../lib/system/real.ts";
import { installDebian } from "../network/debian_tree.ts";
import { projectRoot } from "../support/source_tree.ts";

const system = createRealSystem({ home: Deno.env.get("HOME") ?? "/" });

const packages = [
  // What is taken away afterwards.
  ...["mmdebstrap", "debian-archive-keyring"],
  ...["debootstrap", "gpgv", "perl", "wget"],
  ...["libarchive-tools", "zstd", "xz-utils", "kmod", "uidmap", "libgcc-s1"],
];

const taken = [
  ...["usr/bin/apt", "usr/bin/apt-*", "usr/bin/dpkg", "usr/bin/dpkg-*", "usr/bin/mmdebstrap"],
  ...["usr/lib/apt", "usr/lib/dpkg", "usr/lib/mmdebstrap", "var/lib/apt", "var/lib/dpkg", "etc/apt", "etc/dpkg"],
  ...["usr/share/keyrings", "usr/share/mmdebstrap", "usr/share/perl5/Dpkg*"],
];

const userId = 1000;
/** In the file of keys: that of Debian's release team for Debian 12. */
const bookwormReleaseKey = { start: 8700, end: 8980 } as const;

/** All four kinds of packages are fetched: base, firmware, boot loaders, a keymap. */
const configuration = (mirror: string, suite: string): string =>
  `modules: [base]\nimage: {mirror: "${mirror}", suite: ${suite}, agents: bundle}\ninitrd: {keymap: de}\n`;

interface Ended {
  readonly exitCode: number;
  readonly said: string;
}

/**
 * Runs a program in the tree as on a machine of its own: its root is no chroot(2), in which the kernel makes no user
 * namespaces.
 */
async function enter(root: string, argv: readonly string[], uid = 0): Promise<Ended> {
  const words = [
    'mount --bind "$0" "$0"; cd "$0"; mount -t proc proc proc; mount -t sysfs -o ro sysfs sys; mount --rbind /dev dev',
    'mkdir -p old; pivot_root . old; umount -l /old; cd /project; exec env -i "$@"',
  ];
  const environment = [
    "PATH=/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    ...["HOME=/home/anna", "DENO_DIR=/home/anna/deno", "LC_ALL=C.UTF-8"],
  ];
  const user = uid === 0 ? [] : ["setpriv", `--reuid=${uid}`, `--regid=${uid}`, "--clear-groups", "--"];
  const { exitCode, stdout, stderr } = await system.run(
    [
      ...["unshare", "--mount", "--pid", "--fork", "--kill-child", "sh", "-euc", words.join("; "), root],
      ...environment,
      ...user,
      ...argv,
    ],
    { acceptExitCodes: [0, 1, 2], timeoutMs: 40 * 60_000 },
  );
  return { exitCode, said: `${stdout}${stderr}` };
}

interface Way {
  /** Of the folder with cache and results. */
  readonly name: string;
  readonly uid?: number;
  readonly config?: string;
  readonly only?: string;
}

async function create(root: string, { name, uid, config = "config.yaml", only }: Way): Promise<Ended> {
  const folder = `/home/anna/${name}`;
  const places = ["--cache-dir", `${folder}/cache`, "--out-dir", `${folder}/build`];
  const options = [
    "--yes",
    "--config",
    `/home/anna/${config}`,
    ...only === undefined ? [] : ["--only", only],
    ...places,
  ];
  return await enter(root, ["./stiefelsystem", "create-initrd", ...options], uid);
}

/** @returns the sum of each file that was made, and the stages that made them */
async function build(root: string, way: Way): Promise<{ readonly sums: unknown; readonly stages: readonly string[] }> {
  const { exitCode, said } = await create(root, way);
  assert.equal(exitCode, 0, said);
  const folder = `${root}/home/anna/${way.name}`;
  const loaders = await system.readDirectory(`${folder}/build/loaders`);
  assert.ok(loaders.length > 4);
  const files = [
    "kernel",
    "initrd",
    "manifest.json",
    "autokexec-agent.js",
    ...loaders.map((name) => `loaders/${name}`),
  ];
  const sums = await Promise.all(
    files.map(async (name) => `${await hashFile(system, `${folder}/build/${name}`)} ${name}`),
  );
  const cached = await system.readDirectory(`${folder}/cache`);
  return { sums, stages: cached.flatMap((name) => /^([a-z]+)-[0-9a-f]+$/.exec(name)?.[1] ?? []) };
}

Deno.test({
  name: "an image that is built without apt, dpkg and mmdebstrap is the same byte for byte",
  ignore: Deno.uid() !== 0,
  fn: async () => {
    await using tree = await installDebian(packages);
    const root = tree.directory;
    const home = `${root}/home/anna`;
    const project = `${root}/project`;
    await Deno.mkdir(home, { recursive: true });
    await Deno.mkdir(project);
    const names = ["main.ts", "stiefelsystem", "deno.json", "deno.lock", "lib", "agents", "image"];
    await system.run(["cp", "-R", ...names.map((name) => `${projectRoot}${name}`), project]);
    await system.run(["cp", Deno.execPath(), `${root}/usr/local/bin/deno`]);
    const downloads = Deno.env.get("DENO_DIR") ?? `${Deno.env.get("HOME")}/.cache/deno`;
    await Deno.mkdir(`${home}/deno`);
    for (const name of ["npm", "dl"]) {
      if (await system.lstat(`${downloads}/${name}`) === undefined) continue;
      await system.run(["cp", "-R", `${downloads}/${name}`, `${home}/deno/${name}`]);
    }
    await system.run(["cp", "--dereference", "/etc/resolv.conf", "/etc/hosts", `${root}/etc/`]);
    const mirror = await readAptMirror(system) ?? debianMirror;
    await Deno.writeTextFile(`${home}/config.yaml`, configuration(mirror, "trixie"));
    await Deno.writeTextFile(`${home}/bookworm.yaml`, configuration(mirror, "bookworm"));
    await Deno.writeFile(`${project}/aes-key`, crypto.getRandomValues(new Uint8Array(32)), { mode: 0o600 });

    const usual = await build(root, { name: "usual" });
    assert.ok(!usual.stages.includes("tools"));

    for (const path of taken) await system.run(["sh", "-euc", `rm -rf -- "$0"/${path}`, root]);
    const left = await enter(root, ["sh", "-c", "command -v apt apt-get dpkg dpkg-deb mmdebstrap || :"]);
    assert.equal(left.said, "");
    await Deno.remove(`${root}/etc/os-release`);
    await Deno.copyFile(`${projectRoot}tests/fixtures/os-release/arch`, `${root}/etc/os-release`);

    const debootstrap = `${root}/usr/sbin/debootstrap`;
    await Deno.rename(debootstrap, `${debootstrap}.away`);
    const without = await create(root, { name: "none" });
    assert.equal(without.exitCode, 1, without.said);
    assert.match(without.said, /Programs are missing: debootstrap\n.*pacman -S debootstrap/);
    await Deno.rename(`${debootstrap}.away`, debootstrap);

    // Of the keys only one with which this list was not signed.
    const keyring = `${project}/image/keyring/debian-archive.gpg`;
    const keys = await Deno.readFile(keyring);
    await Deno.writeFile(keyring, keys.subarray(bookwormReleaseKey.start, bookwormReleaseKey.end));
    const unsigned = await create(root, { name: "none" });
    assert.equal(unsigned.exitCode, 1, unsigned.said);
    assert.match(unsigned.said, /not signed by a key of Debian's that comes with stiefelsystem/);
    await Deno.writeFile(keyring, keys);

    const byRoot = await build(root, { name: "root" });
    assert.deepEqual(byRoot.sums, usual.sums);
    assert.ok(byRoot.stages.includes("tools"));

    // The tools are those of the image's suite.
    const bookworm = await create(root, { name: "bookworm", config: "bookworm.yaml", only: "loaders" });
    assert.equal(bookworm.exitCode, 0, bookworm.said);
    assert.ok(await system.stat(`${home}/bookworm/build/loaders/shimx64.efi`) !== undefined);

    // A user with ids of its own.
    for (const name of ["subuid", "subgid"]) await Deno.writeTextFile(`${root}/etc/${name}`, "anna:100000:65536\n");
    const line = `anna:x:${userId}:${userId}::/home/anna:/bin/sh\n`;
    await Deno.writeTextFile(`${root}/etc/passwd`, line, { append: true });
    await Deno.writeTextFile(`${root}/etc/group`, `anna:x:${userId}:\n`, { append: true });
    await system.run(["chown", "-R", `${userId}:${userId}`, home, project]);
    await Deno.chmod(home, 0o700);
    const byUser = await build(root, { name: "user", uid: userId });
    assert.deepEqual(byUser.sums, usual.sums);
    assert.ok(byUser.stages.includes("tools"));
  },
});
