import assert from "node:assert/strict";
import { listenStream } from "./listen.ts";
import { connectStream } from "./stream.ts";

Deno.test("who connects faster than handlers end, of connections that are closed already, waits", async () => {
  const gate = Promise.withResolvers<void>();
  let running = 0;
  let most = 0;
  let handled = 0;
  const listener = listenStream({ address: "127.0.0.1", port: 0, maximumConnections: 2 }, async () => {
    most = Math.max(most, ++running);
    // What a handler still computes when its connection is gone.
    if (++handled === 4) setTimeout(() => gate.resolve());
    await gate.promise;
    running--;
  });
  for (let count = 0; count < 20; count++) {
    using _stream = await connectStream({ host: "127.0.0.1", port: listener.port });
  }
  await gate.promise;
  using stream = await connectStream({ host: "127.0.0.1", port: listener.port });
  assert.equal(await stream.read().catch(() => undefined), undefined);
  await listener[Symbol.asyncDispose]();
  assert.equal(most, 4);
  assert.equal(running, 0);
});
