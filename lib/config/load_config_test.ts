import assert from "node:assert/strict";
import { ExitCode, UserError } from "../errors.ts";
import { ConfigError, type Diagnostic, formatDiagnostic } from "./diagnostics.ts";
import { loadConfig } from "./load_config.ts";
import { listKeys } from "./schema_keys.ts";
import { configSchema } from "./schema.ts";

/** All diagnostics of a text. */
async function diagnose(text: string): Promise<readonly Diagnostic[]> {
  try {
    return (await loadConfig(text, "config.yaml")).warnings;
  } catch (error) {
    assert.ok(error instanceof ConfigError, `not a ConfigError: ${error}`);
    return error.diagnostics;
  }
}

async function diagnoseAsText(text: string): Promise<readonly string[]> {
  return (await diagnose(text)).map((diagnostic) => formatDiagnostic(diagnostic, "f"));
}

/** One wrong value after the other for each key: as in the file, and words that the message asks for instead. */
const WRONG_VALUES: readonly (readonly [path: string, values: readonly string[], wanted: RegExp])[] = [
  ["modules", ["base", "7", "{base: 1}", "", "on"], /a list of modules/],
  [
    "boot.disk",
    ["sda", "/home/me/disk", "/dev/", "/dev/a b", "5", "[/dev/sda]", `"/dev/x\\ny"`, ""],
    /absolute path of a block device/,
  ],
  ["boot.part.type", ["LUKS", "none", "1", "", "[plain]"], /"plain" or "luks"/],
  ["boot.part.block", ["boot", "PARTLABEL=boot", "2", "{}"], /absolute path of a block device/],
  ["boot.part.luks_block", ["UUID=1234", "yes", "./dev/sda2"], /absolute path of a block device/],
  ["boot.load.kernel", ["3", "/boot/", "../vmlinuz", `""`, "[a]", "{a: b}"], /path of a file on the boot partition/],
  ["boot.load.initrd", ["6.12", "/boot/../../etc/shadow", `"a\\tb"`, ""], /path of a file on the boot partition/],
  ["boot.load.cmdline", ["ro quiet", "{ro: 1}", "1", ""], /a list of kernel parameters/],
  ["autokexec.broadcast", ["1", `"true"`, "maybe", "[]", ""], /true or false/],
  ["autokexec.mac_detection", ["0", `"no"`, "never"], /true or false/],
  ["autokexec.countdown_s", ["-1", "3601", "1.5", `"10"`, ""], /a whole number of seconds from 0 to 3600/],
  ["autokexec.client_timeout_min", ["-1", "10081", "0.5", "never", ""], /a whole number of minutes from 0 to 10080/],
  ["autokexec.macs", ["52:54:00:12:34:56", "{a: 1}", `"52:54:00:12:34:56"`, ""], /a list of MAC addresses/],
  ["network.vlan", ["0", "4095", "1.5", `"20"`, "eth0.20", "[20]"], /a whole number from 1 to 4094/],
  ["netboot.links", ["52:54:00:12:34:56", "{a: 1}", ""], /a list of MAC addresses/],
  ["netboot.cmdline", ["ro", "true"], /a list of kernel parameters/],
  ["server-setup.stiefelsystem-kernel", ["kernel", "/", "/a/../b", "/a/", "/a b", "8"], /an absolute path/],
  ["server-setup.stiefelsystem-initrd", ["./initrd", "~/initrd", "[]"], /an absolute path/],
  ["server-setup.cmdline", ["ro", "true"], /a list of kernel parameters/],
  ["initrd.include-packages", ["ethtool", "{a: b}", "9", ""], /a list of Debian packages/],
  ["initrd.shell", ["dash", "2", "/bin/", ""], /an absolute path/],
  [
    "initrd.password",
    ["1234", `""`, "[secret]", `"a\\nb"`, "yes", `"${"x".repeat(201)}"`],
    /a password of 1 to 200 characters/,
  ],
  [
    "initrd.packing.compressor",
    [
      "lzma",
      "pigz -12",
      "zstd -19; rm -rf /",
      "zstd --long=28",
      "zstd -22",
      "gzip -0",
      "xz --check=sha256",
      "[zstd]",
      "3",
      `""`,
    ],
    /a program the kernel can unpack after/,
  ],
  [
    "initrd.keymap",
    [`""`, "de;reboot", "de(no dead)", "[de]", "1", "/usr/share/kbd/de.map", `"de\\n"`],
    /the name of a keymap, as in "de"/,
  ],
  ["initrd.packing.exclude-paths", ["usr/share/doc", "{usr: share}", ""], /a list of paths/],
  ["initrd.packing.exclude-packages", ["apt", "1", ""], /a list of Debian packages/],
  ["image.suite", ["Trixie", "12", "trixie/updates", `"a b"`, "../x", ""], /a Debian suite/],
  [
    "image.snapshot",
    ["2026-09-05", "20260905", "20260905T0814Z", "latest", "../20260905T081400Z"],
    /a state of Debian's archive/,
  ],
  [
    "image.mirror",
    [
      "deb.debian.org",
      "ftp://a/b",
      "http://u:p@a/debian",
      "http://a b/",
      "https://",
      "5",
      "file:///a%zz",
      "http://a/%",
    ],
    /a http:\/\/, https:\/\/ or file:\/\/ address/,
  ],
  ["image.architecture", ["x86_64", "aarch64", "i386", "ARM64", "1"], /"amd64" or "arm64"/],
  ["image.agents", ["Auto", "yes", "both", "1"], /"auto", "compile" or "bundle"/],
  ["image.firmware", ["1", "all", "[]"], /true or false/],
  ["block.security", ["wg", "yes", "1", "[]", "plain"], /"wireguard" or "none"/],
  ["block.engine.addresses", ["192.0.2.10", "[]", "[192.0.2.10, fd00::1]", "1"], /addresses/],
  ["block.engine.port", ["0", "65536", "http", "[4420]"], /a port from 1 to 65535/],
  ["block.engine.subsystem", ["disk", "nqn.2014-08.org", "nqn.2014-08.org:a,b=c", "1", ""], /NVMe qualified name/],
  ["block.engine.namespace", ["0", "4294967295", "one"], /whole number from 1/],
  ["block.engine.host", ["desk", "nqn.14-08.org:x", "[]"], /NVMe qualified name/],
  ["block.engine.host-id", ["1", "22222222222242228222222222222222", "[]"], /UUID in lower case/],
  ["block.engine.secret-file", ["secret", "1", "[]"], /absolute path/],
  ["block.engine.desktop", ["192.0.2.50", "192.0.2.50/64", "dhcp", "1"], /address with its prefix length/],
  ["block.engine.gateway", ["192.0.2.1/24", "router", "1"], /IPv4 or IPv6 address/],
  ["block.engine.mtu", ["1279", "65536", "jumbo"], /whole number from 1280 to 65535/],
  ["block.transport", ["iscsi", "NBD", "1", "", "[nbd]"], /"auto", "nvme-tcp" or "nbd"/],
  ["block.mode", ["guest", "Try", "1", "", "[try]"], /"write" or "try"/],
  ["server.pass-on-from", ["52:54:00:12:34:56", "{a: 1}", `"52:54:00:12:34:56"`], /a list of MAC addresses/],
  ["server.pass-on-to", ["52:54:00:12:34:56", "{a: 1}", `"52:54:00:12:34:56"`], /a list of MAC addresses/],
  ["server.on-end", ["halt", "off", "0", ""], /"reboot", "poweroff" or "wait"/],
  ["server.name", [`"${"é".repeat(33)}"`, "5", `"a\\nb"`, `""`], /a name of at most 64 bytes/],
  ["paths.cache", [`""`, "3", "[a]", `" a"`], /the path of a folder/],
  ["paths.workdir", ["2001-01-01", "true", `"a\\0b"`], /the path of a folder/],
  ["paths.workdir-subpaths.cpio", ["1", "[]"], /the path of a folder/],
  ["paths.workdir-subpaths.initrd", ["1.5", "{}"], /the path of a folder/],
  ["paths.workdir-subpaths.initrd-devel", ["no", ""], /the path of a folder/],
  ["module-configs.debug.better-shell", ["bash", "1"], /an absolute path/],
  ["module-configs.debug.dont-exclude-packages", ["1", `"yes"`], /true or false/],
  ["module-configs.debug.dont-exclude-paths", ["sometimes", "{}"], /true or false/],
  [
    "module-configs.debug.faster-compressor",
    ["brotli", "pigz -10", "lz4 -13"],
    /a program the kernel can unpack after/,
  ],
  ["module-configs.debug.extra-packages", ["vim", "1"], /a list of Debian packages/],
  [
    "module-configs.NAME.url",
    [
      ...["http://a/b.tar.gz", "a.tar.gz", "file://a.tar.gz", "file:a", "https:///x", "https://u@a/b", "1", ""],
      // escapes that are none, or of what is no text; a query and a fragment, which no file has
      ...[
        "file:///a%zz",
        "file:///a%2",
        "file:///a%",
        "file:///a%ff",
        "file:///a%00b",
        "file:///a%0Ab",
        "file:///%zz/a",
      ],
      ...["https://a/b%zz", "https://a/%", "file:///a?b", `"file:///a#b"`, "file:///%2F%"],
    ],
    /a https:\/\/ or file:\/\/ address/,
  ],
  ["module-configs.NAME.sha256", [
    "12",
    `"${"0".repeat(63)}"`,
    `"${"g".repeat(64)}"`,
    "0".repeat(64),
    `"sha256:${"0".repeat(64)}"`,
  ], /64 hex digits/],
  ["module-configs.NAME.commit", ["12", "v1.0", `"${"0".repeat(39)}"`, `"${"0".repeat(64)}"`], /40 hex digits/],
  ["module-configs.NAME.make", ["all", "{}", "1"], /a list of arguments for make/],
  ["module-configs.NAME.modules", ["r8152", "1"], /a list of kernel modules/],
];

/** Wrong items of lists that are right as lists. */
const WRONG_ITEMS: readonly (readonly [path: string, items: readonly string[], wanted: RegExp])[] = [
  ["modules", ["1", "", "[base]", "Base", "a b", "on"], /the name of a module/],
  ["boot.load.cmdline", ["1", `"a\\nb"`, `""`, "{quiet: }", `"${"x".repeat(2001)}"`], /a kernel parameter/],
  ["server-setup.cmdline", ["console: ttyS0", "yes"], /a kernel parameter/],
  [
    "autokexec.macs",
    ["52:54:00:12:34", "52-54-00-12-34-56", `"52:54:00:12:34:5g"`, "1"],
    /a MAC address/,
  ],
  [
    "initrd.include-packages",
    ["Vim", "a", `"a b"`, "-x", "--option", "vim/sid", "1"],
    /the name of a Debian package/,
  ],
  ["initrd.packing.exclude-paths", ["/", "../etc", "usr/../..", `""`, "1"], /a path from the image's root on/],
  ["initrd.packing.exclude-packages", ["Apt", "libss2:amd64:x", "1"], /the name of a Debian package/],
  ["module-configs.debug.extra-packages", ["a_b", "1"], /the name of a Debian package/],
  ["module-configs.NAME.make", ["1", `"{kernel}"`, `"a\\nb"`], /an argument of make/],
  ["module-configs.NAME.modules", ["r8152.ko/x", "../x", "1"], /the name of a kernel module/],
];

/** A file that holds nothing but one value. */
function fileWith(path: string, value: string): { text: string; line: number; column: number; keyColumn: number } {
  const names = path.replace("NAME", "my-driver").split(".");
  const lines = names.map((name, depth) => `${"  ".repeat(depth)}${name}:`);
  const text = `${lines.join("\n")} ${value}\n`;
  return { text, line: lines.length, column: (lines.at(-1)?.length ?? 0) + 2, keyColumn: 2 * names.length - 1 };
}

for (const [path, values, wanted] of WRONG_VALUES) {
  Deno.test(`a wrong value of ${path} is reported with its place`, async () => {
    for (const value of values) {
      const { text, line, column, keyColumn } = fileWith(path, value);
      const found = (await diagnose(text)).filter(({ key, level }) =>
        level === "error" && key === path.replace("NAME", "my-driver")
      );
      assert.equal(found.length, 1, `${text}: ${JSON.stringify(found)}`);
      assert.match(found[0]?.wanted ?? "", wanted, text);
      const expected = value === "" ? [line, keyColumn] : [line, column];
      assert.deepEqual([found[0]?.line, found[0]?.column], expected, text);
    }
  });
}

for (const [path, items, wanted] of WRONG_ITEMS) {
  Deno.test(`a wrong item of ${path} is reported with its place`, async () => {
    for (const item of items) {
      const { text, line, column } = fileWith(path, `[ ${item === "" ? "~" : item} ]`);
      const name = `${path.replace("NAME", "my-driver")}[0]`;
      const found = (await diagnose(text)).filter(({ key, wanted: words }) => key === name && wanted.test(words));
      assert.equal(found.length, 1, `${text}: ${(await diagnoseAsText(text)).join("\n")}`);
      assert.deepEqual([found[0]?.level, found[0]?.line, found[0]?.column], ["error", line, column + 2], text);
    }
  });
}

Deno.test("the table of wrong values has every key of the schema", () => {
  assert.deepEqual(WRONG_VALUES.map(([path]) => path).sort(), listKeys(configSchema).map(({ path }) => path).sort());
});

Deno.test("each group of keys must be a mapping", async () => {
  for (
    const group of [
      "boot",
      "boot.part",
      "boot.load",
      "autokexec",
      "server-setup",
      "initrd",
      "initrd.packing",
      "image",
      "block",
      "server",
      "network",
      "netboot",
      "paths",
      "paths.workdir-subpaths",
      "module-configs",
      "module-configs.debug",
      "module-configs.r8152",
    ]
  ) {
    for (const value of ["1", "text", "[]", "[a]", "true"]) {
      const { text, line, column } = fileWith(group, value);
      const [first, ...more] = (await diagnose(text)).filter(({ level }) => level === "error");
      assert.deepEqual(
        [first?.key, first?.line, first?.column],
        [group, line, column],
        text,
      );
      assert.match(first?.wanted ?? "", /^a mapping(?:$|, as in {)/, text);
      assert.deepEqual(more, [], text);
    }
  }
});

Deno.test("a group with nothing in it has its defaults", async () => {
  const groups =
    "boot:\n  part:\n  load:\nautokexec:\nserver-setup:\ninitrd:\n  packing:\nimage:\nblock:\nserver:\npaths:\n  workdir-subpaths:\nmodule-configs:\n  debug:\n";
  assert.deepEqual(await loadConfig(groups, "f"), await loadConfig("", "f"));
});

Deno.test("a file without content gives the defaults", async () => {
  for (const text of ["", "\n", "# nothing\n", "---\n", "{}", "~", "\uFEFF"]) {
    assert.deepEqual(await loadConfig(text, "f"), await loadConfig("{}", "f"), JSON.stringify(text));
  }
});

Deno.test("a file that is no mapping is refused", async () => {
  for (const text of ["text", "- a", "5", "[]", "true"]) {
    assert.match((await diagnoseAsText(text)).join("\n"), /^f:1:1: found .*, wanted a mapping of sections/, text);
  }
});

Deno.test("P11: an unknown key is a warning with the nearest known name, or an error when it looks like one that guards something", async () => {
  assert.deepEqual(await diagnoseAsText("boto: 1\nboot:\n  dsik: 2\n"), [
    `f:1:1: found the unknown key "boto", wanted "boot" perhaps (of modules, boot, autokexec, server-setup, initrd, image, block, server, network, netboot, paths, module-configs)`,
    `f:3:3: boot: found the unknown key "dsik", wanted "disk" perhaps (of disk, part, load)`,
  ]);
  assert.deepEqual(await diagnoseAsText("autokexec: {mac-detection: on}"), [
    `f:1:13: autokexec: found the unknown key "mac-detection", wanted "mac_detection" perhaps (of broadcast, mac_detection, macs, countdown_s, client_timeout_min)`,
  ]);
  assert.deepEqual(await diagnoseAsText("server:\n  constructor: 1\n  __proto__: {name: x}\n"), [
    `f:2:3: warning: server: found the unknown key "constructor", wanted one of on-end, name, pass-on-from, pass-on-to`,
    `f:3:3: warning: server: found the unknown key "__proto__", wanted one of on-end, name, pass-on-from, pass-on-to`,
  ]);
});

const TOGETHER: readonly (readonly [name: string, text: string, said: readonly (string | RegExp)[]])[] = [
  ["an unknown module", "modules: [base, debgu]", [
    /^f:1:17: modules\[1\]: found the unknown module "debgu", wanted one of base.*\("debug" perhaps\)$/,
  ]],
  ["an unknown module beside a wrong item", "modules: [base, 1, xyz]", [
    /^f:1:17: modules\[1\]: found "1", which YAML reads as a number/,
    /^f:1:20: modules\[2\]: found the unknown module "xyz"/,
  ]],
  ["a module twice", "modules: [base, i915, i915]", [
    `f:1:23: warning: modules[2]: found "i915" again, wanted it once`,
  ]],
  ["modules of earlier files", "modules: [base, nbd, lvm]", [
    `f:1:17: warning: modules[1]: found "nbd", wanted no such entry: every image exports disks`,
    `f:1:22: warning: modules[2]: found "lvm", wanted no such entry: every image reads LVM`,
  ]],
  ["two systems", "modules: [base, system-arch, system-debian]", [
    `f:1:30: modules[2]: found "system-debian" as another system, wanted one of the system-* modules at most`,
  ]],
  ["no base", "modules: [debug]", [
    `f:1:10: warning: modules: found no "base", wanted "base" in the list (it is used all the same)`,
  ]],
  ["LUKS without a container", "boot:\n  part:\n    type: luks\n    block: /dev/vg/boot\n", [
    `f:2:3: boot.part.luks_block: found nothing, wanted the LUKS container's path, as "type" is luks`,
  ]],
  ["a container without LUKS", "boot: {part: {type: plain, block: /dev/a, luks_block: /dev/b}}", [
    `f:1:55: warning: boot.part.luks_block: found "/dev/b", wanted no such key with "type: plain" (it is not used)`,
  ]],
  ["a partition without its keys", "boot:\n  part: {}\n", [
    "f:2:3: boot.part.type: found nothing, wanted a value for this key",
  ]],
  ["a boot entry without its parts", "boot:\n  load:\n    kernel: /vmlinuz\n", [
    "f:2:3: boot.load.initrd: found nothing, wanted a value for this key",
    "f:2:3: boot.load.cmdline: found nothing, wanted a value for this key",
  ]],
  ["detection of no address", "autokexec: {mac_detection: true}", [
    `f:1:28: autokexec.mac_detection: found true without any MAC address, wanted at least one address in "macs", or false here`,
  ]],
  ["a plain partition without its device", "boot: {part: {type: plain}}", [
    `f:1:8: boot.part.block: found nothing, wanted the file system's block device, as "type" is plain`,
  ]],
  ["a command line that is too long", `server-setup: {cmdline: [${"'aaaaaaaaaaaaaaaaaaa', ".repeat(96)}]}`, [
    "f:1:25: server-setup.cmdline: found 1919 bytes of parameters, wanted at most 1900, so that the kernel takes all of them",
  ]],
  ["a suite without what is needed", "image: {suite: buster}", [
    `f:1:16: image.suite: found "buster", wanted "bookworm" or a later Debian suite`,
  ]],
  ["P8: a suite that is nearly known", "image: {suite: trixi}", [
    `f:1:16: image.suite: found "trixi", no Debian suite known here, wanted "trixie" perhaps (of bookworm, trixie, forky, duke, sid, stable, testing, unstable, oldstable)`,
  ]],
  ["a suite that is not known", "image: {suite: noble}", [
    `f:1:16: warning: image.suite: found "noble", no Debian suite known here, wanted a suite that the mirror has, as in "trixie"`,
  ]],
  ["compiled drivers for arm64", "image: {architecture: arm64}\nmodules: [base, r8152]\n", [
    `f:1:23: image.architecture: found "arm64", wanted "amd64", or no module "r8152", which is compiled for no other`,
  ]],
  ["desktops without a stick and arm64", "image: {architecture: arm64}\nnetboot: {links: ['52:54:00:12:34:56']}\n", [
    `f:1:23: image.architecture: found "arm64", wanted "amd64", or nothing in "netboot.links", which starts no other desktops`,
  ]],
  [
    "a driver of one's own and arm64",
    "image: {architecture: arm64}\nmodules: [base, fan]\nmodule-configs: {fan: {}}\n",
    [
      `f:1:23: image.architecture: found "arm64", wanted "amd64", or no module "fan", which is compiled for no other`,
      `f:3:18: module-configs.fan.url: found nothing, wanted the https:// or file:// address of its source, as the module "fan" is chosen`,
    ],
  ],
  ["arm64 and a module of the original that every image has", "image: {architecture: arm64}\nmodules: [base, lvm]\n", [
    `f:2:17: warning: modules[1]: found "lvm", wanted no such entry: every image reads LVM`,
  ]],
  ["arm64 alone", "image: {architecture: arm64}", []],
  ["a slow compressor", "initrd: {packing: {compressor: pigz -11}}", [
    `f:1:32: warning: initrd.packing.compressor: found "pigz -11", wanted "zstd -19 -T0", which packs smaller in a tenth of the time`,
  ]],
  ["a package that has another name now", "initrd: {include-packages: [jq, mlocate]}", [
    `f:1:33: warning: initrd.include-packages[1]: found "mlocate", wanted "plocate", which took its place and is used instead`,
  ]],
  ["options of a module that has none", "module-configs: {i915: {url: 'https://a/b'}}", [
    "f:1:24: warning: module-configs.i915: found options, wanted no options for this module",
  ]],
  ["options of a module that is not chosen", "module-configs: {r8125: {url: 'https://a/b'}}", [
    `f:1:25: warning: module-configs.r8125: found "r8125", which is not chosen, wanted the name of a module that is in "modules" ("r8152" perhaps)`,
  ]],
  ["a driver without hash that is not chosen", "module-configs: {r8152: {url: 'https://a/b'}}", []],
  [
    "a driver without hash that is chosen",
    "modules: [base, r8152]\nmodule-configs:\n  r8152: {url: 'https://a/b'}\n",
    [`f:3:3: warning: module-configs.r8152.sha256: found nothing, wanted "sha256: …", the 64 hex digits that sha256sum prints for https://a/b (create-initrd needs it; without "url" the source that is known is used)`],
  ],
  ["a known driver without address", "modules: [base, r8152]\n", []],
  ["a hash without address", `modules: [base, r8152]\nmodule-configs: {r8152: {sha256: "${"0".repeat(64)}"}}\n`, [
    `f:2:18: module-configs.r8152.url: found nothing, wanted the https:// or file:// address of its source, as the module "r8152" is chosen`,
  ]],
  [
    "a hash and a commit",
    `modules: [base, foo]\nmodule-configs: {foo: {url: "https://a/b", sha256: "${"0".repeat(64)}", commit: "${
      "0".repeat(40)
    }"}}\n`,
    [`f:2:52: module-configs.foo.sha256: found "${
      "0".repeat(57)
    }…", wanted no hash of an archive beside the commit of a git repository`],
  ],
  ["a user's driver without address", "modules: [base, foo]\nmodule-configs: {foo: {}}\n", [
    `f:2:18: module-configs.foo.url: found nothing, wanted the https:// or file:// address of its source, as the module "foo" is chosen`,
  ]],
  ["a module named like a property of every object", "modules: [base, constructor]", [
    /found the unknown module "constructor"/,
  ]],
];

for (const [name, text, said] of TOGETHER) {
  Deno.test(`what belongs together: ${name}`, async () => {
    const lines = await diagnoseAsText(text);
    assert.equal(lines.length, said.length, lines.join("\n"));
    said.forEach((wanted, index) => {
      if (typeof wanted === "string") assert.equal(lines[index], wanted);
      else assert.match(lines[index] ?? "", wanted);
    });
  });
}

Deno.test("a wrong configuration is a user's error with exit code 2 and one line for each mistake", async () => {
  await assert.rejects(loadConfig("boot: {disk: sda}\nimage: {suite: T}\nfoo: 1\n", "dir/c.yaml"), (error) => {
    assert.ok(error instanceof UserError);
    assert.equal(error.exitCode, ExitCode.usage);
    assert.deepEqual(error.message.split("\n").map((line) => line.slice(0, 40)), [
      `The configuration "dir/c.yaml" has 2 err`,
      'dir/c.yaml:1:14: boot.disk: found "sda",',
      "  1 | boot: {disk: sda}",
      "    |              ^",
      'dir/c.yaml:2:16: image.suite: found "T",',
      "  2 | image: {suite: T}",
      "    |                ^",
      "dir/c.yaml:3:1: warning: found the unkno",
    ]);
    return true;
  });
});

Deno.test("after a mistake in the YAML itself only the lines above it are checked", async () => {
  const text = "boot:\n  disk: sda\n  load:\n    kernel: /vmlinuz\n\t  initrd: /initrd\nimage: {suite: T}\n";
  assert.deepEqual(await diagnoseAsText(text), [
    `f:2:9: boot.disk: found "sda", wanted the absolute path of a block device, as in "/dev/disk/by-id/…"`,
    "f:5:1: found a tab, wanted blanks for indentation",
  ]);
});

Deno.test("a password is never shown", async () => {
  const text = (await diagnoseAsText(`initrd: {password: [hunter2]}`)).join("\n");
  assert.match(text, /initrd.password: found a list/);
  assert.doesNotMatch(text, /hunter2/);
});

Deno.test("values cannot repaint the terminal", async () => {
  const text = (await diagnoseAsText(`boot: {disk: "\\e[31m\\x9b\\u202e"}\n"\\e[2J": 1\n`)).join("\n");
  // deno-lint-ignore no-control-regex -- these are what must not come through
  assert.doesNotMatch(text, /[\x00-\x09\x0b-\x1f\x7f-\x9f\u202e]/);
});

Deno.test("the module debug replaces shell, compressor and lists", async () => {
  const { config } = await loadConfig(
    `modules: [debug]
initrd: {include-packages: [jq], shell: /bin/dash}
module-configs: {debug: {better-shell: /bin/zsh, extra-packages: [zsh, jq], dont-exclude-packages: false, faster-compressor: cat}}`,
    "f",
  );
  assert.deepEqual(config.initrd.includePackages, ["jq", "zsh"]);
  assert.equal(config.initrd.shell, "/bin/zsh");
  assert.deepEqual(config.initrd.packing.compressor, { program: "cat", arguments: [] });
  assert.deepEqual(config.initrd.packing.excludePaths, []);
  assert.ok(config.initrd.packing.excludePackages.includes("perl-base"));
  assert.deepEqual([...config.modules], ["base", "debug"]);
});

Deno.test("without the module debug its options mean nothing", async () => {
  const { config } = await loadConfig("module-configs: {debug: {better-shell: /bin/zsh}}", "f");
  assert.equal(config.initrd.shell, "/bin/sh");
});

Deno.test("paths to leave out lose their leading slash", async () => {
  const { config } = await loadConfig("initrd: {packing: {exclude-paths: [/usr/share/doc/, ./boot, a//b]}}", "f");
  assert.deepEqual(config.initrd.packing.excludePaths, ["usr/share/doc", "boot", "a/b"]);
});

Deno.test("addresses to look for are in lower case, and none without detection", async () => {
  const macs = `macs: ["AA:BB:CC:DD:EE:FF"]`;
  assert.deepEqual((await loadConfig(`autokexec: {mac_detection: yes, ${macs}}`, "f")).config.autokexec.macs, [
    "aa:bb:cc:dd:ee:ff",
  ]);
  assert.deepEqual((await loadConfig(`autokexec: {mac_detection: no, ${macs}}`, "f")).config.autokexec.macs, []);
});

Deno.test("a user's driver is built by kbuild unless the configuration names another builder", async () => {
  const hash = "AB".repeat(32);
  const { config, warnings } = await loadConfig(
    `modules: [base, my_driver, r8152, clevo-fancontrol]
module-configs:
  my_driver: {url: "file:///src/my.tar", sha256: "${hash}"}
  r8152: {url: "https://a/b", sha256: "${hash}", make: [modules, "V={kernelVersion}"]}
  clevo-fancontrol: {url: "https://a/c", sha256: "${hash}"}
`,
    "f",
  );
  assert.deepEqual(warnings, []);
  const [mine, realtek, clevo] = config.drivers;
  assert.deepEqual(mine, {
    name: "my_driver",
    url: "file:///src/my.tar",
    sha256: hash.toLowerCase(),
    makeArguments: ["-C", "{kernelBuild}", "M={source}", "modules"],
    moduleNames: ["my_driver"],
    files: [],
  });
  assert.deepEqual([realtek?.makeArguments, realtek?.moduleNames], [["modules", "V={kernelVersion}"], ["r8152"]]);
  assert.deepEqual([clevo?.moduleNames, clevo?.files[0]?.to], [[], "/usr/local/bin/clevo-fancontrol"]);
});

Deno.test("a known driver brings its source; another commit or another source can be named", async () => {
  const driversOf = async (options: string): Promise<unknown> => {
    const text = `modules: [base, r8152]\n${options === "" ? "" : `module-configs: {r8152: ${options}}\n`}`;
    return (await loadConfig(text, "f")).config.drivers.map(({ url, commit, sha256 }) => ({ url, commit, sha256 }));
  };
  const known = "https://github.com/wget/realtek-r8152-linux.git";
  const commit = "b4effa4f4a573f76b3a95c055d037712fa35b57d";
  const other = "0123456789abcdef0123456789abcdef01234567";
  const hash = "a".repeat(64);
  assert.deepEqual(await driversOf(""), [{ url: known, commit, sha256: undefined }]);
  assert.deepEqual(await driversOf("{make: [all]}"), [{ url: known, commit, sha256: undefined }]);
  assert.deepEqual(await driversOf(`{commit: "${other}"}`), [{ url: known, commit: other, sha256: undefined }]);
  assert.deepEqual(await driversOf(`{url: "https://a/b.git", commit: "${other}"}`), [
    { url: "https://a/b.git", commit: other, sha256: undefined },
  ]);
  assert.deepEqual(await driversOf(`{url: "https://a/b", sha256: "${hash}"}`), [
    { url: "https://a/b", commit: undefined, sha256: hash },
  ]);
});

Deno.test("a configuration cannot be changed", async () => {
  const { config } = await loadConfig("", "f");
  assert.ok(
    Object.isFrozen(config) && Object.isFrozen(config.initrd.packing.excludePaths) && Object.isFrozen(config.boot),
  );
});

Deno.test("a network is passed on from some cards to others, when both are named", async () => {
  const macs = ['"AA:BB:CC:DD:EE:01"', '"AA:BB:CC:DD:EE:02"'];
  const write = (from: string, to: string): string => `server:\n  pass-on-from: [${from}]\n  pass-on-to: [${to}]\n`;
  const { config: { server } } = await loadConfig(write(macs[0] ?? "", macs[1] ?? ""), "f");
  assert.deepEqual(server.passOn, { from: ["aa:bb:cc:dd:ee:01"], to: ["aa:bb:cc:dd:ee:02"] });
  assert.equal((await loadConfig("server: {}\n", "f")).config.server.passOn, undefined);
  const cases: readonly (readonly [string, RegExp])[] = [
    [write(macs[0] ?? "", ""), /pass-on-from: .*wanted at least one address in "pass-on-to"/],
    [write("", macs[0] ?? ""), /pass-on-to: .*wanted at least one address in "pass-on-from"/],
    [write(macs.join(), (macs[1] ?? "").toLowerCase()), /pass-on-to: .*wanted other cards than in "pass-on-from"/],
    [
      `${write(macs[0] ?? "", macs[1] ?? "")}netboot: {links: [${macs[1]}]}\n`,
      /pass-on-to: .*wanted other cards than in "netboot.links"/,
    ],
  ];
  for (const [text, words] of cases) assert.match((await diagnoseAsText(text)).join("\n"), words, text);
});

Deno.test("a VLAN goes with no card that starts desktops by itself or passes a network on", async () => {
  const vlan = "network: {vlan: 20}\n";
  assert.deepEqual((await loadConfig(vlan, "f")).config.network, { vlan: 20 });
  assert.deepEqual((await loadConfig("network: {}\n", "f")).config.network, {});
  const cards = ['"aa:bb:cc:dd:ee:01"', '"aa:bb:cc:dd:ee:02"'];
  const cases: readonly (readonly [string, RegExp])[] = [
    [`netboot: {links: [${cards[0]}]}\n`, /network.vlan: found 20, wanted no VLAN where "netboot.links" has cards/],
    [
      `server: {pass-on-from: [${cards[0]}], pass-on-to: [${cards[1]}]}\n`,
      /network.vlan: found 20, wanted no VLAN where "server.pass-on-to" has cards/,
    ],
  ];
  for (const [text, words] of cases) assert.match((await diagnoseAsText(vlan + text)).join("\n"), words, text);
});
