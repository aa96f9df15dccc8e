/** How documents and comments are written: lines of at most 120 columns, tables and code excepted. */

import assert from "node:assert/strict";
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
