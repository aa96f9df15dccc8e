import assert from "node:assert/strict";
import { createMemorySystem } from "../tests/support/memory_system.ts";
import { hashFile, hashText } from "./hash.ts";

/** FIPS 180-4, the example of one block. */
const abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

Deno.test("a text, its bytes and a file that holds it have the same hash", async () => {
  assert.equal(hashText("abc"), abc);
  assert.equal(hashText(new TextEncoder().encode("abc")), abc);
  assert.equal(await hashFile(createMemorySystem({ files: { "/f": "abc" } }), "/f"), abc);
});
