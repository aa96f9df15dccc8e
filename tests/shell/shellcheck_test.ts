/** Every shell script we put onto a machine passes shellcheck as POSIX sh and parses under both shells it may meet. */

import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { runProgram, SHELLS } from "./shell_rig.ts";

const image = fileURLToPath(new URL("../../image/", import.meta.url));

function* walk(folder: string): Generator<string> {
  for (const entry of Deno.readDirSync(folder)) {
    const path = `${folder}${entry.name}`;
    if (entry.isDirectory) yield* walk(`${path}/`);
    else if (entry.isFile) yield path;
  }
}

const scripts = [...walk(image)].filter((path) => Deno.readTextFileSync(path).startsWith("#!/bin/sh")).sort();
const bashScripts = [...walk(image)]
  .filter((path) => /^#!.*\bbash\b|^# shellcheck shell=bash$/m.test(Deno.readTextFileSync(path))).sort();

Deno.test("there are shell scripts to check", () => {
  assert.ok(scripts.some((path) => path.endsWith("/stiefel-attach")));
});

Deno.test("nothing of ours runs under bash but what is sourced by programs written in it", () => {
  assert.deepEqual(
    bashScripts.map((path) => path.slice(image.length)).filter((path) => !path.startsWith("demo/")),
    [
      "host/dracut-own/etc/dracut.conf.d/zzz-stiefelsystem.conf",
      "host/dracut-own/usr/lib/dracut/modules.d/99stiefelsystem-own/module-setup.sh",
      "host/dracut/usr/lib/dracut/modules.d/95stiefelsystem/module-setup.sh",
      "host/mkinitcpio-own/etc/initcpio/install/autodetect",
      "host/mkinitcpio/etc/initcpio/install/stiefelsystem",
      "host/mkinitcpio/etc/initcpio/install/stiefelsystem-check",
      "host/mkinitcpio/etc/stiefelsystem/mkinitcpio.conf",
    ],
  );
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
