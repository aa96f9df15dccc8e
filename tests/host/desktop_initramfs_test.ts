/** What desktops boot, made by the real mkinitramfs and dracut of a Debian: all that the list names is in it. */

import assert from "node:assert/strict";
import { desktopTunnelPrograms } from "../../lib/export/tunnel/needs.ts";
import { initramfsNeeds, transportModules, tunnelModules } from "../../lib/initramfs/needs.ts";
import { generators } from "../../lib/initramfs/registry.ts";
import { formatSession } from "../../lib/protocol/session.ts";
import { createRealSystem } from "../../lib/system/real.ts";
import { installDebian } from "../network/debian_tree.ts";
import { session } from "../support/protocol_samples.ts";
import { projectRoot } from "../support/source_tree.ts";

const system = createRealSystem();
// dracut-core lies beside initramfs-tools.
const packages = [
  ...["systemd", "udev", "initramfs-tools", "dracut-core", "zstd", "linux-image-cloud-amd64", "kmod", "cpio"],
  ...["nbd-client", "iproute2"],
];

/** Runs shell in the tree, with the kernel's file systems; /run is its own. */
async function runIn(root: string, script: string): Promise<string> {
  const mounts = 'mount -t proc proc "$0/proc"; mount -t sysfs -o ro sysfs "$0/sys"; mount --rbind /dev "$0/dev"';
  const argv = ["unshare", "--mount", "sh", "-euc", `${mounts}; exec chroot "$0" sh -euc "$1"`, root, script];
  return (await system.run(argv, { timeoutMs: 600_000 })).stdout;
}

const ours = "usr/lib/stiefelsystem/";
const namesOf = (kind: string): readonly string[] =>
  initramfsNeeds.filter((need) => need.kind === kind).map(({ name }) => name);

/** @param listing paths, one a line, with or without what `ls -l` shows */
function findLacking(listing: string, paths: readonly string[]): readonly string[] {
  const lines = listing.split("\n").map((line) => line.replace(/ -> .*/, "").trim().split(/\s+/).at(-1) ?? "");
  const has = (path: string): boolean => lines.some((line) => line === path || line.endsWith(`/${path}`));
  return paths.filter((path) => !has(path));
}

const always = [
  ...namesOf("program"),
  ...namesOf("file").map((name) => `${ours}${name}`),
  ...namesOf("rules").map((name) => `udev/rules.d/${name}`),
  ...namesOf("modprobe").map((name) => `etc/modprobe.d/${name}`),
];

/** What each generator's initramfs has besides, and how it is looked into. */
const ways = [
  {
    generator: "initramfs-tools",
    list: "lsinitramfs",
    unpack: "unmkinitramfs /boot/initramfs-stiefel.img /x",
    extra: [],
  },
  {
    generator: "dracut",
    list: "lsinitrd",
    unpack: "mkdir /x && cd /x && lsinitrd --unpack /boot/initramfs-stiefel.img",
    extra: [...namesOf("unit"), ...namesOf("tool")],
  },
] as const;

Deno.test({
  name: "all that a desktop's initramfs needs is in what the real generators make, and its shell can run it",
  ignore: Deno.uid() !== 0, // chroot(2) takes root
  fn: async () => {
    await using tree = await installDebian(packages);
    const root = tree.directory;
    const release = [...Deno.readDirSync(`${root}/usr/lib/modules`)][0]?.name ?? "";
    for (const { generator, list, unpack, extra } of ways) {
      await runIn(root, "rm -rf /x /usr/lib/stiefelsystem");
      for (const layer of ["generic", ...generators[generator].layers]) {
        await system.run(["cp", "-a", `${projectRoot}image/host/${layer}/.`, `${root}/`]);
      }
      await runIn(root, `/usr/lib/stiefelsystem/stiefel-initramfs build ${release} /boot/vmlinuz-${release}`);
      const listing = await runIn(root, `${list} /boot/initramfs-stiefel.img`);
      assert.deepEqual(findLacking(listing, [...always, ...extra]), [], generator);
      for (const name of [...transportModules("nbd").map((module) => module.name), ...tunnelModules]) {
        assert.match(listing, new RegExp(`/${name}\\.ko`), generator);
      }
      assert.doesNotMatch(listing, /scripts\/local-top\/nbd$|nbdroot/m);

      // Without a session, and with one of a transport that this initramfs does not have.
      await runIn(root, unpack);
      const main = await system.stat(`${root}/x/main`) === undefined ? "/x" : "/x/main";
      const program = "/usr/lib/stiefelsystem/stiefel-attach attach";
      const attach = (): Promise<string> =>
        runIn(root, `chroot ${main} /bin/sh -c '${program} && echo nothing || echo "failed: $?"' 2>&1`);
      assert.equal(await attach(), "nothing\n", generator);
      await Deno.mkdir(`${root}${main}/stiefelsystem`);
      // What comes with a session that has a tunnel, whatever this initramfs has of libraries.
      for (const [name, path] of Object.entries(desktopTunnelPrograms)) {
        await system.run(["cp", "--dereference", path, `${root}${main}/stiefelsystem/${name}`]);
      }
      const wg = "/stiefelsystem/ld.so --library-path /stiefelsystem /stiefelsystem/wg";
      assert.match(await runIn(root, `chroot ${main} ${wg} --version`), /^wireguard-tools v/, generator);
      await Deno.writeTextFile(
        `${root}${main}/stiefelsystem/session`,
        formatSession(session).replace("=nbd\n", "=carrier-pigeon\n"),
      );
      assert.match(await attach(), /transport "carrier-pigeon", .*\bnbd\b.*\n(.*\n)*failed: 2\n$/);
    }
  },
});
