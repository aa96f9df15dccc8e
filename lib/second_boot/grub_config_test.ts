import assert from "node:assert/strict";
import { formatGrubConfig, splitForGrub } from "./grub_config.ts";

const lines: readonly (readonly [commandLine: string, words: readonly string[] | undefined])[] = [
  ["root=UUID=1-2 ro quiet noresume", ["root=UUID=1-2", "ro", "quiet", "noresume"]],
  // The kernel takes both forms as the same; GRUB writes the second.
  ['dyndbg="file a.c +p" ro', ["dyndbg=file a.c +p", "ro"]],
  ['"dyndbg=file a.c +p" -- init=1', ["dyndbg=file a.c +p", "--", "init=1"]],
  ["a=$(reboot);b={c} *", ["a=$(reboot);b={c}", "*"]],
  ["", []],
  ["a=b'c", undefined],
  ["a=b\\c", undefined],
  ['a=b"c d"e', undefined],
  [`a=${"x".repeat(1950)}`, undefined],
];
for (const [commandLine, words] of lines) {
  Deno.test(`GRUB passes ${JSON.stringify(commandLine.slice(0, 60))} on ${words === undefined ? "not " : ""}as it is`, () => {
    assert.deepEqual(splitForGrub(commandLine), words);
  });
}

Deno.test("each word is quoted, and a kernel that is refused leads back to the stick's menu", () => {
  assert.equal(
    formatGrubConfig(["root=UUID=1", "a=$(b) c"]),
    [
      "if linux $prefix/kernel 'root=UUID=1' 'a=$(b) c'; then",
      "  initrd $prefix/initramfs",
      "  boot",
      "fi",
      "echo 'The kernel of the laptop was not started: back to the menu of the stick'",
      "sleep 10",
      "exit",
      "",
    ].join("\n"),
  );
});
