/**
 * Packages made twice, from two folders: the same bytes. And what the recipes of other distributions make of the
 * archive: by bash, which reads PKGBUILD and ebuild, and by rpmbuild where it is installed.
 */

import assert from "node:assert/strict";
import { createRealSystem } from "../../lib/system/real.ts";
import { snapshotTree } from "../support/tree_snapshot.ts";
import { copySources, makeRelease, sumPackages } from "../support/releases.ts";
import { writePackages } from "../support/packages.ts";

const system = createRealSystem({ home: Deno.env.get("HOME") ?? "/" });
const isThere = async (path: string): Promise<boolean> => await system.stat(path) !== undefined;
const hasRpmbuild = await isThere("/usr/bin/rpmbuild");

async function withFolder(body: (folder: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir({ prefix: "stiefel-packages-" });
  try {
    await body(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

Deno.test("packages made in two folders, with other modes and times of the sources, have the same sums", async () => {
  await withFolder(async (folder) => {
    const files = await makeRelease(system, { folder: `${folder}/one`, level: 0 });
    assert.equal(files.length, 7);
    await system.run(["sha256sum", "--check", "--strict", "SHA256SUMS"], { cwd: `${folder}/one` });
    await copySources(system, `${folder}/my copy ü`);
    const other = await writePackages(system, {
      folder: `${folder}/other`,
      level: 0,
      project: `${folder}/my copy ü`,
    });
    const sums = await system.readText(`${folder}/one/SHA256SUMS`);
    const lines = (await sumPackages(system, other)).map((line) => line.split(" ").toReversed().join("  "));
    assert.deepEqual(sums.trim().split("\n").sort(), lines.toSorted());
  });
});

Deno.test("PKGBUILD, ebuild and spec put the archive's files into a package, and no others", async (t) => {
  await withFolder(async (folder) => {
    const { archive, pkgbuild, spec, ebuild } = await writePackages(system, { folder, level: 0, only: ["archive"] });
    await system.run(["tar", "-xf", archive, "-C", folder]);
    const source = archive.replace(/-x86_64\.tar\.xz$/, "");
    await system.run([`${source}/install.sh`], { env: { DESTDIR: `${folder}/direct` } });
    const expected = await snapshotTree(`${folder}/direct`);
    assert.ok(expected.length > 600);

    await t.step("PKGBUILD", async () => {
      const words =
        'set -eu; srcdir=$1; pkgdir=$2; . "$0"; cd "$srcdir"; sha256sum -c <<<"$sha256sums  $source"; package';
      await system.run(["bash", "-c", words, pkgbuild, folder, `${folder}/arch`], { cwd: folder });
      assert.deepEqual(await snapshotTree(`${folder}/arch`), expected);
    });
    await t.step("ebuild", async () => {
      const words = 'set -eu; WORKDIR=$1; D=$2; . "$0"; cd "$S"; src_install';
      await system.run(["bash", "-c", words, ebuild, folder, `${folder}/gentoo`]);
      assert.deepEqual(await snapshotTree(`${folder}/gentoo`), expected);
    });
    await t.step({
      name: "spec",
      ignore: !hasRpmbuild,
      fn: async () => {
        const define = [`_topdir ${folder}/rpm`, `_sourcedir ${folder}`, "_binary_payload w0.gzdio"];
        const options = define.flatMap((text) => ["--define", text]);
        await system.run(["rpmbuild", "-bb", "--nodeps", ...options, spec], { timeoutMs: 20 * 60_000 });
        const [rpm = ""] = await system.readDirectory(`${folder}/rpm/RPMS/x86_64`);
        const { stdout } = await system.run(["rpm", "-qlp", `${folder}/rpm/RPMS/x86_64/${rpm}`]);
        const packaged = stdout.trim().split("\n").map((path) => path.replace(/(\/man\/.*)\.gz$/, "$1"));
        const files = expected.flatMap((line) => /^\.(\S+) f /.exec(line)?.[1] ?? []);
        assert.deepEqual(files.filter((path) => !packaged.includes(path)), []);
      },
    });
  });
});
