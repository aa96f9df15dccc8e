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
const bashScripts = [...walk(image)].filter((path) => /^#!.*\bbash\b/.test(Deno.readTextFileSync(path))).sort();

Deno.test("there are shell scripts to check", () => {
  assert.ok(scripts.some((path) => path.endsWith("/stiefel-attach")));
});

Deno.test("only the demo's installed system, which has it, runs bash", () => {
  assert.deepEqual(bashScripts.filter((path) => !path.startsWith(`${image}demo/`)), []);
});

for (const script of bashScripts) {
  Deno.test(`shellcheck finds nothing in ${script.slice(image.length)}`, async () => {
    const { code, stdout } = await runProgram(["shellcheck", script]);
    assert.equal(code, 0, stdout);
  });
}

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
