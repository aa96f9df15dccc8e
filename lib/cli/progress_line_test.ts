import assert from "node:assert/strict";
import { createProgressLine } from "./progress_line.ts";

function finish(title: string, note: string, isTerminal: boolean): string {
  const written: string[] = [];
  const { progress } = createProgressLine({
    write: (text) => void written.push(text),
    paint: (style, text) => `<${style}>${text}</>`,
    screen: () => ({ columns: 80, rows: 24 }),
    isTerminal,
    every: () => () => {},
  });
  progress(title).finish(note);
  return (written.at(-1) ?? "").replace(/0\.\d s/, "0.0 s");
}

Deno.test("the end of a step is one line, and breaks between words on a terminal that is too narrow for it", () => {
  assert.equal(finish("Deno runtime", "one Deno", true), "<green>✓</> Deno runtime: one Deno <dim>(0.0 s)</>\n");
  const note = "for the laptop's own system, with Deno beside it";
  assert.equal(
    finish("autokexec agent (bundle)", note, true),
    `<green>✓</> autokexec agent (bundle): ${note}\n  <dim>(0.0 s)</>\n`,
  );
  assert.equal(
    finish("autokexec agent (bundle)", note, false),
    `<green>done:</> autokexec agent (bundle): ${note} <dim>(0.0 s)</>\n`,
  );
});
