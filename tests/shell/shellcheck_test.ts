/** Every shell script we put onto a machine passes shellcheck as POSIX sh and parses under both shells it may meet. */

import assert from "node:assert/strict";
import { runProgram, SHELLS } from "./shell_rig.ts";

const image = new URL("../../image/", import.meta.url).pathname;

function* walk(folder: string): Generator<string> {
  for (const entry of Deno.readDirSync(folder)) {
    const path = `${folder}${entry.name}`;
    if (entry.isDirectory) yield* walk(`${path}/`);
    else if (entry.isFile) yield path;
  }
}

const scripts = [...walk(image)].filter((path) => Deno.readTextFileSync(path).startsWith("#!/bin/sh")).sort();

Deno.test("there are shell scripts to check", () => {
  assert.ok(scripts.some((path) => path.endsWith("/stiefel-attach")));
});

Deno.test("no shell script below image/ is for another shell than sh", () => {
  const others = [...walk(image)].filter((path) => /^#!.*(bash|zsh|ksh)\b/.test(Deno.readTextFileSync(path)));
  assert.deepEqual(others, []);
});

for (const script of scripts) {
  const name = script.slice(image.length);
  Deno.test(`shellcheck finds nothing in ${name}`, async () => {
    const { code, stdout } = await runProgram(["shellcheck", "--shell=sh", script]);
    assert.equal(code, 0, stdout);
  });
  for (const shell of SHELLS) {
    Deno.test(`${shell.join(" ")} parses ${name}`, async () => {
      const { code, stderr } = await runProgram([...shell, "-n", script]);
      assert.equal(code, 0, stderr);
    });
  }
}
