/** No text whatever makes the loader fail in another way than by a ConfigError. */

import assert from "node:assert/strict";
import * as fc from "fast-check";
import { ConfigError } from "./diagnostics.ts";
import { loadConfig } from "./load_config.ts";
import { listKeys } from "./schema_keys.ts";
import { configSchema } from "./schema.ts";

const example = await Deno.readTextFile(new URL("../../config-example.yaml", import.meta.url));
const original = await Deno.readTextFile(new URL("../../tests/fixtures/config/as-original.yaml", import.meta.url));
const SEED = 20;

async function assertLoadsOrComplains(text: string): Promise<void> {
  try {
    await loadConfig(text, "f");
  } catch (error) {
    // The words are made only when they are needed: a stack takes longer than the loader.
    if (!(error instanceof ConfigError)) {
      throw new Error(`Not refused, but broken: ${JSON.stringify(text)}`, { cause: error });
    }
    if (error.diagnostics.every(({ line, column }) => line >= 1 && column >= 1)) return;
    assert.fail(`Not a place in the file: ${JSON.stringify(text)}`);
  }
}

async function holdsFor(texts: fc.Arbitrary<string>, numRuns: number): Promise<void> {
  await fc.assert(fc.asyncProperty(texts, assertLoadsOrComplains), { numRuns, seed: SEED });
}

const yamlWords = fc.constantFrom(
  ..."a: |- |\n|: |[|]|{|}|,|? |# |& |*a|&a |!|!!str |!!set |!!omap |!!binary |%YAML 1.2\n|---\n|...\n|'|\"|>\n|~|<<: |\t|  |\r\n|\uFEFF|0x1|1e9|2001-01-01|11:11:11|=|yes|\0|\u2028|\\"
    .split("|"),
  "|",
  "|\n",
  ...listKeys(configSchema).flatMap(({ path }) => path.split(".")).map((name) => `${name}: `),
);

Deno.test("any text", () => holdsFor(fc.string({ unit: "binary", maxLength: 200 }), 1000));
Deno.test("any line of YAML's own characters and our keys", () =>
  holdsFor(fc.array(yamlWords, { maxLength: 40 }).map((words) => words.join("")), 3000));

Deno.test("any value for any key", () => {
  const path = fc.constantFrom(...listKeys(configSchema).map((key) => key.path.split(".")));
  const value = fc.json({ maxDepth: 3 });
  const file = fc.array(fc.tuple(path, fc.nat(3), value), { maxLength: 6 }).map((entries) =>
    entries.map(([names, depth, text]) =>
      names.slice(0, depth + 1).reduceRight((inner, name) => `{ "${name}": ${inner} }`, text).slice(1, -1)
    ).join(",")
  ).map((body) => `{${body}}`);
  return holdsFor(file, 2000);
});

Deno.test("a real file with a few characters changed", () => {
  const change = fc.record({
    at: fc.nat(Math.max(example.length, original.length)),
    drop: fc.nat(20),
    add: fc.oneof(yamlWords, fc.string({ maxLength: 3 })),
  });
  const text = fc.tuple(fc.constantFrom(example, original), fc.array(change, { minLength: 1, maxLength: 4 })).map((
    [start, changes],
  ) => changes.reduce((text, { at, drop, add }) => text.slice(0, at) + add + text.slice(at + drop), start));
  return holdsFor(text, 1000);
});

Deno.test("a file cut anywhere", async () => {
  for (let end = 0; end < original.length; end += 7) await assertLoadsOrComplains(original.slice(0, end));
});

Deno.test("files that are deep, wide, repeated or endless end soon", async () => {
  const bomb = `a: &a [${"x,".repeat(9)}]\n` +
    ["b", "c", "d", "e", "f"].map((name, index) => `${name}: &${name} [${`*${"abcde"[index]},`.repeat(9)}]\n`).join("");
  const merges = `a: &a {k: 1}\n` +
    Array.from(
      { length: 40 },
      (_, index) => `m${index}: &m${index} {<<: [${index === 0 ? "*a" : `*m${index - 1}, *m${index - 1}`}]}\n`,
    ).join("");
  const texts = [
    "[".repeat(100_000),
    "{a: ".repeat(30_000),
    "- ".repeat(20_000),
    "? ".repeat(60_000),
    "a: ".repeat(40_000),
    "&a ".repeat(40_000),
    `- &a x\n${"- *a\n".repeat(25_000)}`,
    "x: &a [*a]",
    "boot: &a {part: *a}",
    "<<: *a",
    "a: *nothing",
    bomb,
    merges,
    `modules: [${"base,".repeat(20_000)}]`,
    `boot: {disk: "${"x".repeat(100_000)}"}`,
    "x".repeat(1_000_000),
  ];
  for (const text of texts) await assertLoadsOrComplains(text);
});
