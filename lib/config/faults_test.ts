/** P14: faults that people make in a file, and all that they read about each. `UPDATE_GOLDEN=1` rewrites the texts. */

import assert from "node:assert/strict";
import { UserError } from "../errors.ts";
import { readConfigFile } from "../config_file.ts";
import { createMemorySystem } from "../../tests/support/memory_system.ts";
import { formatDiagnostic } from "./diagnostics.ts";

const golden = new URL("../../tests/golden/config_faults.txt", import.meta.url);

const latin1 = (text: string): Uint8Array => Uint8Array.from(text, (character) => character.charCodeAt(0));

const files: readonly (readonly [name: string, content: string | Uint8Array])[] = [
  ["a list without its bracket", "# the image\nmodules: [base, i915\nboot:\n  disk: /dev/sda\n"],
  ["a list without its bracket at the end", "modules: [base, i915\n"],
  ["a list over several lines without its bracket", "modules: [\n  base,\n  i915,\nserver:\n  name: laptop\n"],
  ["a list with the wrong bracket", "modules: [base, i915}\nboot:\n  disk: /dev/sda\n"],
  ["a list that was never opened", "modules: base, i915]\n"],
  ["a mapping without its brace", "boot:\n  part: {type: plain, block: /dev/sda1\nautokexec:\n  broadcast: false\n"],
  ["a quote that is not closed", 'server:\n  name: "laptop\nautokexec:\n  broadcast: false\n'],
  ["a password's quote that is not closed", 'initrd:\n  password: "geheim\nautokexec:\n  broadcast: "no"\n'],
  ["an apostrophe", "server:\n  name: 'Anna's laptop'\n"],
  ["half a second", "autokexec:\n  countdown_s: 2.5\n"],
  ["a number in quotes", 'autokexec:\n  countdown_s: "10"\n'],
  ["no blank after a colon", "server:\n  name:laptop\n"],
  ["no blank after a colon, another key below", "server:\n  name:laptop\n  on-end: wait\n"],
  ["no blank after the colon of a group", "server:{name: laptop}\nimage:\n  suite: sid\n"],
  ["no blank after a password's colon", "initrd:\n  password:geheim\n"],
  ["no blank after a dash", "modules:\n  - base\n  -i915\n"],
  ["a colon in a text", "server:\n  name: Anna: laptop\n"],
  ["a user's module without a source", "modules: [base, i915, mydriver]\n"],
  ["a tab as indentation", "server:\n\tname: laptop\n"],
  ["a tab after blanks", "server:\n  on-end: wait\n \tname: laptop\n"],
  ["a key twice", "server:\n  name: a\n  name: b\n"],
  ["a group twice", "server:\n  name: a\nboot:\n  disk: /dev/sda\nserver:\n  on-end: wait\n"],
  ["a mark at the start of the file", "\ufeffserver:\n  name: 5\n"],
  ["Windows' line ends", "server:\r\n  name: laptop\r\n  on-end: wiat\r\n"],
  ["a truth value in quotes", 'autokexec:\n  broadcast: "no"\n'],
  ["a number as a truth value", "autokexec:\n  broadcast: 0\n"],
  ["a name that YAML takes for a truth value", "server:\n  name: on\n"],
  ["a name that YAML takes for a date", "server:\n  name: 2024-01-01\n"],
  ["an anchor that is not there", "modules: *all\n"],
  ["too many blanks", "server:\n  on-end: wait\n   name: laptop\n"],
  ["too few blanks", "server:\n    on-end: wait\n  name: laptop\n"],
  ["a group that is not indented", "autokexec:\nbroadcast: false\n"],
  ["a value that starts with a mark", "server:\n  name: @home\n"],
  ["a Latin-1 file", latin1("server:\n  # Büro\n  name: laptop\n")],
  ["a Latin-1 file whose password has the letter", latin1("initrd:\n  password: gehöim\n")],
  ["a UTF-16 file", Uint8Array.from([0xff, 0xfe, ...[..."a: 1"].flatMap((letter) => [letter.charCodeAt(0), 0])])],
  [
    "a character that is cut off",
    new Uint8Array([...new TextEncoder().encode("server:\n  name: ü").slice(0, -1), 0x0a]),
  ],
  ["U7: a password that is a number", "initrd:\n  password: 1234\n"],
  ["U7: a password that is octal", "initrd:\n  password: 0777\n"],
  ["U7: a password with an exponent", "initrd:\n  password: 1e3\n"],
  ["U7: a password of base 60", "initrd:\n  password: 12:34:56\n"],
  ["U7: a password that is a date", "initrd:\n  password: 2024-01-01\n"],
  ["U7: a password that is null", "initrd:\n  password: ~\n"],
  ["P11: a near miss of a group that decides whether the laptop listens", "autoexec: {broadcast: false}\n"],
  ["P11: a near miss of a key in it", "autokexec:\n  brodcast: false\n"],
  ["P11: another word in it", "autokexec:\n  enabled: false\n"],
  ["P11: the key in another group", "server:\n  broadcast: false\n"],
  ["P11: a near miss of the disk", "boot:\n  dsik: /dev/sda\n"],
  ["P11: a near miss of the password", "initrd:\n  pasword: geheim\n"],
  ["P8: a near miss of a suite", "image:\n  suite: trixi\n"],
];

/** Nothing is wrong with these, or no more than a warning. */
const fine: readonly (readonly [name: string, content: string, warnings?: readonly RegExp[]])[] = [
  ["an empty file", ""],
  ["comments alone", "# nothing\n"],
  ["an empty document", "---\n...\n"],
  ["a mark at the start, and Windows' line ends", "\ufeffserver:\r\n  name: laptop\r\n"],
  ["truth values of YAML 1.1", "autokexec: {broadcast: no, mac_detection: OFF}\nimage: {firmware: Yes}\n"],
  ["anchors", "modules: &all [base, i915]\ninitrd:\n  include-packages: []\n"],
  ["a tab between words", "server:\n  name:\tlaptop\n"],
  ["text in UTF-8", "server:\n  name: Büro\n"],
  ["a harmless unknown key", "server: {nmae: x}\n", [
    /warning: server: found the unknown key "nmae", wanted "name" perhaps/,
  ]],
  ["a harmless unknown group", "imge: {}\n", [/warning: found the unknown key "imge", wanted "image" perhaps/]],
  ["U7: addresses that YAML 1.1 takes for numbers", "autokexec:\n  macs: [11:11:11:11:11:11, 00:00:00:00:00:01]\n"],
];

async function tell(content: string | Uint8Array): Promise<string> {
  const path = "config.yaml";
  const system = createMemorySystem({ files: { [`/${path}`]: content } });
  const here = { ...system, stat: () => system.stat(`/${path}`), readFile: () => system.readFile(`/${path}`) };
  try {
    const { warnings } = await readConfigFile(here, path);
    return warnings.map((warning) => `${formatDiagnostic(warning, path)}\n`).join("");
  } catch (error) {
    assert.ok(error instanceof UserError, String(error));
    assert.equal(error.exitCode, 2);
    return [error.message, ...error.hints.slice(0, -1).map((hint) => `Hint: ${hint}`)].join("\n") + "\n";
  }
}

Deno.test("P14, A8, U7, P11: each fault is reported at its place, with the line, a caret and a cure", async () => {
  const told: string[] = [];
  for (const [name, content] of files) told.push(`== ${name}\n${await tell(content)}`);
  const text = told.join("\n");
  assert.doesNotMatch(text, /geheim|geh.im|1234|0777|1e3|12:34:56/, "a password is shown");
  if (Deno.env.get("UPDATE_GOLDEN") === "1") await Deno.writeTextFile(golden, text);
  assert.equal(text, await Deno.readTextFile(golden));
});

for (const [name, content, warnings = []] of fine) {
  Deno.test(`P14, U7, P11: ${name}: nothing but warnings`, async () => {
    const lines = (await tell(content)).split("\n").filter((line) => line !== "");
    assert.equal(lines.length, warnings.length, lines.join("\n"));
    warnings.forEach((warning, index) => assert.match(lines[index] ?? "", warning));
  });
}

Deno.test("P14: a warning has the word once, whether beside errors or in a line of its own", () => {
  const warning = {
    level: "warning",
    line: 4,
    column: 5,
    key: "modules[1]",
    found: '"nbd"',
    wanted: "no such entry",
  } as const;
  const text = 'modules[1]: found "nbd", wanted no such entry';
  assert.equal(formatDiagnostic(warning, "c.yaml"), `c.yaml:4:5: warning: ${text}`);
  assert.equal(formatDiagnostic(warning, "c.yaml", { isLabelled: true }), `c.yaml:4:5: ${text}`);
});
