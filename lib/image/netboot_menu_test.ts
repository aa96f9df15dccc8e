import assert from "node:assert/strict";
import { UserError } from "../errors.ts";
import { formatNetbootMenu, formatNetbootScript } from "./netboot_menu.ts";

Deno.test("a desktop fetches kernel and initrd from where GRUB came from, by HTTP", () => {
  const menu = formatNetbootMenu({ cmdline: ["console=ttyS0,115200"] });
  assert.match(menu, /linux \(http,\$net_default_server\)\/kernel stiefel\.role=client .*console=ttyS0,115200\n/);
  assert.match(menu, /initrd \(http,\$net_default_server\)\/initrd\n/);
  assert.match(menu, /safe graphics" \{\n.* nomodeset console=/);
});

Deno.test("a BIOS fetches them from where iPXE's script came from", () => {
  const script = formatNetbootScript({ cmdline: ["console=ttyS0,115200"] });
  assert.match(script, /^#!ipxe\nmenu\n/);
  assert.match(script, /\n:start\nkernel kernel stiefel\.role=client .*console=ttyS0,115200 initrd=initrd\n:load\n/);
  assert.match(script, /\n:safe\nkernel kernel .* nomodeset console=.*\ngoto load\n/);
});

Deno.test("what GRUB or iPXE would read as its own is no parameter", () => {
  for (const word of ["a;b", "$x", "a b", '"', "\n", "{"]) {
    assert.throws(() => formatNetbootMenu({ cmdline: [word] }), UserError, word);
    assert.throws(() => formatNetbootScript({ cmdline: [word] }), UserError, word);
  }
});
