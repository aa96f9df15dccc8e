import assert from "node:assert/strict";
import { serveFiles } from "./file_host.ts";
import type { ByteStream } from "./stream.ts";

const content = new TextEncoder().encode("0123456789");

/** What comes back for what is sent over one connection. */
async function talk(sent: string): Promise<string> {
  let input: Uint8Array<ArrayBuffer> | undefined = new TextEncoder().encode(sent);
  let output = "";
  const stream: ByteStream = {
    localAddress: "192.0.2.1",
    remoteAddress: "192.0.2.2",
    remotePort: 1,
    // One request at a time, as clients wait for the answer.
    read: () => {
      const end = input === undefined ? -1 : new TextDecoder().decode(input).indexOf("\r\n\r\n");
      const piece = end < 0 ? input : input?.slice(0, end + 4);
      input = end < 0 ? undefined : input?.slice(end + 4);
      return Promise.resolve(piece?.length === 0 ? undefined : piece);
    },
    write: (bytes) => {
      output += new TextDecoder().decode(bytes);
      return Promise.resolve();
    },
    closeWrite: () => Promise.resolve(),
    close: () => {},
    [Symbol.dispose]: () => {},
  };
  await serveFiles(stream, {
    find: (path) =>
      Promise.resolve(
        path !== "/file" ? undefined : {
          sizeBytes: content.length,
          open: ({ offset, sizeBytes }) =>
            Promise.resolve(ReadableStream.from([content.slice(offset, offset + sizeBytes)])),
        },
      ),
  });
  return output;
}

const get = (path: string, ...headers: readonly string[]): string =>
  [`GET ${path} HTTP/1.1`, "Host: 192.0.2.1", ...headers, "", ""].join("\r\n");

Deno.test("a file, its head, and its rest are given", async () => {
  assert.match(await talk(get("/file")), /^HTTP\/1\.1 200 OK\r\n[^]*Content-Length: 10\r\n\r\n0123456789$/);
  assert.match(await talk(get("/file").replace("GET", "HEAD")), /Content-Length: 10\r\n\r\n$/);
  const rest = await talk(get("/file", "Range: bytes=4-"));
  assert.match(rest, /^HTTP\/1\.1 206 Partial Content\r\n[^]*Content-Range: bytes 4-9\/10\r\n\r\n456789$/);
  assert.match(await talk(get("/file", "Range: bytes=10-")), /^HTTP\/1\.1 416 /);
  // Any other range may be ignored.
  assert.match(await talk(get("/file", "Range: bytes=-3")), /^HTTP\/1\.1 200 /);
});

Deno.test("requests follow each other until one says that it is the last", async () => {
  const both = await talk(get("/file") + get("/none") + get("/file", "Connection: close") + get("/file"));
  assert.deepEqual([...both.matchAll(/HTTP\/1\.1 (\d+)/g)].map(([, status]) => status), ["200", "404", "200"]);
  assert.match(await talk(get("/file").replace("1.1", "1.0") + get("/file")), /Connection: close\r\n\r\n0123456789$/);
});

Deno.test("what is no request, or another method, ends the connection", async () => {
  assert.match(await talk("hello\r\n\r\n" + get("/file")), /^HTTP\/1\.1 400 Bad Request\r\n[^]*close\r\n\r\n$/);
  assert.match(await talk(get("/file").replace("GET", "POST") + get("/file")), /^HTTP\/1\.1 405 [^]*\r\n\r\n$/);
  assert.match(await talk("x".repeat(9000)), /^HTTP\/1\.1 400 /);
  const many = await talk(get("/none").repeat(100));
  assert.equal([...many.matchAll(/HTTP\/1\.1 404/g)].length, 64);
  assert.equal(await talk(""), "");
});
