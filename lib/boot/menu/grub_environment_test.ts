import assert from "node:assert/strict";
import { parseGrubEnvironment } from "./grub_environment.ts";

Deno.test("variables are read, escapes undone, the filling ignored", () => {
  const text =
    "# GRUB Environment Block\nsaved_entry=Debian>with \\\\ and\\\nline\nkernelopts=root=/dev/vda2 ro  quiet \n####";
  assert.deepEqual([...parseGrubEnvironment(text) ?? []], [
    ["saved_entry", "Debian>with \\ and\nline"],
    ["kernelopts", "root=/dev/vda2 ro  quiet "],
  ]);
});

Deno.test("anything else is no environment block", () => {
  assert.equal(parseGrubEnvironment("saved_entry=1\n"), undefined);
  assert.equal(parseGrubEnvironment(""), undefined);
});
