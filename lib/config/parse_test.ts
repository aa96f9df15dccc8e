import assert from "node:assert/strict";
import { MAX_TEXT_LENGTH, parseYaml, type YamlNode } from "./parse.ts";

/** A tree as plain values. */
function plain(node: YamlNode | undefined): unknown {
  if (node?.kind === "map") return Object.fromEntries(node.entries.map(({ key, value }) => [key, plain(value)]));
  if (node?.kind === "list") return node.items.map(plain);
  return typeof node?.value === "symbol" ? String(node.value) : node?.value;
}

async function parsePlain(text: string): Promise<unknown> {
  const { root, problems } = await parseYaml(text);
  assert.deepEqual(problems, [], text);
  return plain(root);
}

async function complain(text: string): Promise<readonly string[]> {
  return (await parseYaml(text)).problems.map(({ position, found, wanted }) =>
    `${position.line}:${position.column}: ${found} | ${wanted}`
  );
}

Deno.test("values are read as YAML 1.1 reads them", async () => {
  assert.deepEqual(await parsePlain("a: yes\nb: No\nc: ON\nd: 0x10\ne: 1:30\nf: '1'\ng: ~\nh: 2001-01-01\ni: 010\n"), {
    a: true,
    b: false,
    c: true,
    d: 16,
    e: 90,
    f: "1",
    g: null,
    h: "Symbol(a date)",
    i: 8,
  });
});

Deno.test("values know their place, also with Windows line ends and a byte order mark", async () => {
  for (const text of ["a:\n  - b: cd\n    e: 'f'\n", "a:\r\n  - b: cd\r\n    e: 'f'\r\n"]) {
    const { root } = await parseYaml(text);
    assert.ok(root?.kind === "map");
    const list = root.entries[0]?.value;
    assert.ok(list?.kind === "list");
    const [item] = list.items;
    assert.ok(item?.kind === "map");
    assert.deepEqual(item.entries.map(({ key, position, value }) => [key, position, value.position]), [
      ["b", { line: 2, column: 5 }, { line: 2, column: 8 }],
      ["e", { line: 3, column: 5 }, { line: 3, column: 8 }],
    ]);
  }
  assert.deepEqual(await parsePlain("\uFEFFa: 1\n"), { a: 1 });
});

Deno.test("an empty value is at its key", async () => {
  const { root } = await parseYaml("a:\n  b:\n");
  assert.ok(root?.kind === "map" && root.entries[0]?.value.kind === "map");
  assert.deepEqual(root.entries[0].value.entries[0]?.value.position, { line: 2, column: 3 });
});

Deno.test("aliases and merged mappings are followed", async () => {
  assert.deepEqual(await parsePlain("a: &a {x: 1, y: 2}\nb: *a\nc: {<<: *a, y: 3}\nd: {<<: [{x: 9}, *a]}\n"), {
    a: { x: 1, y: 2 },
    b: { x: 1, y: 2 },
    c: { x: 1, y: 3 },
    d: { x: 9, y: 2 },
  });
  assert.deepEqual(await parsePlain("'<<': 1"), { "<<": 1 });
});

const PROBLEMS: readonly (readonly [name: string, text: string, said: readonly string[]])[] = [
  ["a tab", "a:\n\tb: 1\n", ["2:1: a tab | blanks for indentation"]],
  ["the same key twice", `a: 1\nb: 2\n"a": 3\n`, [`3:1: the key "a" again | it once (it is in line 1 already)`]],
  ["an open quote", `a: "x\nb: 1\n`, [`3:1: something incomplete (Missing closing \\"quote) | the missing character`]],
  ["a character that starts nothing", "a: @x\n", ["1:4: a character that cannot start a value | the value in quotes"]],
  ["a second document", "a: 1\n---\nb: 2\n", [`2:1: a second document after "---" | one document`]],
  ["an alias of nothing", "a: *b\n", [
    `1:4: an alias "*b" of nothing | the value in quotes when a text starts with "*"`,
  ]],
  ["an alias of itself", "a: &a [*a]\n", [
    "1:8: values nested deeper than 50 levels | a few dozen keys and values, as in config-example.yaml",
  ]],
  ["an unknown tag", "a: !x b\n", ["1:4: an unknown tag | a value without one"]],
  ["a list as a key", "? [a]\n: b\n", ["1:3: a list as a key | a name"]],
  ["something strange to merge", "<<: 3\n", [`1:5: "<<" with "3" | an alias of a mapping`]],
];

for (const [name, text, said] of PROBLEMS) {
  Deno.test(`the message about ${name}`, async () => assert.deepEqual(await complain(text), said));
}

Deno.test("a text that is too long is not parsed", async () => {
  assert.deepEqual(await complain(" ".repeat(MAX_TEXT_LENGTH + 1)), [
    `1:1: ${MAX_TEXT_LENGTH + 1} characters | at most ${MAX_TEXT_LENGTH}`,
  ]);
});
