import assert from "node:assert/strict";
import { detectKeymap, type KeymapFiles, parseKeymap } from "./keymap.ts";

/** As XKB writes it. */
function written(name: string): string | undefined {
  const keymap = parseKeymap(name);
  if (keymap === undefined) return undefined;
  const layouts = keymap.layouts.map(({ name, variant }) => variant === undefined ? name : `${name}(${variant})`);
  return [layouts.join(","), ...keymap.options].join("+");
}

Deno.test("P13: the keymap a host's files name", () => {
  const cases: readonly (readonly [string, KeymapFiles, string | undefined])[] = [
    ["no file", {}, undefined],
    ["Arch", { vconsole: "KEYMAP=de-latin1\nFONT=eurlatgr\n" }, "de-latin1"],
    ["Fedora", { vconsole: 'KEYMAP="de-nodeadkeys"\nFONT="eurlatgr"\n' }, "de-nodeadkeys"],
    ["systemd's localectl", { vconsole: "# Written by systemd-localed(8)\nKEYMAP=fr\nXKBLAYOUT=fr\n" }, "fr"],
    ["the kernel's own", { vconsole: "KEYMAP=@kernel\n" }, undefined],
    ["empty", { vconsole: 'KEYMAP=""\n', keyboard: 'XKBLAYOUT=""\n' }, undefined],
    ["a comment", { vconsole: "#KEYMAP=fr\n  KEYMAP='de'  # mine\n" }, "de"],
    ["the last one counts", { vconsole: "KEYMAP=fr\nKEYMAP=de\n" }, "de"],
    [
      "Debian",
      { keyboard: 'XKBMODEL="pc105"\nXKBLAYOUT="de"\nXKBVARIANT=""\nXKBOPTIONS=""\nBACKSPACE="guess"\n' },
      "de",
    ],
    ["a variant", { keyboard: 'XKBLAYOUT="de"\nXKBVARIANT="neo"\n' }, "de(neo)"],
    ["Debian 13, where vconsole.conf is a link to it", { vconsole: 'XKBLAYOUT="ch"\nXKBVARIANT="fr"\n' }, "ch(fr)"],
    [
      "two layouts",
      { keyboard: 'XKBLAYOUT="us,ru"\nXKBVARIANT=",phonetic"\nXKBOPTIONS="grp:alt_shift_toggle,ctrl:nocaps"\n' },
      "us,ru(phonetic)+grp:alt_shift_toggle,ctrl:nocaps",
    ],
    ["an option to switch, with nothing to switch to", {
      keyboard: 'XKBLAYOUT="de"\nXKBOPTIONS="grp:alt_shift_toggle"\n',
    }, "de"],
    [
      "OpenRC",
      { openrc: '# Use keymap to specify the default console keymap.\nkeymap="de"\nwindowkeys="YES"\n' },
      "de",
    ],
    ["vconsole.conf first", { vconsole: "KEYMAP=fr\n", keyboard: "XKBLAYOUT=de\n", openrc: "keymap=us\n" }, "fr"],
  ];
  for (const [name, files, result] of cases) assert.equal(detectKeymap(files), result, name);
});

Deno.test("P13: names of keymaps are layouts of XKB", () => {
  const cases: readonly (readonly [string, string | undefined])[] = [
    ["de", "de"],
    ["de(nodeadkeys)", "de(nodeadkeys)"],
    ["us,ru(phonetic)+grp:alt_shift_toggle,ctrl:nocaps", "us,ru(phonetic)+grp:alt_shift_toggle+ctrl:nocaps"],
    ["de-latin1", "de"],
    ["de-latin1-nodeadkeys", "de(nodeadkeys)"],
    ["de-nodeadkeys", "de(nodeadkeys)"],
    ["us-altgr-intl", "us(altgr-intl)"],
    ["fr-latin9", "fr"],
    ["sg", "ch"],
    ["sg-latin1", "ch"],
    ["fr_CH-latin1", "ch(fr)"],
    ["sv-latin1", "se"],
    ["la-latin1", "latam"],
    ["no-latin1", "no"],
    ["uk", "gb"],
    ["us-acentos", "us(intl)"],
    ["dvorak", "us(dvorak)"],
    ["ua-utf", "us,ua+grp:alt_shift_toggle"],
    ["ru", "us,ru+grp:alt_shift_toggle"],
    ["", undefined],
    ["de;reboot", undefined],
    ["de(no dead)", undefined],
    ["$(id)", undefined],
    ["../de", undefined],
    ["/usr/share/kbd/keymaps/de.map.gz", undefined],
    ["de,", undefined],
    ["de+", undefined],
    ["de+a:b+c:d", undefined],
    [`de(${"a".repeat(200)})`, undefined],
  ];
  for (const [name, result] of cases) assert.equal(written(name), result, name);
});

Deno.test("a name that an object has by itself is no keymap of the table", () => {
  assert.equal(written("constructor"), "constructor");
  assert.equal(written("toString"), undefined);
});
