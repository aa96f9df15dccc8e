/** The vectors in `tests/vectors/`: what they say comes out, and what this code writes is what they hold. */
import assert from "node:assert/strict";
import { checkers, type VectorFile } from "../../tests/support/protocol_vectors.ts";
import { formatVectorFile, vectorFiles } from "../../tests/vectors/generate.ts";

/** Bytes as hex, as the files have them. */
function toData(value: unknown): unknown {
  return JSON.parse(JSON.stringify(value, (_, inner) => inner instanceof Uint8Array ? inner.toHex() : inner));
}

const names = Object.keys(checkers) as (keyof typeof checkers)[];

for (const name of names) {
  Deno.test(`every case of ${name}.json comes out as it says`, async () => {
    const text = await Deno.readTextFile(new URL(`../../tests/vectors/${name}.json`, import.meta.url));
    const file: VectorFile = JSON.parse(text);
    const found = await checkers[name](file);
    assert(file.cases.length > 0);
    for (const [index, wanted] of file.cases.entries()) {
      assert.equal(found[index]?.outcome, wanted.outcome, wanted.name);
      if (wanted.decoded !== undefined) assert.deepEqual(toData(found[index]?.decoded), wanted.decoded, wanted.name);
    }
  });

  Deno.test(`this code writes ${name}.json as it is`, async () => {
    const text = await Deno.readTextFile(new URL(`../../tests/vectors/${name}.json`, import.meta.url));
    assert.equal(formatVectorFile((await vectorFiles())[name]), text);
  });
}
