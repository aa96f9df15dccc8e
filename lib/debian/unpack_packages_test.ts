import assert from "node:assert/strict";
import { parsePackagePaths, parsePackageVersions, unpackArguments } from "./unpack_packages.ts";

Deno.test("packages are unpacked without running their scripts", () => {
  const source = { suite: "trixie", mirror: "http://m/debian", components: ["main"] };
  const request = { ...source, architecture: "arm64", packages: ["busybox", "kmod"] } as const;
  const argv = unpackArguments(request, { mode: "unshare", hasMountNamespace: false }, "/out.tar");
  const start = argv.indexOf("mmdebstrap");
  assert.deepEqual(argv.slice(start, start + 7), [
    "mmdebstrap",
    "--mode=unshare",
    "--variant=extract",
    "--architectures=arm64",
    "--format=tar",
    "--components=main",
    "--include=busybox,kmod",
  ]);
  assert.deepEqual(argv.slice(-3), ["trixie", "/out.tar", "http://m/debian"]);
});

Deno.test("package lists are read", () => {
  assert.deepEqual(parsePackageVersions("kmod\t34.2-2\tamd64\n"), [{
    name: "kmod",
    version: "34.2-2",
    architecture: "amd64",
  }]);
  assert.deepEqual(parsePackagePaths("./\n./usr/\n./usr/bin/\n./usr/bin/kmod\n"), ["usr/bin/kmod"]);
  // As Debian 12 packs them.
  assert.deepEqual(parsePackagePaths("./bin/kmod\n./lib/udev/ata_id\n./libexec/x\n./etc/x\n"), [
    "usr/bin/kmod",
    "usr/lib/udev/ata_id",
    "libexec/x",
    "etc/x",
  ]);
});
