import assert from "node:assert/strict";
import {
  CODE_RANDOM_BYTES,
  formatPairingCode,
  makePairingCode,
  parsePairingCode,
  stretchPairingCode,
} from "./pairing_code.ts";

Deno.test("a code has sixty random bits, and none of the letters that look like others", () => {
  const codes = Array.from({ length: 256 }, (_, byte) => makePairingCode(new Uint8Array(CODE_RANDOM_BYTES).fill(byte)));
  const characters = new Set(codes.map(([first = ""]) => first));
  assert.equal(characters.size, 32);
  assert.ok(CODE_RANDOM_BYTES * Math.log2(characters.size) >= 60);
  assert.deepEqual([..."ILOU"].filter((letter) => characters.has(letter)), []);
  // Each of the 32 comes as often as any other.
  const counts = new Map<string, number>();
  for (const [first = ""] of codes) counts.set(first, (counts.get(first) ?? 0) + 1);
  assert.deepEqual([...new Set(counts.values())], [8]);
});

Deno.test("a code is shown in three groups, and read back as people type it", () => {
  const code = makePairingCode(Uint8Array.from({ length: 12 }, (_, index) => 10 + index));
  assert.equal(formatPairingCode(code), "ABCD-EFGH-JKMN");
  for (const typed of ["ABCD-EFGH-JKMN", "abcdefghjkmn", " abcd efgh jkmn ", "ABCD-efgh-JKmn\t"]) {
    assert.equal(parsePairingCode(typed), code, typed);
  }
  assert.equal(parsePairingCode("oOiI-lL01-0000"), "001111010000");
  for (const typed of ["", "ABCD-EFGH-JKM", "ABCD-EFGH-JKMNP", "ABCD-EFGH-JKMU", "ABCD-EFGH-JKMÄ"]) {
    assert.equal(parsePairingCode(typed), undefined, typed);
  }
});

Deno.test("another code or another salt is another key", async () => {
  const salt = new Uint8Array(16);
  const keys = await Promise.all([
    stretchPairingCode("ABCDEFGHJKMN", salt),
    stretchPairingCode("ABCDEFGHJKMP", salt),
    stretchPairingCode("ABCDEFGHJKMN", salt.with(0, 1)),
  ]);
  assert.equal(new Set(keys.map((key) => key.toHex())).size, 3);
  assert.deepEqual(keys.map(({ length }) => length), [32, 32, 32]);
});
