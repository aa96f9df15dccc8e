import assert from "node:assert/strict";
import { wrapTalk } from "./wrap_talk.ts";

Deno.test("a warning breaks between words, and leaves commands and excerpts whole", () => {
  assert.deepEqual(wrapTalk("Warning: a word that is too much: ./stiefelsystem create-initrd", 24), [
    "Warning: a word that is",
    "    too much:",
    "    ./stiefelsystem create-initrd",
  ]);
  const excerpt = "  2 |   key: a value that is long";
  assert.deepEqual(wrapTalk(`Warning: f:2:3: wrong\n${excerpt}`, 20), ["Warning: f:2:3:", "    wrong", excerpt]);
});

Deno.test("an error and its hints break between words; what is pasted, and what a program said, does not", () => {
  const cases: Readonly<Record<string, readonly string[]>> = {
    "Error: /dev/sdb is no stick now": ["Error: /dev/sdb is no stick", "    now"],
    "  Hint: Try another port, without a hub": ["  Hint: Try another port,", "        without a hub"],
    "  Hint: Make it yours: sudo chown -R me /srv/a": [
      "  Hint: Make it yours:",
      "        sudo chown -R me /srv/a",
    ],
    "  Hint: Rename it: mv '/home/my name' /home/me": ["  Hint: Rename it:", "        mv '/home/my name' /home/me"],
    "  Hint: Run ./stiefelsystem create-initrd": ["  Hint: Run", "        ./stiefelsystem create-initrd"],
    "  Hint: The first: one, two, three, four": ["  Hint: The first: one,", "        two, three, four"],
    "  command: mmdebstrap --variant=apt trixie": ["  command: mmdebstrap --variant=apt trixie"],
    "  Hint: short: a b": ["  Hint: short: a b"],
  };
  for (const [line, lines] of Object.entries(cases)) assert.deepEqual(wrapTalk(line, 27), lines, line);
});
