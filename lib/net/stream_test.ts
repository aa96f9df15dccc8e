import assert from "node:assert/strict";
import fc from "fast-check";
import { describeEndpoint, needsScope, plainAddress, withoutScope, withScope } from "./address.ts";
import { chooseTurnedAway, listenStream } from "./listen.ts";
import { parseRequestHead, servePage } from "./status_page.ts";
import { type ByteStream, connectStream, IdleTimeout } from "./stream.ts";

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

Deno.test("each wait has its own end, shorter or longer than the one before", async () => {
  await using listener = listenStream({ address: host, port: 0 }, async (stream) => {
    await stream.write(new Uint8Array(1));
    await stream.read();
    await new Promise((resolve) => setTimeout(resolve, 150));
    await stream.write(new Uint8Array(2));
    await stream.read();
  });
  using stream = await connectStream({ host, port: listener.port });
  const into = new Uint8Array(10);
  assert.equal((await stream.read({ timeoutMs: 50, into }))?.length, 1);
  await stream.write(new Uint8Array(1));
  const second = await stream.read({ timeoutMs: 20_000, into });
  assert.deepEqual([second?.length, second?.buffer], [2, into.buffer]);
  await assert.rejects(stream.read({ timeoutMs: 50, into }), /The other side sent nothing for 0.05 s/);
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

Deno.test("a connection more than allowed takes the place of one that is not kept, else the listener sends the farewell and closes it", async () => {
  const place = { address: host, port: 0, maximumConnections: 2, farewell: new TextEncoder().encode("full") };
  await using listener = listenStream(place, async (stream) => {
    if ((await stream.read())?.[0] !== 1) return;
    stream.keep();
    await stream.write(new Uint8Array(1));
    await stream.read();
  });
  const connect = (): ReturnType<typeof connectStream> => connectStream({ host, port: listener.port });
  const readText = async (stream: ByteStream): Promise<string> => new TextDecoder().decode(await stream.read());
  const keep = async (stream: ByteStream): Promise<void> => {
    await stream.write(new Uint8Array([1]));
    assert.equal((await stream.read())?.length, 1);
  };
  using kept = await connect();
  await keep(kept);
  using silent = await connect();
  using next = await connect();
  assert.equal(await readText(silent), "full");
  assert.equal(await silent.read(), undefined);
  await keep(next);
  using late = await connect();
  assert.equal(await readText(late), "full");
  // a place that was given back is free
  await kept.closeWrite();
  assert.equal(await kept.read(), undefined);
  using again = await connect();
  await keep(again);
});

Deno.test("an address that fills the places loses its own, the oldest first; a single connection from elsewhere stays", () => {
  const connections = (...addresses: string[]): { remoteAddress: string; isKept: boolean; at: number }[] =>
    addresses.map((address, at) => ({ remoteAddress: address.toLowerCase(), isKept: /[A-Z]/.test(address), at }));
  // capitals are kept
  const cases: [string[], number][] = [
    [["b", "a", "a", "a"], 1],
    [["A", "A", "b", "a"], 2],
    [["a", "b", "c"], 0],
    [["A", "B", "c"], 2],
    [["b", "A", "a", "a", "b", "b"], 0],
  ];
  for (const [addresses, at] of cases) assert.equal(chooseTurnedAway(connections(...addresses)).at, at);
});

Deno.test("A1: who fills the places from many addresses loses them to whom we expect", () => {
  const connections = (...addresses: string[]): { remoteAddress: string; isKept: boolean; at: number }[] =>
    addresses.map((address, at) => ({ remoteAddress: address.toLowerCase(), isKept: /[A-Z]/.test(address), at }));
  // d and e are expected, capitals are kept
  const cases: [string[], number][] = [
    [["d", "a", "b", "c"], 1],
    [["a", "b", "c", "d"], 0],
    [["d", "e", "a"], 2],
    [["D", "e", "d", "a"], 3],
    [["d", "d", "d", "a", "b"], 3],
    [["d", "e", "d"], 0],
    [["d", "D", "e", "e", "e"], 2],
    [["A", "B", "d", "c"], 3],
  ];
  for (const [addresses, at] of cases) {
    assert.equal(
      chooseTurnedAway(connections(...addresses), (address) => "de".includes(address)).at,
      at,
      `${addresses}`,
    );
  }
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
      servePage(stream, {
        port: listener.port,
        names: [],
        answer: ({ path, accept }) =>
          Promise.resolve(
            path === "/" ? { status: 200, contentType: "text/plain", body: `accept ${accept}` } : undefined,
          ),
      }),
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
    assert.equal(response.headers.get("allow"), status === 405 ? "GET, HEAD" : null);
  }
});

Deno.test("whatever a stranger sends, the page answers in HTTP or not at all, and goes on", async () => {
  await using listener = listenStream(
    { address: host, port: 0, idleTimeoutMs: 300, maximumConnections: 4 },
    (stream) =>
      servePage(stream, {
        port: listener.port,
        names: [],
        answer: ({ path }) =>
          Promise.resolve(path === "/" ? { status: 200, contentType: "text/plain", body: "ok" } : { status: 204 }),
      }),
  );
  const own = `Host: ${host}:${listener.port}`;
  const bytes = fc.oneof(
    fc.uint8Array({ maxLength: 9_000 }),
    fc.array(
      fc.constantFrom(
        ...["GET", "HEAD", "POST", "OPTIONS", " / ", " /%00 ", " //", "HTTP/1.1", "HTTP/9.9", "\r\n", "\n", "\r\n\r\n"],
        ...[
          own,
          "Host: evil",
          "Content-Length: 99999999999",
          "Transfer-Encoding: chunked",
          ":",
          "\0",
          "é",
          "x".repeat(4_000),
        ],
      ),
      { maxLength: 12 },
    ).map((words) => new TextEncoder().encode(words.join(""))),
  );
  await fc.assert(
    fc.asyncProperty(bytes, async (request) => {
      using stream = await connectStream({ host, port: listener.port, idleTimeoutMs: 2_000 });
      await stream.write(new Uint8Array(request)).catch(() => {});
      await stream.closeWrite();
      let text = "";
      for (let piece = await stream.read().catch(() => undefined); piece !== undefined;) {
        text += new TextDecoder("latin1").decode(piece);
        piece = await stream.read().catch(() => undefined);
      }
      assert.match(text, /^$|^HTTP\/1\.1 (?:200|204|400|404|405|421) [A-Za-z ]+\r\n/);
    }),
    { numRuns: 200 },
  );
  const good = await fetch(`http://${host}:${listener.port}/`);
  assert.equal(await good.text(), "ok");
  const empty = await fetch(`http://${host}:${listener.port}/favicon.ico`);
  assert.deepEqual([empty.status, empty.headers.get("content-length"), await empty.text()], [204, null, ""]);
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
  assert.deepEqual(parseRequestHead("GET / HTTP/1.0"), { method: "GET", path: "/", accept: "", hosts: [] });
});

Deno.test("A12: whom a request is for is read from all forms of it, and two answers to that are refused", () => {
  const cases: readonly [string, readonly string[] | undefined][] = [
    ["GET / HTTP/1.1\r\nHost: a:1", ["a:1"]],
    ["GET / HTTP/1.1\r\nhOST:a", ["a"]],
    ["GET / HTTP/1.0\r\nHost: a", ["a"]],
    ["GET http://b:2/ HTTP/1.1\r\nHost: a", ["a", "b:2"]],
    ["GET http://b HTTP/1.1\r\nHost: a", ["a", "b"]],
    ["GET HTTP://b/ HTTP/1.0", ["b"]],
    ["GET http:/// HTTP/1.0", [""]],
    ["GET / HTTP/1.1\r\nHost:", [""]],
    ["GET / HTTP/1.1\r\nHostile: a", undefined],
    ["GET / HTTP/1.1\r\nAccept: x", undefined],
    ["GET / HTTP/1.1\r\nHost: a\r\nHost: a", undefined],
    ["GET / HTTP/1.1\r\nHost: a\r\nhost: b", undefined],
    ["GET / HTTP/1.1\r\nHost : a", undefined],
    ["GET / HTTP/1.1\r\nHost: a\r\n b", undefined],
    ["GET https://a/ HTTP/1.1\r\nHost: a", undefined],
    ["GET a:1 HTTP/1.1\r\nHost: a", undefined],
    ["GET * HTTP/1.1\r\nHost: a", undefined],
  ];
  for (const [head, hosts] of cases) assert.deepEqual(parseRequestHead(head)?.hosts, hosts, head);
});

Deno.test("A12: a page of the web that gives its own name our address reads nothing", async () => {
  await using listener = listenStream({ address: host, port: 0, idleTimeoutMs: 1000 }, (stream) =>
    servePage(stream, {
      port: listener.port,
      names: ["laptop"],
      answer: () => Promise.resolve({ status: 200, contentType: "text/plain", body: "secret" }),
    }));
  const ask = async (head: string): Promise<string> => {
    using stream = await connectStream({ host, port: listener.port });
    await stream.write(new TextEncoder().encode(`${head}\r\n\r\n`));
    let text = "";
    for (let bytes = await stream.read(); bytes !== undefined; bytes = await stream.read()) {
      text += new TextDecoder().decode(bytes);
    }
    return text;
  };
  const own = `${host}:${listener.port}`;
  for (const head of [`GET / HTTP/1.1\r\nHost: ${own}`, "GET / HTTP/1.1\r\nHost: laptop", "GET / HTTP/1.0"]) {
    assert.match(await ask(head), /^HTTP\/1\.1 200 .*secret$/s, head);
  }
  const foreign = [
    `GET / HTTP/1.1\r\nHost: evil.example:${listener.port}`,
    `GET http://evil.example/ HTTP/1.1\r\nHost: ${own}`,
    `GET http://${own}/ HTTP/1.1\r\nHost: evil.example`,
    `HEAD / HTTP/1.1\r\nHost: evil.example`,
    `POST / HTTP/1.1\r\nHost: evil.example`,
  ];
  for (const head of foreign) assert.match(await ask(head), /^HTTP\/1\.1 421 (?!.*secret)/s, head);
  assert.match(await ask("GET / HTTP/1.1"), /^HTTP\/1\.1 400 /);
});
