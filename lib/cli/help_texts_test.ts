import assert from "node:assert/strict";
import { commandHelp } from "./help_texts.ts";

Deno.test("the examples can be typed as they stand, in the project's folder", () => {
  for (const text of Object.values(commandHelp)) {
    const examples = text.split("\n").filter((line) => line.startsWith("  "));
    assert.ok(examples.length >= 3);
    for (const line of examples) assert.match(line, /^ {2}(?:sudo )?\.\/stiefelsystem [a-z-]+( |$)/);
  }
});
