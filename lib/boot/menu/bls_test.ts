import assert from "node:assert/strict";
import { type BlsFile, isEntryFileName, orderEntries, parseBlsEntry, parseEntryName, splitOptions } from "./bls.ts";
import { matchesGlob } from "./glob.ts";

function file(fileName: string, ...lines: readonly string[]): BlsFile {
  return { fileName, text: ["# a comment", ...lines, ""].join("\n") };
}

function chosen(entries: readonly BlsFile[], loaderConf?: string): string | undefined {
  const listed = entries.map(({ fileName, text }) => ({ ...parseBlsEntry(text), ...parseEntryName(fileName) }));
  return orderEntries(listed, loaderConf).entries[0]?.linux;
}

Deno.test("an entry's fields are read, several initrd and options lines too", () => {
  const text = [
    "# Boot Loader Specification type#1 entry",
    "title\t  Debian GNU/Linux 13 (trixie)",
    "version 6.12.12-amd64",
    "machine-id 0123456789ABCDEF0123456789abcdef",
    "sort-key debian",
    "options root=UUID=1  ro",
    "options quiet",
    "linux   /0123/6.12.12-amd64/linux\r",
    "initrd /ucode.img",
    "initrd /0123/6.12.12-amd64/initrd.img",
    "architecture X64",
    "nonsense",
  ].join("\n");
  assert.deepEqual(parseBlsEntry(text), {
    title: "Debian GNU/Linux 13 (trixie)",
    version: "6.12.12-amd64",
    machineId: "0123456789abcdef0123456789abcdef",
    sortKey: "debian",
    linux: "/0123/6.12.12-amd64/linux",
    initrds: ["/ucode.img", "/0123/6.12.12-amd64/initrd.img"],
    options: "root=UUID=1  ro quiet",
  });
});

const sorted = [
  file("a.conf", "linux /no-sort-key"),
  file("b.conf", "linux /zebra", "sort-key zebra", "version 9"),
  file("c.conf", "linux /debian-old", "sort-key debian", "version 6.9.1", "machine-id aa"),
  file("d.conf", "linux /debian-new", "sort-key debian", "version 6.10.1", "machine-id aa"),
  file("e.conf", "linux /debian-other-machine", "sort-key debian", "version 7", "machine-id bb"),
];

Deno.test("entries are sorted by sort-key, machine and descending version, those without sort-key last", () => {
  const order: string[] = [];
  for (let rest: readonly BlsFile[] = sorted; rest.length > 0;) {
    const next = chosen(rest);
    order.push(next ?? "?");
    rest = rest.filter(({ text }) => !text.includes(`linux ${next}\n`));
  }
  assert.deepEqual(order, ["/debian-new", "/debian-old", "/debian-other-machine", "/zebra", "/no-sort-key"]);
});

Deno.test("without sort-keys the newest file name wins", () => {
  const entries = ["arch-6.9.conf", "arch-6.10.conf", "arch-6.10~rc1.conf"].map((name) => file(name, `linux /${name}`));
  assert.equal(chosen(entries), "/arch-6.10.conf");
});

const defaults: Readonly<Record<string, string>> = {
  "default b.conf": "/zebra",
  "default B*": "/zebra",
  "default\tb": "/zebra",
  "default [ab].conf": "/zebra",
  "timeout 3\ndefault ?.conf": "/debian-new",
  "default nothing*": "/debian-new",
  "default @saved": "/debian-new",
  "#default b.conf": "/debian-new",
  "preferred a.conf\ndefault b.conf": "/no-sort-key",
};
for (const [loaderConf, kernel] of Object.entries(defaults)) {
  Deno.test(`loader.conf ${JSON.stringify(loaderConf)} boots ${kernel}`, () =>
    assert.equal(chosen(sorted, loaderConf), kernel));
}

Deno.test("a default that cannot be followed leaves a notice", () => {
  const notices = (loaderConf: string): readonly string[] =>
    orderEntries(sorted.map(({ fileName }) => parseEntryName(fileName)), loaderConf).notices;
  assert.match(notices("default @saved")[0] ?? "", /kept in the firmware/);
  assert.match(notices("default windows")[0] ?? "", /matches no entry/);
  assert.deepEqual(notices("default b.conf"), []);
  assert.deepEqual(notices("default @unknown"), []);
});

Deno.test("boot counting is no part of the id; an entry with no tries left comes last", () => {
  const entries = [
    file("new+0-3.conf", "linux /new"),
    file("good+3.conf", "linux /good"),
    file("a+1-2.conf", "linux /a"),
  ];
  assert.equal(chosen(entries), "/good");
  assert.equal(chosen(entries, "default a.conf"), "/a");
  assert.equal(chosen(entries, "default new.conf"), "/new");
});

Deno.test("globs are not regular expressions", () => {
  assert.equal(matchesGlob("a.conf", "aXconf"), false);
  assert.equal(matchesGlob("a(b+c$.conf", "a(b+c$.conf"), true);
  assert.equal(matchesGlob("[!a]*.conf", "b1.conf"), true);
  assert.equal(matchesGlob("[z-a].conf", "b.conf"), false);
  assert.equal(matchesGlob("[]x]", "]"), true);
  assert.equal(matchesGlob("\\*", "*") && !matchesGlob("\\*", "x"), true);
  assert.equal(matchesGlob("*a*b*.conf", "xaybz.CONF"), true);
  assert.equal(matchesGlob("a*".repeat(40) + "b", "a".repeat(4000)), false, "at once");
  assert.equal(matchesGlob("*", "x.conf"), true);
});

Deno.test("B8: the firmware's backslashes, several in a row, and quotes around a whole value are taken", () => {
  const text = [
    "title 'Arch Linux'",
    "linux \\EFI\\arch\\\\vmlinuz",
    "initrd \\EFI\\arch//initrd",
    'options "root=UUID=1 quiet"',
    "devicetree \\dtb\\x.dtb",
  ];
  assert.deepEqual(parseBlsEntry(text.join("\n")), {
    title: "Arch Linux",
    linux: "/EFI/arch/vmlinuz",
    initrds: ["/EFI/arch/initrd"],
    options: "root=UUID=1 quiet",
    devicetree: "/dtb/x.dtb",
  });
});

const fileNames: Readonly<Record<string, boolean>> = {
  "arch.conf": true,
  "ARCH.CONF": true,
  ".hidden.conf": false,
  "auto-x.conf": false,
  "AUTO-x.conf": false,
  "autox.conf": true,
  "arch.conf.old": false,
  "arch.txt": false,
};
for (const [name, isRead] of Object.entries(fileNames)) {
  Deno.test(`B9: systemd-boot ${isRead ? "reads" : "passes over"} ${name}`, () =>
    assert.equal(isEntryFileName(name), isRead));
}

Deno.test("an entry for another processor, or one that starts two things, is not listed", () => {
  const isIgnored = (text: string): boolean => parseBlsEntry(text).isIgnored ?? false;
  assert.deepEqual(
    ["linux /a\narchitecture X64", "linux /a\narchitecture aa64", "linux /a\nefi /b", "linux /a\nlinux /b"].map(
      isIgnored,
    ),
    [false, true, true, false],
  );
  assert.equal(parseBlsEntry("linux /a\nlinux /b").linux, "/b", "of two the last one counts");
});

Deno.test("B15: initramfs files of the options are files, not parameters", () => {
  assert.deepEqual(splitOptions("initrd=\\initrd-a root=UUID=1  initrd=/b ro"), {
    commandLine: "root=UUID=1 ro",
    initrds: ["/initrd-a", "/b"],
  });
});
