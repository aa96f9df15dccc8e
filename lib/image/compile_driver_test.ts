import assert from "node:assert/strict";
import { compileArguments, driverMakeCommand } from "./compile_driver.ts";

const driver = { name: "tiny", url: "file:///tiny.tar", moduleNames: ["tiny"], files: [] };

Deno.test("make runs in the source directory, with the places filled in", () => {
  const makeArguments = ["-C", "{kernelBuild}", "M={source}", "V={kernelVersion}", "X={unknown}", "two words"];
  assert.equal(
    driverMakeCommand({ ...driver, makeArguments }, "6.12.1+deb13-amd64"),
    "cd /stiefelsystem/sources/tiny && exec make -C /lib/modules/6.12.1+deb13-amd64/build " +
      "M=/stiefelsystem/sources/tiny V=6.12.1+deb13-amd64 'X={unknown}' 'two words'",
  );
});

Deno.test("the build root is made, used and thrown away by one mmdebstrap", () => {
  const argv = compileArguments({
    suite: "trixie",
    mirror: "http://mirror.example/debian",
    host: { mode: "unshare", hasMountNamespace: false },
    kernelVersion: "6.12.1+deb13-amd64",
    commands: ["cd /a && exec make it's"],
    sourceArchive: "/cache/a b/sources.tar",
    resultArchive: "/cache/results.tar",
  });
  assert.ok(argv.includes("--format=null"));
  assert.ok(argv.includes("--include=make,gcc,libc6-dev,linux-headers-6.12.1+deb13-amd64"));
  assert.deepEqual(argv.slice(-3), ["trixie", "/dev/null", "http://mirror.example/debian"]);
  assert.deepEqual(argv.filter((word) => word.startsWith("--customize-hook=")), [
    `--customize-hook=chroot "$1" sh -c 'mkdir -p /stiefelsystem/sources'`,
    `--customize-hook=tar-in '/cache/a b/sources.tar' /stiefelsystem/sources`,
    `--customize-hook=chroot "$1" sh -c 'cd /a && exec make it'\\''s'`,
    `--customize-hook=chroot "$1" sh -c 'find /stiefelsystem/sources -name "*.ko" -exec strip --strip-debug {} +'`,
    `--customize-hook=tar-out /stiefelsystem/sources /cache/results.tar`,
  ]);
});
