import assert from "node:assert/strict";
import { createOutputQueue } from "./standard_output.ts";

Deno.test("what is queued is written in order, also by a terminal that takes it in pieces", async () => {
  let text = "";
  const queue = createOutputQueue((bytes) => {
    text += new TextDecoder().decode(bytes.subarray(0, 3));
    return Promise.resolve(Math.min(3, bytes.length));
  });
  for (let number = 0; number < 10; number++) queue.write(`line ${number}\n`);
  await queue.flush();
  assert.equal(text, Array.from({ length: 10 }, (_, number) => `line ${number}\n`).join(""));
});

Deno.test("a stopped terminal does not stop the program; the last lines come when it goes on", async () => {
  const goesOn = Promise.withResolvers<void>();
  let text = "";
  const queue = createOutputQueue(async (bytes) => {
    await goesOn.promise;
    text += new TextDecoder().decode(bytes);
    return bytes.length;
  });
  for (let number = 0; number < 20_000; number++) queue.write(`line ${number}\n`);
  await queue.flush();
  assert.equal(text, "");
  goesOn.resolve();
  await queue.flush();
  assert.ok(text.length < 70_000 && text.endsWith("line 19999\n"), `${text.length} characters`);
});
