import assert from "node:assert/strict";
import { ProtocolError } from "../errors.ts";
import { formatPublicInitrd, parsePublicInitrd } from "./public_initrd.ts";

Deno.test("the description of the public part comes back as it was, in one form", () => {
  const value = { version: 1, sizeBytes: 74_113_428, sha256: "0f".repeat(32) } as const;
  const text = formatPublicInitrd(value);
  assert.deepEqual(parsePublicInitrd(text), value);
  for (const bad of [text.trim(), `${text}\n`, text.replace("1", "2"), text.replace("0f", "0F"), "{}\n", ""]) {
    assert.throws(() => parsePublicInitrd(bad), ProtocolError, bad);
  }
});
