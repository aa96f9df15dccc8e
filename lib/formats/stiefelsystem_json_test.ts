import assert from "node:assert/strict";
import { formatStiefelsystemJson, parseStiefelsystemJson } from "./stiefelsystem_json.ts";

Deno.test("the original's file is understood", () => {
  const text = JSON.stringify({
    kernel: "vmlinuz-linux",
    initrd: "initramfs-stiefel.img",
    cmdline: ["root=UUID=1", "rw", "consoleblank=0"],
    stiefelmodules: ["base", "nbd", "system-arch"],
  });
  assert.deepEqual(parseStiefelsystemJson(text, "/stiefelsystem.json"), {
    kernel: "vmlinuz-linux",
    initrd: ["initramfs-stiefel.img"],
    cmdline: ["root=UUID=1", "rw", "consoleblank=0"],
  });
});

Deno.test("what is absent, null or empty is left to the boot loader", () => {
  assert.deepEqual(parseStiefelsystemJson('{"kernel": null, "initrd": "", "cmdline": []}', "f"), {});
  assert.deepEqual(parseStiefelsystemJson("{}", "f"), {});
});

Deno.test("lists of initrds and a command line in one piece are fine", () => {
  assert.deepEqual(parseStiefelsystemJson('{"initrd": ["a", "b"], "cmdline": "root=x  rw"}', "f"), {
    initrd: ["a", "b"],
    cmdline: ["root=x  rw"],
  });
});

Deno.test("our own file is read back as it was written", () => {
  const load = { kernel: "/boot/vmlinuz", initrd: ["/boot/a", "/boot/b"], cmdline: ["root=x", "rw"] };
  assert.deepEqual(parseStiefelsystemJson(formatStiefelsystemJson(load), "f"), load);
  const able = { ...load, transports: ["nvme-tcp", "nbd"], canTunnel: true };
  assert.deepEqual(parseStiefelsystemJson(formatStiefelsystemJson(able), "f"), able);
  assert.doesNotMatch(formatStiefelsystemJson({ ...able, canTunnel: false }), /tunnel/);
});

const wrong: Readonly<Record<string, RegExp>> = {
  "{": /not JSON/,
  "[]": /wanted an object/,
  "null": /wanted an object/,
  '{"kernel": 3}': /"kernel" is 3, wanted a path/,
  '{"initrd": ["a", 1]}': /"initrd" is \["a",1\], wanted a string or a list of strings/,
  '{"cmdline": {}}': /"cmdline" is \{\}, wanted/,
};
for (const [text, message] of Object.entries(wrong)) {
  Deno.test(`${text} is refused with the file's name`, () => {
    assert.throws(
      () => parseStiefelsystemJson(text, "/boot/stiefelsystem.json"),
      (error) =>
        error instanceof Error && message.test(error.message) && error.message.includes("/boot/stiefelsystem.json"),
    );
  });
}
