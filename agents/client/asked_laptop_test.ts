import assert from "node:assert/strict";
import { type AskedLaptop, mayAsk } from "./asked_laptop.ts";

const asked: AskedLaptop = { host: "fe80::1%eth0", sinceMs: 1_000, hasAgreed: false };

Deno.test("the same laptop may be asked again at any time", () => {
  assert.equal(mayAsk(undefined, "fe80::1%eth0", 0), true);
  for (const hasAgreed of [false, true]) assert.equal(mayAsk({ ...asked, hasAgreed }, "fe80::1%eth0", 1_001), true);
});

Deno.test("another one waits while the first may still answer, and for as long as a restart takes when it has agreed", () => {
  const other = "fe80::2%eth0";
  assert.equal(mayAsk(asked, other, 10_999), false);
  assert.equal(mayAsk(asked, other, 11_000), true);
  const agreed = { ...asked, hasAgreed: true };
  assert.equal(mayAsk(agreed, other, 180_999), false);
  assert.equal(mayAsk(agreed, other, 181_000), true);
});
