import assert from "node:assert/strict";
import { StoppedByUser } from "../errors.ts";
import { createKeyboard, type TerminalInput } from "./keyboard.ts";
import type { Key } from "./keys.ts";

/** A terminal that is typed on. */
function createTyped(): TerminalInput & { type(text: string | null): void; readonly modes: readonly boolean[] } {
  const waiting: ((bytes: Uint8Array | null) => void)[] = [];
  const typed: (Uint8Array | null)[] = [];
  const modes: boolean[] = [];
  return {
    modes,
    read: () => {
      const ready = typed.shift();
      return ready !== undefined ? Promise.resolve(ready) : new Promise((resolve) => waiting.push(resolve));
    },
    setRaw: (isRaw) => void modes.push(isRaw),
    type: (text) => {
      const bytes = text === null ? null : new TextEncoder().encode(text);
      const reader = waiting.shift();
      reader === undefined ? typed.push(bytes) : reader(bytes);
    },
  };
}

const first = (keys: readonly Key[]): string | undefined => keys[0]?.kind === "text" ? keys[0].text : undefined;

Deno.test("P2: keys typed before a question is shown do not answer it, and those after it do", async () => {
  const terminal = createTyped();
  const keyboard = createKeyboard(terminal);
  terminal.type("y");
  terminal.type("y\r");
  assert.equal(await keyboard.ask({ show: () => terminal.type("n"), decide: first }), "n");
  assert.equal(await keyboard.ask({ show: () => terminal.type("m"), decide: first }), "m");
  assert.deepEqual(terminal.modes, [true, false, true, false]);
});

Deno.test("P2: half a sequence does not swallow the next key", async () => {
  const terminal = createTyped();
  const keyboard = createKeyboard(terminal);
  const answer = keyboard.ask({
    show: () => {
      terminal.type("\x1b[1;");
      setTimeout(() => terminal.type("y"), 250);
    },
    decide: first,
  });
  assert.equal(await answer, "y");
});

Deno.test("P2: a question that is stopped leaves the terminal as it was, and its read to the next one", async () => {
  const terminal = createTyped();
  const keyboard = createKeyboard(terminal);
  const stop = new AbortController();
  const reason = new Error("stopped here");
  const stopped = keyboard.ask({ show: () => stop.abort(reason), decide: first, signal: stop.signal });
  await assert.rejects(stopped, reason);
  assert.deepEqual(terminal.modes, [true, false]);
  terminal.type("late");
  assert.equal(await keyboard.ask({ show: () => terminal.type("y"), decide: first }), "y");
  await assert.rejects(keyboard.ask({ show: () => terminal.type(null), decide: first }), StoppedByUser);
  await assert.rejects(keyboard.ask({ show: () => {}, decide: first, signal: stop.signal }), reason);
});
