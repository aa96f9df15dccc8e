import assert from "node:assert/strict";
import { distributions } from "../distro/detect_distribution.ts";
import { transportNames, transportNeeds } from "../export/needs.ts";
import {
  chooseTransports,
  commonPrograms,
  initramfsNeeds,
  listedTransports,
  parseNeeds,
  transportModules,
  transportPrograms,
  vlanModule,
} from "./needs.ts";

const host = new URL("../../image/host/", import.meta.url);
const ours = "usr/lib/stiefelsystem/";
const readHost = (path: string): Promise<string> => Deno.readTextFile(new URL(path, host));
const listNames = (directory: string): readonly string[] =>
  [...Deno.readDirSync(new URL(directory, host))].map(({ name }) => name).sort();

const kinds = {
  purposes: /^(attach|link|keyboard|systemd|initramfs-tools|tunnel|disk\/[a-z0-9-]+)$/,
  kinds: /^(program|tool|file|rules|modprobe|drivers|module|unit|drop-in|masked|without)$/,
};

Deno.test("a line of the list names a purpose, a kind, a name, and maybe more", () => {
  assert.deepEqual(parseNeeds("# head\n\nattach program ip\ndisk/x module y CONFIG_Y\nsystemd drop-in a b c\n"), [
    { purpose: "attach", kind: "program", name: "ip", more: "" },
    { purpose: "disk/x", kind: "module", name: "y", more: "CONFIG_Y" },
    { purpose: "systemd", kind: "drop-in", name: "a", more: "b c" },
  ]);
});

Deno.test("the list has no other words than its head says, and nothing twice", async () => {
  const text = await readHost(`generic/${ours}needs`);
  const head = text.slice(0, text.indexOf("\n\n"));
  for (const { purpose, kind, name } of initramfsNeeds) {
    assert.match(purpose, kinds.purposes);
    assert.match(kind, kinds.kinds);
    assert.match(name, /^[A-Za-z0-9@._\/-]+$/);
    assert.match(head, new RegExp(`^# .{6}${purpose.replace(/\/.*/, "/NAME")} `, "m"));
    assert.match(head, new RegExp(`^# .{6}${kind} `, "m"));
  }
  const lines = initramfsNeeds.map(({ purpose, kind, name, more }) => `${purpose} ${kind} ${name} ${more}`);
  assert.deepEqual(lines.filter((line, index) => lines.indexOf(line) !== index), []);
});

Deno.test("every file that the list names is installed, and every part of stiefel-attach is named", () => {
  const named = (wanted: readonly string[]): readonly string[] =>
    initramfsNeeds.filter(({ kind }) => wanted.includes(kind)).map(({ name }) => name).sort();
  const generic = [
    ...listNames(`generic/${ours}`),
    ...listNames(`generic/${ours}attach/`).map((name) => `attach/${name}`),
  ];
  const files = named(["file", "rules", "modprobe"]);
  assert.deepEqual(files.filter((name) => !generic.includes(name)), []);
  assert.deepEqual(
    files.filter((name) => name.startsWith("attach/")),
    generic.filter((name) => name.startsWith("attach/")),
  );
  assert.deepEqual(named(["unit", "drop-in"]), listNames(`initramfs-units/${ours}`));
});

Deno.test("each transport has its lines, its shell file, and packages in every distribution", () => {
  assert.deepEqual(listedTransports(), transportNames);
  assert.deepEqual(
    listNames(`generic/${ours}attach/`).filter((name) => name.startsWith("disk-")),
    transportNames.map((name) => `disk-${name}.sh`).sort(),
  );
  for (const name of transportNames) {
    assert.ok(initramfsNeeds.some((need) => need.purpose === `disk/${name}` && need.name === `attach/disk-${name}.sh`));
    for (const { option } of transportModules(name)) assert.match(option, /^CONFIG_[A-Z0-9_]+$/);
    for (const { id, packages } of distributions) {
      for (const program of transportPrograms(name)) assert.ok(packages[program], `${id}: ${program}`);
    }
  }
});

Deno.test("each program that every desktop needs has its package in every distribution: no program is none", () => {
  for (const { id, packages } of distributions) {
    for (const program of [...commonPrograms(), "kexec"]) assert.ok(packages[program], `${id}: ${program}`);
  }
});

Deno.test("what other files write out of a transport is what it has", async () => {
  const rules = await readHost(`generic/${ours}59-stiefelsystem.rules`);
  const pacman = await readHost("pacman/etc/pacman.d/hooks/95-stiefelsystem.hook");
  const dracut = await readHost("dracut-own/etc/dracut.conf.d/zzz-stiefelsystem.conf");
  for (const { name, desktop: { device, builtWith } } of transportNeeds) {
    assert.match(rules, new RegExp(`KERNEL=="[^"]*\\b${device.slice("/dev/".length)}`));
    const programs = transportPrograms(name);
    for (const program of programs) assert.ok(pacman.includes(`Target = usr/bin/${program}\n`), program);
    if (builtWith !== undefined) assert.ok(programs.includes(builtWith.program));
  }
  for (const { name, more } of initramfsNeeds.filter(({ kind }) => kind === "without")) {
    if (name === "dracut") assert.ok(dracut.includes(`omit_dracutmodules+=" ${more} "`), more);
  }
});

Deno.test("what doctor asks of a kernel for a VLAN is in the list", () => {
  const line = initramfsNeeds.find(({ name }) => name === vlanModule);
  assert.deepEqual([line?.purpose, line?.kind], ["link", "module"]);
});

Deno.test("the programs that stiefel-attach names are those of the list", async () => {
  const text = await readHost(`generic/${ours}stiefel-attach`);
  const [, words = ""] = /^# Programs: ((?:.*\n# )*?.*)\. Runs under/m.exec(text) ?? [];
  for (const program of ["ip", "modprobe", "udevadm", "timeout", "mkdir", "mkfifo", "mv", "sleep", "ln", "mount"]) {
    assert.match(words, new RegExp(`\\b${program}\\b`));
    assert.ok(commonPrograms().includes(program), program);
  }
});

Deno.test("all of one transport is enough; where there is none, the first says what it lacks", () => {
  const lacks: Readonly<Record<string, readonly string[]>> = { a: ["x", "y"], b: [], c: ["z"] };
  const choose = (...names: readonly string[]) => chooseTransports(names, (name) => lacks[name] ?? []);
  assert.deepEqual(choose("a", "b"), { usable: ["b"], lacking: [] });
  assert.deepEqual(choose("a", "c"), { usable: [], lacking: ["x", "y"] });
  assert.deepEqual(choose("c", "a"), { usable: [], lacking: ["z"] });
  assert.deepEqual(choose("b"), { usable: ["b"], lacking: [] });
  assert.deepEqual(choose(), { usable: [], lacking: [] });
});
