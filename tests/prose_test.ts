/** How documents, messages and comments are written: plain words, links that lead somewhere, lines of 120 columns. */

import assert from "node:assert/strict";
import { dirname, join, normalize } from "node:path/posix";
import { readProjectTexts } from "./support/named_files.ts";
import { hasTest, listNamedTests } from "./support/named_tests.ts";
import { projectRoot, readSources } from "./support/source_tree.ts";

const columns = 120;

async function* listDocuments(directory: string): AsyncGenerator<string> {
  for await (const { name, isDirectory } of Deno.readDir(directory)) {
    if (isDirectory && !/^(\.git|build|node_modules|fixtures)$/.test(name)) {
      yield* listDocuments(`${directory}${name}/`);
    } else if (name.endsWith(".md")) yield directory + name;
  }
}

/** Lines of a document that are prose: no table, no heading, no code, no comment that a generator looks for. */
function proseLines(text: string): readonly string[] {
  let isFenced = false;
  return text.split("\n").filter((line) => {
    if (line.startsWith("```")) isFenced = !isFenced;
    return !isFenced && !/^(```|\||#| {4}|<!--)/.test(line);
  });
}

Deno.test("prose in documents has lines of at most 120 columns", async () => {
  const found: string[] = [];
  for await (const path of listDocuments(projectRoot)) {
    const long = proseLines(await Deno.readTextFile(path)).filter((line) => line.length > columns);
    found.push(...long.map((line) => `${path.slice(projectRoot.length)}: ${line}`));
  }
  assert.deepEqual(found, []);
});

Deno.test("comments in sources have lines of at most 120 columns", async () => {
  const found = (await readSources()).flatMap(({ path, text }) =>
    text.split("\n").filter((line) => line.length > columns && /^\s*(\/\/|\/?\*+ )/.test(line))
      .map((line) => `${path}: ${line}`)
  );
  assert.deepEqual(found, []);
});

Deno.test("comments in scripts have lines of at most 120 columns", async () => {
  const { texts } = await readProjectTexts();
  const scripts = texts.filter(({ path }) => path.startsWith("image/") || path === "stiefelsystem");
  const found = scripts.flatMap(({ path, text }) =>
    text.split("\n").filter((line) => line.length > columns && /^\s*#/.test(line)).map((line) => `${path}: ${line}`)
  );
  assert.ok(scripts.length > 30);
  assert.deepEqual(found, []);
});

/** A sentence says who does what: "doctor reports …", not "it is said". */
const idioms = /\b(?:nobody|whoever|not so|(?:is|are|was|were) (?:said|told)|(?:is|are) none of)\b(?! apart)/i;

Deno.test("messages, comments and documents say who does what", async () => {
  const { texts } = await readProjectTexts();
  const found = texts.filter(({ path }) => !path.startsWith("tests/") && !path.endsWith("_test.ts"))
    .flatMap(({ path, text }) =>
      text.split("\n").filter((line) => idioms.test(line)).map((line) => `${path}: ${line}`)
    );
  assert.deepEqual(found, []);
  assert.match("What is wanted is told to nobody", idioms);
});

Deno.test("the README leads to every page, and doc/hooks.md names every file that goes onto a laptop", async () => {
  const { texts } = await readProjectTexts();
  const textOf = (path: string): string => texts.find((file) => file.path === path)?.text ?? "";
  const pages = texts.filter(({ path }) => /^doc\/[^/]+\.md$/.test(path));
  assert.ok(pages.length > 10);
  assert.deepEqual(pages.filter(({ path }) => !textOf("README.md").includes(`(${path}`)).map(({ path }) => path), []);
  const installed = texts.filter(({ path }) => path.startsWith("image/host/")).map(({ path }) => path);
  assert.ok(installed.length > 40);
  const nameOf = (path: string): string =>
    path.slice(path.lastIndexOf("/") + 1).replace(/^disk-.*\.sh$/, "disk-NAME.sh");
  assert.deepEqual(installed.filter((path) => !textOf("doc/hooks.md").includes(nameOf(path))), []);
});

/** The part of an address behind "#", as GitHub makes it of a heading. */
function anchorOf(heading: string): string {
  return heading.toLowerCase().replaceAll(/[^\p{L}\p{N}_ -]/gu, "").replaceAll(" ", "-");
}

Deno.test("links between documents, and the places that messages name in them, are there", async () => {
  const { texts, paths } = await readProjectTexts();
  const anchors = new Map(
    texts.filter(({ path }) => path.endsWith(".md")).map(({ path, text }) =>
      [path, new Set([...text.matchAll(/^#+ (.+)$/gm)].map(([, heading = ""]) => anchorOf(heading)))] as const
    ),
  );
  const links = texts.flatMap(({ path, text }) => {
    const written = path.endsWith(".md") ? text.matchAll(/\]\((?!https?:)([^)\s#]*)(?:#([^)\s]+))?\)/g) : [];
    const named = text.matchAll(/\b(doc\/[\w/-]+\.md)#([\w-]+)/g);
    return [
      ...[...written].map(([, target = "", anchor]) => ({
        path,
        target: target === "" ? path : normalize(join(dirname(path), target)).replace(/\/$/, ""),
        anchor,
      })),
      ...[...named].map(([, target = "", anchor]) => ({ path, target, anchor })),
    ];
  });
  const isThere = ({ target, anchor }: typeof links[number]): boolean =>
    anchor === undefined
      ? paths.has(target) || [...paths].some((path) => path.startsWith(`${target}/`))
      : anchors.get(target)?.has(anchor) === true;
  assert.ok(links.length > 50);
  assert.deepEqual(links.filter((link) => !isThere(link)), []);
});

Deno.test("each promise of doc/security.md names its tests, and each of them is there", async () => {
  const { texts } = await readProjectTexts();
  const textOf = (path: string): string => texts.find((file) => file.path === path)?.text ?? "";
  const [, promised = ""] = /## What is promised\n(.*?)\n## /s.exec(textOf("doc/security.md")) ?? [];
  const promises = promised.split(/^- /m).slice(1).map((text) => text.split(/\n\n/, 1)[0] ?? "");
  assert.ok(promises.length > 20);
  assert.deepEqual(promises.filter((text) => listNamedTests(text).length === 0), []);
  const tests = promises.flatMap(listNamedTests);
  assert.deepEqual(tests.filter(({ path, name }) => !hasTest(textOf(path), name)), []);

  const source = 'test("a b" +\n  `c ${value} d, whatever it is`, f);\ntest(`${name}`, f); test("say \\"x\\" to all");';
  for (const name of ["a bc 12 d, whatever it is", 'say "x" to all']) assert.ok(hasTest(source, name), name);
  for (const name of ["a bc 12 d", "something else", "a bc  d, whatever it is not"]) assert.ok(!hasTest(source, name));
});
