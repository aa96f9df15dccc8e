import assert from "node:assert/strict";
import { ProtocolError } from "../errors.ts";
import { askPage } from "./ask_page.ts";
import { listenStream } from "./listen.ts";
import { type ByteStream, IdleTimeout } from "./stream.ts";

const address = "127.0.0.1";

async function askOf(answer: (stream: ByteStream) => Promise<void>, limitMs?: number): Promise<string> {
  await using listener = listenStream({ address, port: 0 }, async (stream) => {
    await stream.read();
    await answer(stream);
    await stream.closeWrite();
  });
  return await askPage({ address, port: listener.port }, "/status.json", limitMs);
}

const say = (text: string) => (stream: ByteStream): Promise<void> => stream.write(new TextEncoder().encode(text));

Deno.test("the body of a page is returned, whole", async () => {
  assert.equal(await askOf(say("HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n{}\n")), "{}\n");
});

Deno.test("what is no page, too long or not text is refused", async () => {
  for (
    const text of [
      "",
      "{}",
      "HTTP/1.1 421 No\r\n\r\n",
      "HTTP/1.1 200 OK\r\n",
      `HTTP/1.1 200 OK\r\n\r\n${"x".repeat(2 ** 18)}`,
    ]
  ) {
    await assert.rejects(askOf(say(text)), ProtocolError, text.slice(0, 40));
  }
  await assert.rejects(askOf((stream) => stream.write(new Uint8Array([0xff, 0xfe]))), ProtocolError);
});

Deno.test("who gives a byte at a time is given up in the end", async () => {
  const drip = async (stream: ByteStream): Promise<void> => {
    for (;;) {
      await stream.write(new Uint8Array([0x20]));
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  };
  await assert.rejects(
    askOf((stream) => drip(stream).catch(() => {}), 300),
    (error) => error instanceof IdleTimeout && /No whole answer in 0\.3 s/.test(error.message),
  );
});
