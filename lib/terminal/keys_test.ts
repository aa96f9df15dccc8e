import assert from "node:assert/strict";
import fc from "fast-check";
import { endPause, type Key, type KeyState, noKeys, pauseMsOf, readKeys } from "./keys.ts";

/** Bytes of a text in which each character up to U+00FF is one byte; "|" is a long pause, "¦" a short one. */
function keysOf(
  text: string,
  encode = (piece: string): Uint8Array => Uint8Array.from(piece, (c) => c.charCodeAt(0)),
): string {
  let state: KeyState = noKeys;
  const keys: Key[] = [];
  for (const piece of text.split(/([|¦])/)) {
    if (piece === "|" || piece === "¦") {
      state = piece === "|" ? pauseFully(state) : endPause(state);
      continue;
    }
    const next = readKeys(state, encode(piece));
    state = next.state;
    keys.push(...next.keys);
  }
  return keys.map(show).join("");
}

function pauseFully(state: KeyState): KeyState {
  for (let current = state;; current = endPause(current)) if (pauseMsOf(current) === undefined) return current;
}

function show(key: Key): string {
  return key.kind === "text" ? key.text : key.kind === "pasted" ? `{${key.text}}` : `<${key.kind}>`;
}

// Each is followed by a "y", which has to be seen; nothing else may.
const ignored: readonly (readonly [name: string, bytes: string])[] = [
  ["up", "\x1b[A"],
  ["up in application mode", "\x1bOA"],
  ["ctrl-right", "\x1b[1;5C"],
  ["ctrl-up of old terminals", "\x1bO5A"],
  ["insert, delete, home, end, pages", "\x1b[2~\x1b[3~\x1b[1~\x1b[4~\x1b[5~\x1b[6~\x1b[H\x1b[F"],
  ["F1 to F4 of xterm", "\x1bOP\x1bOQ\x1bOR\x1bOS"],
  ["F1 to F5 of the Linux console", "\x1b[[A\x1b[[B\x1b[[C\x1b[[D\x1b[[E"],
  ["F5 to F12", "\x1b[15~\x1b[17~\x1b[18~\x1b[19~\x1b[20~\x1b[21~\x1b[23~\x1b[24~"],
  ["shift-tab", "\x1b[Z"],
  ["Esc", "\x1b|"],
  ["Esc twice", "\x1b\x1b|"],
  ["Esc, then F5", "\x1b\x1b[15~"],
  ["Esc, then up on a slow line", "\x1b¦[A\x1b¦OA"],
  ["alt-y, alt-a, alt-enter, alt-backspace, alt-blank", "\x1by\x1ba\x1b\r\x1b\x7f\x1b "],
  ["alt with a letter of UTF-8", "\x1b\xc3\xa9"],
  ["alt-[, alone", "\x1b[|"],
  ["alt-O, alone", "\x1bO|"],
  ["alt-P, which begins a control string", "\x1bP|"],
  ["alt-], alt-X, alt-^, alt-_", "\x1b]|\x1bX|\x1b^|\x1b_|"],
  ["half a sequence", "\x1b[1;|"],
  ["half a control string", "\x1b]0;a title that says y and a|"],
  ["mouse, SGR", "\x1b[<0;12;34M\x1b[<0;12;34m"],
  ["mouse, first protocol; its characters are letters", "\x1b[Mayy"],
  ["mouse, urxvt", "\x1b[32;12;34M"],
  ["focus in and out", "\x1b[I\x1b[O"],
  ["answers of a terminal", "\x1b[?62;1;6c\x1b[12;40R\x1b]11;rgb:aaaa/ffff/yyyy\x07\x1bP1$r0m\x1b\\\x1b_Gi=1;OK\x1b\\"],
  ["a key of kitty's protocol", "\x1b[121;5u"],
  ["eight bits: CSI A, SS3 A, OSC", "\x9bA\x8fA\x9d0;y\x9c"],
  ["a control character ends a sequence", "\x1b[1;\x18"],
  [
    "control characters",
    "\x00\x01\x02\x05\x06\x07\x0b\x0c\x0e\x0f\x10\x11\x12\x13\x14\x16\x17\x18\x19\x1a\x1c\x1d\x1e\x1f",
  ],
  ["bytes that are no UTF-8", "\xff\xfe\xc0\xaf\xf5|"],
  ["half a letter of UTF-8", "\xc3|"],
  ["control characters in UTF-8", "\xc2\x9b\xc2\x80"],
];

for (const [name, bytes] of ignored) {
  Deno.test(`P2: no answer, and none is lost after it: ${name}`, () => {
    assert.equal(keysOf(`${bytes}y`), "y");
  });
}

Deno.test("P2: typed and pasted text are distinguished", () => {
  assert.equal(keysOf("\x1b[200~yes\r\x1b[201~y"), "{y}{e}{s}{\n}y");
  assert.equal(keysOf("\x1b[200~half|y"), "{h}{a}{l}{f}y");
  assert.equal(keysOf("a\r\n\x7f\x08\x15\x04"), "a<enter><enter><erase><erase><erase-line><end>");
  const utf8 = (piece: string): Uint8Array => new TextEncoder().encode(piece);
  assert.equal(keysOf("é€😀y", utf8), "é€😀y");
});

Deno.test("P2: Ctrl-C is seen wherever it comes", () => {
  for (const begun of ["", "\x1b", "\x1b[", "\x1b[1;", "\x1bO", "\x1b]0;", "\x1b[M!", "\x1b[200~x", "\xc3", "\x1b|"]) {
    assert.match(keysOf(`${begun}\x03`), /<interrupt>$/, JSON.stringify(begun));
  }
});

Deno.test("P2: how bytes are cut into pieces makes no difference, and after a pause each letter counts", () => {
  const bytes = fc.uint8Array({ maxLength: 40 });
  fc.assert(
    fc.property(fc.array(bytes, { maxLength: 4 }), (pieces) => {
      const whole = readKeys(noKeys, Uint8Array.from(pieces.flatMap((piece) => [...piece])));
      let state: KeyState = noKeys;
      const keys: Key[] = [];
      for (const piece of pieces) {
        const next = readKeys(state, piece);
        state = next.state;
        keys.push(...next.keys);
      }
      assert.deepEqual({ state, keys }, whole);
      assert.equal(readKeys(pauseFully(state), Uint8Array.of(0x79)).keys.map(show).join(""), "y");
      for (const key of keys) {
        if (key.kind === "text") assert.doesNotMatch(key.text, /\p{Cc}/u);
      }
    }),
    { numRuns: 2000 },
  );
});
