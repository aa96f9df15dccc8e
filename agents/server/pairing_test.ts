import assert from "node:assert/strict";
import { createMemorySystem } from "../../tests/support/memory_system.ts";
import { createConsole } from "../shared/console.ts";
import { Pairing } from "./pairing.ts";

Deno.test("a person at the laptop makes a code, sees it with its time, and makes another one after its end", () => {
  const system = createMemorySystem({});
  const lines: string[] = [];
  const terminal = { write: (text: string) => void lines.push(text), canRedraw: false };
  const console = createConsole({ terminal, monotonicMs: () => system.monotonicMs() });
  const pairing = new Pairing({ system, console, sharedKey: new Uint8Array(32), name: "laptop" });
  assert.equal(pairing.shown(), undefined);
  pairing.renew();
  const first = pairing.shown();
  assert.ok(first?.kind === "code");
  assert.match(first.text, /^[0-9A-Z]{4}-[0-9A-Z]{4}-[0-9A-Z]{4}$/);
  assert.equal(first.minutesLeft, 10);
  system.advance(9 * 60_000 + 1);
  assert.deepEqual(pairing.shown(), { kind: "code", text: first.text, minutesLeft: 1 });
  system.advance(60_000);
  assert.deepEqual(pairing.shown(), { kind: "over" });
  assert.match(
    lines.join(""),
    /The code was not typed within 10 minutes: no code is taken any more; C makes a new one/,
  );
  pairing.renew();
  assert.equal(pairing.shown()?.kind, "code");
});
