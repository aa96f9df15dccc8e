import assert from "node:assert/strict";
import { describeEndpoint, needsScope, plainAddress, withoutScope, withScope } from "./address.ts";
import { listenStream } from "./listen.ts";
import { parseRequestHead, servePage } from "./status_page.ts";
import { connectStream, IdleTimeout } from "./stream.ts";

const host = "127.0.0.1";

Deno.test("link-local addresses get a scope, others do not", () => {
  assert.equal(withScope("fe80::1", "eth0"), "fe80::1%eth0");
  assert.equal(withScope("ff02::1", "eth0"), "ff02::1%eth0");
  assert.equal(withScope("fe80::1%eth1", "eth0"), "fe80::1%eth1");
  assert.equal(withScope("fd00::1", "eth0"), "fd00::1");
  assert.equal(withScope("192.0.2.1", "eth0"), "192.0.2.1");
  assert.ok(needsScope("febf::1") && !needsScope("fec0::1") && !needsScope("fe80"));
  assert.equal(withoutScope("fe80::1%eth0"), "fe80::1");
  assert.equal(plainAddress("::ffff:192.0.2.1"), "192.0.2.1");
  assert.equal(describeEndpoint("::1", 80), "[::1]:80");
  assert.equal(describeEndpoint("192.0.2.1", 80), "192.0.2.1:80");
});

Deno.test("bytes go both ways, and the end is seen", async () => {
  await using listener = listenStream({ address: host, port: 0 }, async (stream) => {
    for (let bytes = await stream.read(); bytes !== undefined; bytes = await stream.read()) await stream.write(bytes);
  });
  using stream = await connectStream({ host, port: listener.port });
  await stream.write(new TextEncoder().encode("hello"));
  assert.equal(new TextDecoder().decode(await stream.read()), "hello");
  await stream.closeWrite();
  assert.equal(await stream.read(), undefined);
});

Deno.test("a silent peer is given up after the idle time, on reading and on writing", async () => {
  const { promise: over, resolve: finish } = Promise.withResolvers<void>();
  await using listener = listenStream({ address: host, port: 0 }, () => over);
  using reader = await connectStream({ host, port: listener.port, idleTimeoutMs: 50 });
  await assert.rejects(reader.read(), IdleTimeout);
  using writer = await connectStream({ host, port: listener.port, idleTimeoutMs: 50 });
  await assert.rejects(writer.write(new Uint8Array(64 * 1024 * 1024)), IdleTimeout);
  finish();
});

Deno.test("an abort ends a waiting read and closes the stream", async () => {
  await using listener = listenStream({ address: host, port: 0 }, async (stream) => {
    await stream.read();
  });
  const controller = new AbortController();
  using stream = await connectStream({ host, port: listener.port, signal: controller.signal });
  const reading = stream.read();
  controller.abort(new Error("enough"));
  await assert.rejects(reading, /enough/);
});

Deno.test("closing a listener ends its connections", async () => {
  const listener = listenStream({ address: host, port: 0 }, async (stream) => {
    await stream.write(new Uint8Array(1));
    await stream.read();
  });
  using stream = await connectStream({ host, port: listener.port });
  await stream.read();
  listener.close();
  await listener.finished;
  assert.equal(await stream.read(), undefined);
});

Deno.test("one connection more than allowed is closed at once, and its place is free again later", async () => {
  await using listener = listenStream({ address: host, port: 0, maximumConnections: 1 }, async (stream) => {
    await stream.write(new Uint8Array(1));
    await stream.read();
  });
  const first = await connectStream({ host, port: listener.port });
  assert.equal((await first.read())?.length, 1);
  using second = await connectStream({ host, port: listener.port });
  assert.equal(await second.read().catch(() => undefined), undefined);
  await first.closeWrite();
  assert.equal(await first.read(), undefined);
  using third = await connectStream({ host, port: listener.port });
  assert.equal((await third.read())?.length, 1);
  first.close();
});

Deno.test("a refused connection is an error", async () => {
  const listener = listenStream({ address: host, port: 0 }, async () => {});
  listener.close();
  await listener.finished;
  await assert.rejects(connectStream({ host, port: listener.port }), Deno.errors.ConnectionRefused);
});

Deno.test("the status page answers GET and HEAD of / and nothing else", async () => {
  await using listener = listenStream(
    { address: host, port: 0, idleTimeoutMs: 1000 },
    (stream) =>
      servePage(stream, (request) => ({
        status: 200,
        contentType: "text/plain",
        body: `accept ${request.accept}`,
      })),
  );
  const url = `http://${host}:${listener.port}`;
  const page = await fetch(`${url}/`, { headers: { accept: "application/json" } });
  assert.equal(page.status, 200);
  assert.equal(await page.text(), "accept application/json");
  const head = await fetch(`${url}/`, { method: "HEAD" });
  assert.deepEqual([head.status, await head.text()], [200, ""]);
  for (const [path, method, status] of [["/x", "GET", 404], ["/", "POST", 405]] as const) {
    const response = await fetch(url + path, { method });
    await response.body?.cancel();
    assert.equal(response.status, status);
  }
});

Deno.test("what is not a request is refused", () => {
  const cases = [
    "",
    "GET",
    "GET / HTTP/2",
    "get / HTTP/1.1",
    "GET http://x/ HTTP/1.1",
    "\0\x01\x02",
    `GET /${"a".repeat(9000)} HTTP/1.1`,
  ];
  for (const head of cases) assert.equal(parseRequestHead(head), undefined);
  assert.deepEqual(parseRequestHead("GET / HTTP/1.0"), { method: "GET", path: "/", accept: "" });
});
