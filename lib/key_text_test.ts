import assert from "node:assert/strict";
import fc from "fast-check";
import { sameBytes } from "./formats/bytes.ts";
import { formatKeyText, parseKeyText } from "./key_text.ts";

Deno.test("a key as text comes back, as it is typed and as it is printed", async () => {
  await fc.assert(
    fc.asyncProperty(fc.uint8Array({ minLength: 32, maxLength: 32 }), async (bytes) => {
      const text = await formatKeyText(bytes);
      assert.match(text, /^[0-9a-f]{4}(-[0-9a-f]{4}){16}$/);
      for (const typed of [text, ` ${text.toUpperCase()}\n`, text.replaceAll("-", " "), text.replaceAll("-", "")]) {
        const read = await parseKeyText(typed);
        assert.ok("key" in read && sameBytes(read.key, bytes));
      }
    }),
    { numRuns: 50 },
  );
});

Deno.test("a key that was copied with a mistake is refused, without a word of it in the message", async () => {
  const text = await formatKeyText(Uint8Array.from({ length: 32 }, (_, index) => index));
  const cases = [
    ["", /has 0 digits, wanted 68/],
    [text.slice(0, -1), /has 67 digits/],
    [`${text}0`, /has 69 digits/],
    [text.replace("0", "o"), /characters other than/],
    [text.replace("0001", "0010"), /sum is wrong/],
    [text.replace(/^(....)-(....)/, "$2-$1"), /sum is wrong/],
  ] as const;
  for (const [typed, problem] of cases) {
    const read = await parseKeyText(typed);
    assert.ok("problem" in read);
    assert.match(read.problem, problem);
    assert.ok(!read.problem.includes("0203"));
  }
});
