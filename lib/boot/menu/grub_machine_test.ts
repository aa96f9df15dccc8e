/** What GRUB's commands do, told by the command line of the entry that they lead to. */

import assert from "node:assert/strict";
import { evaluateGrubConfig } from "./grub_config.ts";
import type { GrubFile } from "./grub_files.ts";

function commandLine(script: string, files: Readonly<Record<string, GrubFile>> = {}): string | undefined {
  const text = script.includes("menuentry") ? script : `${script}\nmenuentry x { linux /k "$a|$b|$c" }`;
  const answers = new Map(Object.entries(files).map(([path, file]) => [`(disk)${path}`, file]));
  answers.set("(disk)/grub/grub.cfg", { kind: "file", sizeBytes: text.length, text });
  const { entry } = evaluateGrubConfig({
    path: "/grub/grub.cfg",
    bootDirectory: "",
    partitions: [{ name: "disk", uuid: "1234", number: 2 }],
    answers,
  });
  return entry?.commandLine;
}

/** Scripts that set a, b and c; the entry is `linux /k "$a|$b|$c"`. */
const cases: Readonly<Record<string, string>> = {
  // U4: parameters
  "function f { set a=$1; set b=$10; set c=$#; }; f 1 2 3 4 5 6 7 8 9 ten": "1|ten|10",
  "function f { set a=$1; set b=${10}; shift; set c=$1; }\nf 1 2 3 4 5 6 7 8 9 ten": "1|ten|2",
  "function f { shift 2; set a=$1; set b=$#; shift 9; set c=$1; }\nf 1 2 3": "3|1|3",
  "function f { setparams x y; set a=$1; set b=$#; }\nf 1 2 3": "x|2|",
  'function f { set a="$*"; set b="$@"; }\nf 1 "2 3"': "1 2 3|1|",
  'function f { for x in "$@"; do set b="$b[$x]"; done; for x in $*; do set a="$a<$x>"; done; }\nf 1 "2 3"':
    "<1><2><3>|[1][2 3]|",
  "set a=[$#$1]": "[]||",
  "function f { return 3; set a=no; }\nf; set a=$?": "3||",
  "function f { false; return; }\nif f; then set a=yes; else set a=no; fi": "no||",
  "return\nset a=on": "on||",
  "set 1=x\nset a=x$1": "x||",
  // loops
  "for x in 1 2; do for y in 1 2; do set a=$a$x$y; break 2; done; done": "11||",
  "for x in 1 2; do for y in 1 2; do set a=$a$x$y; continue 2; set a=no; done; done": "1121||",
  "for x in 1 2 3; do if [ $x = 2 ]; then continue; fi; set a=$a$x; done; break; set b=on": "13|on|",
  "function f { break; }\nfor x in 1 2; do f; set a=$a$x; done": "12||",
  "until [ x$a = xiii ]; do set a=${a}i; done": "iii||",
  // words
  'set a=$"Linux $prefix"; set b=\'$x\'"\\$y"': "Linux (disk)/grub|$x$y|",
  'set x=" p q "; set a=[$x]; set b="[$x]"': "[p|[ p q ]|",
  "set a=b=c": "b=c||",
  "a=1; b=2": "1|2|",
  "set a=x\nunset a": "||",
  "set a='\\*' ; set b=\\*": "\\\\*|*|",
  // results
  "if nothing_like_it; then set a=yes; fi": "yes||",
  "if ! true; then set a=no; elif ! ! false; then set a=odd; else set a=yes; fi": "odd||",
  "if cmostest 1; then set a=no; else set a=yes; fi": "yes||",
  "true; set a=$?; false; set b=$?": "0|1|",
  "eval 'set a=1; set b=2'; eval set c=3": "1|2|3",
  "eval 'set a=1\n}\nset b=2'; set c=$?": "1||0",
  // What GRUB 2.06 does, seen with grub-emu.
  "set a=$?; set b=$?": "|0|",
  "if nothing; then set a=yes; fi; if ! nothing; then set b=yes; fi": "yes|yes|",
  "while false; do true; done; set a=$?": "1||",
  "while true; do break; done; set a=$?": "0||",
  "for x in 1; do false; done; set a=$?": "1||",
  "for x in 1 2; do set a=$a$?; false; continue; done": "0||",
  "setparams x; set a=$?": "17||",
  "function f { false; }\nf\nfunction g { true; }\nset a=$?": "1||",
  "decrement a; set b=$?; set a=3; decrement a; increment c": "2|18|",
  // commands with options
  "regexp --set 1:a --set=2:b '^([a-z]+)-([0-9.]+)$' linux-6.12": "linux|6.12|",
  "regexp -s a 'x(.)' axb && true": "||",
  "regexp -s a 'x(.)' axb": "b||",
  "if regexp '^[[:digit:]]+$' 12; then set a=yes; fi; if regexp '^a' b; then set b=no; fi": "yes||",
  "probe --set=a --fs-uuid $root; probe -s b -u (hd0,gpt2)": "1234|1234|",
  "search --set=a --fs-uuid 1234; search -s b -u 5678; search --fs-uuid --set c 1234": "disk|uuid/5678|disk",
  "search --fs-uuid --set 1234; set a=$root; search.fs_uuid 99 b": "disk|uuid/99|",
  "search --file --set=a /grub/grub.cfg; search -f -s b /nothing": "disk||",
};

for (const [script, expected] of Object.entries(cases)) {
  Deno.test(script, () => {
    assert.equal(commandLine(script)?.replace(/^"(.*)"$/, "$1"), expected);
  });
}

Deno.test("U4: files, directories and empty files are not the same", () => {
  const tests = ["-f /d", "-d /d", "-e /d", "-s /e", "-f /e", "-d /f", "-s /f", "-f /none", "-d /d/", "-f (disk)/f"];
  const script = tests.map((test) => `if [ ${test} ]; then set a="$a y"; else set a="$a n"; fi`).join("\n");
  const files: Readonly<Record<string, GrubFile>> = {
    "/d": { kind: "directory", names: [] },
    "/d/": { kind: "directory", names: [] },
    "/e": { kind: "file", sizeBytes: 0 },
    "/f": { kind: "file", sizeBytes: 3 },
  };
  assert.equal(commandLine(`${script}\nmenuentry x { linux /k $a }`, files), "n y y n y n y n y y");
});

Deno.test("a kernel that is booted without a menu, and scripts that boot nothing", () => {
  assert.equal(commandLine("linux /k menuentry\nboot\nset a=b"), "menuentry");
  assert.equal(commandLine("menuentry x { linux /k a; exit }"), undefined);
  assert.equal(commandLine("menuentry x { linux /k a; boot; linux /k b; }"), "a");
  assert.equal(commandLine("exit\nmenuentry x { linux /k a }"), undefined);
  assert.equal(commandLine("menuentry x { linux /k a; chainloader /x.efi }"), undefined);
});

Deno.test("fallback is what is tried when the default starts nothing", () => {
  const menu = "menuentry x { linux /k a }\nmenuentry y { chainloader +1 }\nmenuentry z { linux /k c }";
  assert.equal(commandLine(`set default=1\n${menu}`), "a");
  assert.equal(commandLine(`set default=1\nset fallback="1 2"\n${menu}`), "c");
});

Deno.test("an entry without a body, with two, or with options that GRUB does not know", () => {
  assert.equal(commandLine("menuentry x\nmenuentry y { linux /k a }"), "a");
  assert.equal(commandLine("menuentry x --source 'linux /k b'\nmenuentry y { linux /k a }"), "b");
  assert.equal(commandLine("menuentry x --source 'linux /k b' { linux /k c }\nmenuentry y { linux /k a }"), "a");
  assert.equal(commandLine("menuentry x --users '' --hotkey=f1 --class a --unrestricted y { linux /k $2 $# }"), "y 2");
  assert.equal(commandLine("menuentry x --new-option { linux /k $2 }"), "--new-option");
});
