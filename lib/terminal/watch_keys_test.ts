import assert from "node:assert/strict";
import { watchKeys } from "./watch_keys.ts";

Deno.test("keys come as they are pressed; arrows, function keys and pastes are none, and the terminal is put back", async () => {
  const pieces = ["e", "\x1b[A", "\x1b[[A", "\x1bOP", "\x1b[200~ey\x1b[201~", "\r\t\x7f", "Yé"];
  const raw: boolean[] = [];
  const keys: string[] = [];
  const encoder = new TextEncoder();
  await watchKeys({
    read: () => Promise.resolve(pieces.length === 0 ? null : encoder.encode(pieces.shift())),
    setRaw: (isRaw) => void raw.push(isRaw),
  }, { onKey: (text) => void keys.push(text), signal: new AbortController().signal });
  assert.deepEqual(keys, ["e", "Y", "é"]);
  assert.deepEqual(raw, [true, false]);
});

Deno.test("an Esc alone does not swallow the key after it, and watching ends while it waits", async () => {
  const stop = new AbortController();
  const waiting = [Promise.withResolvers<Uint8Array>(), Promise.withResolvers<Uint8Array>()];
  const keys: string[] = [];
  const encoder = new TextEncoder();
  waiting[0]?.resolve(encoder.encode("\x1b"));
  let reads = 0;
  const watching = watchKeys({
    read: () => waiting[reads++]?.promise ?? new Promise(() => {}),
    setRaw: () => {},
  }, {
    onKey: (text) => {
      keys.push(text);
      stop.abort();
    },
    signal: stop.signal,
  });
  // Longer than any sequence takes.
  setTimeout(() => waiting[1]?.resolve(encoder.encode("y")), 500);
  await watching;
  assert.deepEqual(keys, ["y"]);
});
