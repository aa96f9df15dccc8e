import assert from "node:assert/strict";
import { parseKeymap } from "../config/keymap.ts";
import { findUnknownLayout, formatKeymapHook, isBinaryKeymap } from "./keymap_hook.ts";

function hookOf(name: string): string {
  const keymap = parseKeymap(name);
  assert.ok(keymap);
  return formatKeymapHook(keymap);
}

Deno.test("the hook gives layouts, variants and options to ckbcomp, a variant for each layout", () => {
  assert.match(hookOf("de"), / -layout de -variant '' > /);
  assert.match(
    hookOf("us,ru(phonetic)+grp:alt_shift_toggle"),
    / -layout us,ru -variant ,phonetic -option grp:alt_shift_toggle > /,
  );
});

Deno.test("the hook is shell text", async () => {
  const shell = new Deno.Command("sh", { args: ["-n", "-c", hookOf("de(nodeadkeys)")], stderr: "piped" });
  const { code, stderr } = await shell.output();
  assert.equal(code, 0, new TextDecoder().decode(stderr));
});

Deno.test("a binary keymap is what busybox' loadkmap reads to its end", () => {
  const keymap = (count: number, dataBytes: number): Uint8Array => {
    const bytes = new Uint8Array(7 + 256 + dataBytes);
    bytes.set(new TextEncoder().encode("bkeymap"));
    bytes.fill(1, 7, 7 + count);
    return bytes;
  };
  assert.equal(isBinaryKeymap(keymap(10, 2560)), true);
  assert.equal(isBinaryKeymap(keymap(10, 2559)), false, "cut off");
  assert.equal(isBinaryKeymap(keymap(10, 2816)), false, "too long");
  assert.equal(isBinaryKeymap(keymap(0, 0)), false, "no table");
  assert.equal(isBinaryKeymap(new Uint8Array()), false);
  assert.equal(isBinaryKeymap(new TextEncoder().encode("keymaps 0-4\n")), false, "text");
});

// Lines of ckbcomp 1.242.
Deno.test("an unknown layout or variant is found in what ckbcomp says, an unknown character is not one", () => {
  const layout = '/x/usr/bin/ckbcomp: Can not find file "symbols/nosuch" in any known directory\n';
  assert.equal(findUnknownLayout(layout), 'file "symbols/nosuch"');
  assert.equal(findUnknownLayout('WARNING: Can not find "nosuch" in "de".\n'), '"nosuch" in "de"');
  assert.equal(findUnknownLayout('WARNING: Unknown X keysym "dead_belowmacron"\n'), undefined);
});
