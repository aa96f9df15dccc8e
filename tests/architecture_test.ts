/** The rules of the house (doc/architecture.md), checked over every source file. */

import assert from "node:assert/strict";
import { STIEFEL_LINK_NAME } from "../lib/protocol/session.ts";
import { imagePath, standardPath } from "../lib/system/system.ts";
import { findMissingFiles, readProjectTexts } from "./support/named_files.ts";
import { codeOnly, projectRoot, readSources, type SourceFile } from "./support/source_tree.ts";
import { findUnusedExports } from "./support/unused_exports.ts";

const sources = await readSources();
const product = sources.filter((file) => !file.path.startsWith("tests/") && !file.path.endsWith("_test.ts"));
const byPath = new Map(sources.map((file) => [file.path, file]));

/** Nothing may be found; the message lists what was. */
function assertNone(found: readonly string[], rule: string): void {
  assert.deepEqual(found, [], `${rule}:\n${found.join("\n")}\n`);
}

/** "lib/system" for "lib/system/real.ts", "agents" for agents, "" for main.ts. */
function folderOf(path: string): string {
  const [first = "", second = "", third] = path.split("/");
  return first === "lib" && third !== undefined
    ? `${first}/${second}`
    : first === "lib" || first === "main.ts"
    ? ""
    : first;
}

/** Everything a file needs, directly or not. */
function closure(start: SourceFile): ReadonlySet<string> {
  const seen = new Set<string>();
  const queue = [start.path];
  for (let path = queue.pop(); path !== undefined; path = queue.pop()) {
    if (seen.has(path)) continue;
    seen.add(path);
    queue.push(...byPath.get(path)?.imports ?? []);
  }
  return seen;
}

Deno.test("the runtime is touched only in entry points, the two I/O boundaries and the terminal ui", () => {
  const allowed =
    /^(main\.ts|agents\/[a-z]+\/(main|program)\.ts|lib\/(system|net)\/.*|lib\/cli\/terminal_(ui|pager)\.ts)$/;
  // `Deno.errors.X` in an instanceof is a type, not I/O.
  const found = product.filter((file) => !allowed.test(file.path))
    .filter((file) => /\bDeno\.(?!errors\.)/.test(codeOnly(file.text)));
  assertNone(found.map((file) => file.path), 'Files that use "Deno." but are no boundary');
});

Deno.test("what decides is free of I/O: protocol, formats, config, distro and initramfs import no boundary", () => {
  const pure = ["lib/protocol", "lib/formats", "lib/config", "lib/distro", "lib/initramfs"];
  const allowed = new Set([...pure, ""]);
  // What each transport needs is data, and imports nothing but data.
  const needs = /^lib\/export\/([a-z_]+\/)?needs\.ts$/;
  const isPure = ({ path }: SourceFile): boolean => pure.includes(folderOf(path)) || needs.test(path);
  const found = product.filter(isPure).flatMap((file) =>
    file.imports.filter((target) => byPath.has(target) && !allowed.has(folderOf(target)) && !needs.test(target))
      .map((target) => `${file.path} imports ${target}`)
  );
  assertNone(found, "Imports out of pure folders");
});

Deno.test("the parsers of boot loaders open nothing: they import no boundary and nothing that opens a partition", () => {
  const allowed = /^lib\/(boot\/menu\/[^/]+|formats\/[^/]+|[^/]+\.ts)$/;
  const found = product.filter((file) => file.path.startsWith("lib/boot/menu/")).flatMap((file) =>
    file.imports.filter((target) => byPath.has(target) && !allowed.test(target))
      .map((target) => `${file.path} imports ${target}`)
  );
  assertNone(found, "Imports out of lib/boot/menu");
});

Deno.test("looking at a disk knows nothing of starting from it, nor of lending it", () => {
  const allowed = /^lib\/(disk\/[^/]+|system\/[^/]+|formats\/[^/]+|(?:errors|format_bytes)\.ts)$/;
  const found = product.filter((file) => file.path.startsWith("lib/disk/")).flatMap((file) =>
    file.imports.filter((target) => byPath.has(target) && !allowed.test(target))
      .map((target) => `${file.path} imports ${target}`)
  );
  assertNone(found, "Imports out of lib/disk");
});

Deno.test("a transport is known in its own folder, in the tables of transports, and in data", () => {
  const data = [
    "lib/export/export.ts",
    "lib/export/needs.ts",
    // what laptops have that were set up before there was a choice
    "lib/export/choose_transport.ts",
    // the fields of a session
    "lib/protocol/session_groups.ts",
    // names of packages, of modules of the configuration, of the kernel's devices, of words of the kernel command line
    "lib/debian/program_packages.ts",
    "lib/config/module_catalog.ts",
    "lib/disk/decide_disk.ts",
    "lib/formats/kernel_command_line.ts",
    "lib/media/device_refusals.ts",
    // what the bench compares all of them with
    "lib/qemu/stream_source.ts",
  ];
  const found = product.filter(({ path, text }) =>
    /nbd/i.test(text) && !/^lib\/(export\/nbd|distro)\//.test(path) && !data.includes(path)
  );
  assertNone(found.map(({ path }) => path), "Files that know NBD");
  assertNone(data.filter((path) => !/nbd/i.test(byPath.get(path)?.text ?? "")), "Files that know it no more");
});

Deno.test("on the laptop, too, a transport is known in one shell file and in data", () => {
  const home = "image/host/generic/usr/lib/stiefelsystem/attach/disk-nbd.sh";
  const data = [
    "image/host/generic/usr/lib/stiefelsystem/needs",
    // names of devices, of words of the kernel command line, of what a package owns, of a module of dracut
    "image/host/generic/usr/lib/stiefelsystem/59-stiefelsystem.rules",
    "image/host/generic/usr/lib/stiefelsystem/stiefel-laptop",
    "image/host/pacman/etc/pacman.d/hooks/95-stiefelsystem.hook",
    "image/host/dracut-own/etc/dracut.conf.d/zzz-stiefelsystem.conf",
  ];
  const knowing = texts.filter(({ path, text }) => path.startsWith("image/host/") && /nbd/i.test(text));
  assert.deepEqual(knowing.map(({ path }) => path).sort(), [home, ...data].sort());
});

Deno.test("agents carry nothing of the command line tool", () => {
  const forbidden = new Set(["lib/config", "lib/host", "lib/image", "lib/media", "lib/qemu", "lib/cli"]);
  const found = product.filter((file) => file.path.startsWith("agents/")).flatMap((file) =>
    [...closure(file)].filter((target) => forbidden.has(folderOf(target))).map((target) =>
      `${file.path} needs ${target}`
    )
  );
  assertNone(found, "Agents that reach into the tool");
});

Deno.test("agents load no module of Node when they start", () => {
  const parts = new Set(
    product.filter((file) => file.path.startsWith("agents/")).flatMap((file) => [...closure(file)]),
  );
  const found = product.filter((file) => parts.has(file.path)).filter(({ text }) =>
    // A look at `process` loads as much; the linter sees it, but not as a property of the global object.
    /^(?:import|export) (?!type )[^;]*from "node:/m.test(text) || /\bglobalThis\b/.test(codeOnly(text))
  );
  assertNone(found.map((file) => file.path), "Parts of agents that load modules of Node");
});

Deno.test("changing a host and building an image know nothing of each other, nor of the command line", () => {
  const forbidden: Record<string, readonly string[]> = {
    "lib/host": ["lib/image", "lib/cli"],
    "lib/image": ["lib/host", "lib/cli"],
    "lib/boot": ["lib/cli", "lib/config", "lib/host", "lib/image"],
    "lib/disk": ["lib/boot", "lib/cli", "lib/config", "lib/export", "lib/host", "lib/image"],
    "lib/export": ["lib/boot", "lib/cli", "lib/config", "lib/host", "lib/image"],
    "lib/media": ["lib/cli", "lib/config", "lib/host"],
    "lib/net": ["lib/cli", "lib/config", "lib/host", "lib/image"],
    "lib/restart": ["lib/cli", "lib/config", "lib/host", "lib/image"],
    "lib/system": ["lib/cli", "lib/config", "lib/host", "lib/image", "lib/net", "lib/protocol"],
  };
  const found = product.flatMap((file) =>
    file.imports.filter((target) => forbidden[folderOf(file.path)]?.includes(folderOf(target)))
      .map((target) => `${file.path} imports ${target}`)
  );
  assertNone(found, "Imports across the house's walls");
});

Deno.test("product code imports no test code, and no file imports itself by a detour", () => {
  const intoTests = product.flatMap((file) =>
    file.imports.filter((target) => target.startsWith("tests/") || target.endsWith("_test.ts"))
      .map((target) => `${file.path} imports ${target}`)
  );
  assertNone(intoTests, "Product code that needs tests");
  const cycles = product.filter((file) =>
    file.imports.some((target) => {
      const next = byPath.get(target);
      return next !== undefined && closure(next).has(file.path);
    })
  );
  assertNone(cycles.map((file) => file.path), "Files in an import cycle");
});

Deno.test("no two folders import each other, directly or by a detour", () => {
  // A file that lies in lib/ itself counts for itself.
  const place = (path: string): string =>
    /^lib\/[^/]+$|^main\.ts$/.test(path) ? path : /^(?:agents|lib)\/[^/]+/.exec(path)?.[0] ?? path;
  const needs = new Map<string, Map<string, string>>();
  for (const file of product) {
    const from = place(file.path);
    for (const target of file.imports.filter((one) => byPath.has(one))) {
      const to = place(target);
      if (from === to) continue;
      const targets = needs.get(from) ?? new Map<string, string>();
      needs.set(from, targets.set(to, targets.get(to) ?? `${file.path} imports ${target}`));
    }
  }
  const reaches = (from: string, to: string, seen = new Set<string>()): boolean =>
    [...needs.get(from)?.keys() ?? []].some((next) =>
      next === to || (!seen.has(next) && reaches(next, to, seen.add(next)))
    );
  const found = [...needs].flatMap(([from, targets]) =>
    [...targets].filter(([to]) => reaches(to, from)).map(([, example]) => example)
  );
  assertNone(found, "Imports between folders that need each other");
});

Deno.test("what is exported is needed by another file of the product, or said to be for tests", () => {
  assertNone(findUnusedExports(sources), 'Exports to take back, to remove, or to mark with "For tests"');
});

Deno.test("each library has one home", () => {
  const homes: Record<string, RegExp> = {
    yaml: /^lib\/config\/parse\.ts$/,
    commander: /^(main\.ts|lib\/cli\/.*)$/,
    "@commander-js/extra-typings": /^(main\.ts|lib\/cli\/.*)$/,
    "fast-check": /_test\.ts$/,
  };
  const found = sources.flatMap((file) =>
    file.imports.filter((target) => homes[target] !== undefined && !homes[target]?.test(file.path))
      .map((target) => `${file.path} imports ${target}`)
  );
  assertNone(found, "Libraries used outside their home");
});

const denoJson = JSON.parse(await Deno.readTextFile(`${projectRoot}deno.json`));
const tasks = Object.entries<string | { command: string }>(denoJson.tasks ?? {})
  .map(([name, task]) => [name, typeof task === "string" ? task : task.command] as const);

Deno.test("no task is granted everything", () => {
  assertNone(
    tasks.filter(([, command]) => /(^|\s)(-A|--allow-all)(\s|$)/.test(command)).map(([name]) => name),
    "Tasks with -A",
  );
  const blanketRun = tasks.filter(([, command]) => /--allow-run(\s|$)/.test(command)).map(([name]) => name);
  assertNone(blanketRun, "Tasks that may run any program");
  const sets = Object.entries<Record<string, unknown>>(denoJson.permissions);
  assertNone(
    sets.filter(([, { all, run, ffi }]) => all !== undefined || run === true || ffi !== undefined).map(([name]) =>
      name
    ),
    "Sets of permissions without a bound",
  );
  const taken = tasks.flatMap(([, command]) => [...command.matchAll(/ -P=(\w+)/g)].map(([, name]) => name));
  assert.deepEqual(taken.toSorted(), sets.map(([name]) => name));
});

Deno.test("what a task prints before its own words fits into a line", () => {
  assertNone(
    tasks.map(([name, command]) => `Task ${name} ${command}`).filter((line) => line.length > 80),
    "Tasks whose command is longer than a line: a set of permissions, a group of tests or another task shortens it",
  );
});

Deno.test("P3: no path is cut out of a URL, where blanks and umlauts are written as %20 and %C3%BC", () => {
  const cut = /import\.meta\.url\b[^;]*?\)\s*\.pathname|new URL\([^;]*?`file:[^;]*?\)\s*\.pathname|`file:\/\/\$\{/;
  const found = sources.filter(({ path, text }) => path !== "tests/architecture_test.ts" && cut.test(text));
  assertNone(found.map((file) => file.path), "Files that take the path of a file URL without fileURLToPath");
});

Deno.test("dependencies are pinned exactly", () => {
  const loose = Object.entries<string>(denoJson.imports).filter(([, target]) => !/^npm:.+@\d+\.\d+\.\d+$/.test(target));
  assertNone(loose.map(([name]) => name), "Dependencies without an exact version");
});

Deno.test("every dependency is used", () => {
  // commander is what its typings are for: they import it.
  const used = new Set(sources.flatMap(({ imports }) => imports));
  assertNone(
    Object.keys(denoJson.imports).filter((name) => !used.has(name) && name !== "commander"),
    "Dependencies that nothing imports",
  );
});

Deno.test("every module of the house is named in doc/architecture.md", async () => {
  const text = await Deno.readTextFile(`${projectRoot}doc/architecture.md`);
  const folders = new Set(product.map((file) => folderOf(file.path)).filter((folder) => folder.startsWith("lib/")));
  assertNone(
    [...folders].filter((folder) => !text.includes(`${folder.slice(4)}/`)),
    "Folders without a line in doc/architecture.md",
  );
});

Deno.test("each decision has a number of its own, in its name and its title", async () => {
  const names: string[] = [];
  for await (const { name } of Deno.readDir(`${projectRoot}doc/decisions`)) names.push(name);
  const numbers = names.map((name) => name.slice(0, 4));
  assertNone(
    names.filter((name, index) => numbers.indexOf(name.slice(0, 4)) !== index),
    "Decisions with a taken number",
  );
  const titles = await Promise.all(names.map(async (name) => {
    const [title = ""] = (await Deno.readTextFile(`${projectRoot}doc/decisions/${name}`)).split("\n");
    return title.startsWith(`# ${Number(name.slice(0, 4))}. `) ? [] : [`${name}: ${title}`];
  }));
  assertNone(titles.flat(), "Titles without the number of the file");
});

const { texts, paths } = await readProjectTexts();

Deno.test("the changelog has lines of at most 120 columns, and nothing twice", async () => {
  const lines = (await Deno.readTextFile(`${projectRoot}CHANGELOG.md`)).split("\n");
  assertNone(
    lines.filter((line) => [...line].length > 120),
    "Lines of CHANGELOG.md that are too long (a merge brought back old ones? take main's file, add your line at its end)",
  );
  const items = lines.filter((line) => line.startsWith("- "));
  assertNone(items.filter((line, index) => items.indexOf(line) !== index), "Lines of CHANGELOG.md that stand twice");
});

Deno.test("files that comments and documents name are there", () => {
  assertNone(findMissingFiles(texts, paths), "Names of files that are not there");
  const sample = [{
    path: "x",
    text: "See `gone_away.ts`, lib/gone/away.ts, image/gone/stiefel-x, lib/errors.ts, `errors.ts`.",
  }];
  assert.equal(findMissingFiles(sample, paths).length, 3);
});

Deno.test("what a shell script of ours writes out stands once in TypeScript: PATH, and the link's name", () => {
  const scripts = texts.filter(({ path, text }) => path.startsWith("image/") && text.startsWith("#!"));
  const allowed: readonly string[] = [standardPath, imagePath];
  const found = scripts.flatMap(({ path, text }) =>
    [...text.matchAll(/^\s*(?:export )?PATH=(\S+)/gm)].map(([, value = ""]) => ({ path, value }))
  );
  assert.ok(found.length > 3);
  assertNone(
    found.filter(({ value }) => !allowed.includes(value)).map(({ path, value }) => `${path}: ${value}`),
    "Scripts with another PATH than lib/system/system.ts",
  );
  const links = [...texts.filter(({ path }) => path.startsWith("image/")), ...product].flatMap(({ path, text }) =>
    [...text.matchAll(/\bstiefel\d+\b/g)].filter(([name]) =>
      name !== STIEFEL_LINK_NAME || /^(?:lib|agents)\/.*\.ts$/.test(path)
    )
      .map(([name]) => `${path}: ${name}`)
  );
  assert.deepEqual(
    links,
    [`lib/protocol/session.ts: ${STIEFEL_LINK_NAME}`],
    "The link's name stands in lib/protocol/session.ts alone",
  );
});
