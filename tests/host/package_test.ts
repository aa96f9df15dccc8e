/**
 * The package for Debian in the tree of a real one: installed, used, upgraded, removed, purged, with and without a
 * laptop that is set up.
 */

import assert from "node:assert/strict";
import { commandNames } from "../../lib/grants.ts";
import { createRealSystem } from "../../lib/system/real.ts";
import { version } from "../../lib/version.ts";
import { installDebian } from "../network/debian_tree.ts";
import { differingLines, snapshotTree } from "../support/tree_snapshot.ts";
import { writePackages } from "../support/packages.ts";

const system = createRealSystem({ home: Deno.env.get("HOME") ?? "/" });
// The kernel with the fewest drivers: an initramfs for it is built within seconds.
const packages = [
  ...["systemd", "initramfs-tools", "zstd", "linux-image-cloud-amd64"],
  ...["nbd-client", "iproute2", "kexec-tools", "libgcc-s1"],
];

const ubuntu = new URL("../fixtures/os-release/ubuntu-24.04", import.meta.url);

interface Ended {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a program in the tree, as on a machine of its own. @param settings "NAME=value" */
async function enter(root: string, argv: readonly string[], settings = ["HOME=/root"]): Promise<Ended> {
  const mount = 'mount -t proc proc "$0/proc"; mount -t sysfs -o ro sysfs "$0/sys"; mount --bind /dev "$0/dev"; ';
  const path = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
  return await system.run(
    [
      ...["unshare", "--mount", "--pid", "--fork", "--kill-child"],
      ...["sh", "-euc", `${mount}exec chroot "$0" env -i "$@"`, root, path, "LC_ALL=C.UTF-8", ...settings, ...argv],
    ],
    { acceptExitCodes: [0, 1, 2, 3], timeoutMs: 10 * 60_000 },
  );
}

/** What dpkg keeps for itself, and what a user's own programs keep. */
const bookkeeping = /^\/(?:var\/(?:lib\/dpkg|log|cache)|root\/\.cache|run|tmp|dev)(?:\/|$)/;

/** Of a line of two snapshots or their difference: "./usr/bin d 755 …", "+SUM  ./usr/bin/x". */
function pathOf(line: string): string {
  return /(?:^[-+]?|\s)\.(\/\S*)/.exec(line)?.[1] ?? "/";
}

async function snapshot(root: string): Promise<readonly string[]> {
  return (await snapshotTree(root)).filter((line) => !bookkeeping.test(pathOf(line)));
}

/** What `init` and `create-initrd` would have made. */
async function layImage(root: string, key: Uint8Array): Promise<void> {
  await Deno.mkdir(`${root}/var/lib/stiefelsystem/build`, { recursive: true });
  for (const name of ["kernel", "initrd", "autokexec-agent"]) {
    await Deno.writeTextFile(`${root}/var/lib/stiefelsystem/build/${name}`, name);
  }
  await Deno.mkdir(`${root}/etc/stiefelsystem`);
  await Deno.writeFile(`${root}/etc/stiefelsystem/aes-key`, key, { mode: 0o600 });
  await Deno.writeTextFile(`${root}/etc/stiefelsystem/config.yaml`, "modules: [base]\n", { mode: 0o600 });
}

Deno.test({
  name: "the Debian package: installed, used, upgraded, removed and purged, it leaves nothing behind",
  ignore: Deno.uid() !== 0, // chroot(2) takes root
  fn: async () => {
    const folder = await Deno.makeTempDir({ prefix: "stiefel-package-" });
    try {
      await using tree = await installDebian(packages);
      const root = tree.directory;
      const before = await snapshot(root);
      assert.ok(before.length > 10_000);
      const run = async (...argv: readonly string[]): Promise<Ended> => await enter(root, argv);
      const must = async (...argv: readonly string[]): Promise<Ended> => {
        const ended = await run(...argv);
        assert.equal(ended.exitCode, 0, `${argv.join(" ")}:\n${ended.stdout}${ended.stderr}`);
        return ended;
      };
      const bring = async (packageVersion: string): Promise<string> => {
        const { deb } = await writePackages(system, { folder, version: packageVersion, level: 0, only: ["deb"] });
        await Deno.copyFile(deb, `${root}/tmp/${packageVersion}.deb`);
        return `/tmp/${packageVersion}.deb`;
      };
      const readVersion = async (): Promise<string> =>
        (await must("dpkg-query", "--show", "--showformat=${Version}", "stiefelsystem")).stdout;

      const older = await bring("0.0.9");
      await must("dpkg", "--install", older);
      const installed = await snapshot(root);
      const elsewhere = differingLines(before, installed).filter((line) => !pathOf(line).startsWith("/usr/"));
      assert.deepEqual(elsewhere, [], "files elsewhere than below /usr");

      // Used: every command answers, without a home, and for a user who may write nowhere.
      assert.equal((await must("stiefelsystem", "--version")).stdout, `${version}\n`);
      for (const command of commandNames) await must("stiefelsystem", command, "--help");
      const bare = await enter(root, [
        "setpriv",
        "--reuid=1000",
        "--regid=1000",
        "--clear-groups",
        "stiefelsystem",
        "doctor",
      ], []);
      assert.match(bare.stdout, /^ok +distribution +Debian GNU\/Linux 13/m, bare.stderr);
      const refused = await enter(
        root,
        ["setpriv", "--reuid=1000", "--regid=1000", "--clear-groups", "stiefelsystem", "create-initrd"],
        ["HOME=/tmp/none"],
      );
      assert.equal(refused.exitCode === 0, false);
      assert.doesNotMatch(refused.stderr, /NotCapable|at file:|stack/i);
      const plan = JSON.parse((await must("stiefelsystem", "create-initrd", "--dry-run", "--json")).stdout);
      assert.ok(plan.stages.some(({ name }: { readonly name: string }) => name === "agents"));

      // Set up: what create-initrd would have made is where it would be.
      const key = crypto.getRandomValues(new Uint8Array(32));
      await layImage(root, key);
      const setUp = await must("stiefelsystem", "setup-server", "--yes");
      assert.match(setUp.stderr, /^ +stiefelsystem undo-setup$|^Next: stiefelsystem doctor$/m);
      assert.match((await run("stiefelsystem", "doctor")).stdout, /^ok +initramfs for desktops/m);
      assert.match((await must("stiefelsystem", "boot-entry")).stdout, /^Kernel +\/boot\/linux-stiefel/m);

      // Upgraded: dpkg asks nothing, and the laptop stays set up.
      const newer = await bring(version);
      const upgraded = await must("dpkg", "--install", newer);
      assert.doesNotMatch(upgraded.stderr, /undo-setup|conf/);
      assert.equal(await readVersion(), version);
      assert.match((await run("stiefelsystem", "doctor")).stdout, /^ok +initramfs for desktops/m);

      // Removed and purged while it is set up: it says so, and the agents' files stay.
      const removed = await must("dpkg", "--remove", "stiefelsystem");
      assert.match(removed.stderr, /set up for desktops[\s\S]*sudo stiefelsystem undo-setup/);
      assert.equal(await system.stat(`${root}/usr/share/stiefelsystem`), undefined);
      assert.match((await must("dpkg", "--purge", "stiefelsystem")).stderr, /stay, for undo-setup/);
      assert.deepEqual(await Deno.readFile(`${root}/etc/stiefelsystem/aes-key`), key);
      assert.ok(await system.stat(`${root}/usr/lib/stiefelsystem/stiefel-attach`) !== undefined);

      // Installed again: undo-setup takes it back; then nothing is left.
      await must("dpkg", "--install", newer);
      await must("stiefelsystem", "undo-setup", "--yes");
      assert.doesNotMatch((await must("dpkg", "--remove", "stiefelsystem")).stderr, /undo-setup/);
      assert.deepEqual(await Deno.readFile(`${root}/etc/stiefelsystem/aes-key`), key, "the key stays until purge");
      await must("dpkg", "--purge", "stiefelsystem");
      assert.deepEqual(differingLines(before, await snapshot(root)), []);

      // The archive: installed over an older version, and removed.
      const { archive } = await writePackages(system, { folder, level: 0, only: ["archive"] });
      await system.run(["tar", "-xf", archive, "-C", `${root}/tmp`]);
      const installer = `/tmp/stiefelsystem-${version}/install.sh`;
      await must(installer);
      const list = `${root}/usr/share/stiefelsystem/files`;
      await Deno.writeTextFile(
        list,
        `${await Deno.readTextFile(list)}usr/share/stiefelsystem/old/\n` +
          "usr/share/stiefelsystem/old/of an older version\n",
      );
      await Deno.mkdir(`${root}/usr/share/stiefelsystem/old`);
      await Deno.writeTextFile(`${root}/usr/share/stiefelsystem/old/of an older version`, "");
      await must(installer);
      assert.equal(await system.stat(`${root}/usr/share/stiefelsystem/old`), undefined);
      assert.equal((await must("stiefelsystem", "--version")).stdout, `${version}\n`);
      assert.equal((await enter(root, ["setpriv", "--reuid=1000", "--clear-groups", installer])).exitCode, 1);
      await must(installer, "--remove");
      assert.deepEqual(differingLines(before, await snapshot(root)), []);
      assert.match((await run(installer, "--remove")).stderr, /^Error: It is not installed in "\/"$/m);

      // A system like Ubuntu, which builds its initramfs as Debian does.
      await Deno.remove(`${root}/etc/os-release`);
      await Deno.copyFile(ubuntu, `${root}/etc/os-release`);
      const likeUbuntu = await snapshot(root);
      await must("dpkg", "--install", newer);
      assert.match((await run("stiefelsystem", "doctor")).stdout, /^ok +distribution +Ubuntu 24\.04/m);
      await layImage(root, key);
      await must("stiefelsystem", "setup-server", "--yes");
      assert.match((await must("stiefelsystem", "boot-entry")).stdout, /^Kernel +\/boot\/linux-stiefel/m);
      await must("stiefelsystem", "undo-setup", "--yes");
      await must("dpkg", "--purge", "stiefelsystem");
      assert.deepEqual(differingLines(likeUbuntu, await snapshot(root)), []);
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  },
});
