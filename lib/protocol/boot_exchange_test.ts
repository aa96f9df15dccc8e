import assert from "node:assert/strict";
import {
  archive,
  clientMessages,
  hello,
  passphrase,
  serverMessages,
  session,
} from "../../tests/support/protocol_samples.ts";
import { ProtocolError, type ProtocolErrorCode } from "../errors.ts";
import {
  formatClientMessage,
  formatServerMessage,
  parseClientPlaintext,
  parseServerPlaintext,
  type ServerMessage,
} from "./boot_exchange.ts";
import { encodeUtf8 } from "../formats/text.ts";

function control(json: string): Uint8Array {
  return new Uint8Array([1, ...encodeUtf8(json)]);
}

function assertRefused(parse: () => unknown, code: ProtocolErrorCode, what: string): void {
  assert.throws(parse, (error) => error instanceof ProtocolError && error.code === code, what);
}

Deno.test("messages survive a round trip", () => {
  for (const message of clientMessages) assert.deepEqual(parseClientPlaintext(formatClientMessage(message)), message);
  for (const message of serverMessages) {
    assert.deepEqual(parseServerPlaintext(formatServerMessage(message)), { kind: "control", message });
  }
});

Deno.test("a piece of the archive is not taken for a message", () => {
  assert.deepEqual(parseServerPlaintext(new Uint8Array([2, 7, 8])), { kind: "data", bytes: new Uint8Array([7, 8]) });
  assertRefused(() => parseServerPlaintext(new Uint8Array([2])), "malformed", "empty piece");
  assertRefused(() => parseServerPlaintext(new Uint8Array([3, 1])), "malformed", "unknown type");
  assertRefused(() => parseServerPlaintext(new Uint8Array(0)), "truncated", "nothing");
  assertRefused(() => parseClientPlaintext(new Uint8Array([2, 1])), "malformed", "piece from a client");
});

Deno.test("a message has exactly one form", () => {
  const good = JSON.stringify(hello);
  const bad = [
    good.replace(":1,", ":1.0,"),
    good.replace(":1,", ": 1,"),
    good.replace("{", '{"kind":"hello",'),
    good.replace("}", ',"more":1}'),
    good.replace("desktop", "desk\\u0074op"),
    good.replace("desktop", "desk\\u001btop"),
    good.replace("desktop", "x".repeat(65)),
    good.replace("desktop", "\\ud800"),
    good.replace("52:54", "5254"),
    good.replace('"hello"', '"request"'),
    good.replace('"hello"', '"__proto__"'),
    good.replace('"protocol":1,', ""),
    good.replace("17179869184", "-1"),
    good.replace("17179869184", "1e400"),
    '{"kind":"request","passphrase":""}',
    '{"kind":"request","passphrase":null}',
    `{"kind":"request","passphrase":"${"x".repeat(513)}"}`,
    '{"kind":"ack","ok":1}',
    '{"__proto__":{"kind":"request"}}',
    '"request"',
    "null",
    "[",
    "",
  ];
  for (const json of bad) assertRefused(() => parseClientPlaintext(control(json)), "malformed", json.slice(0, 60));
  assertRefused(() => parseClientPlaintext(control("[".repeat(16384))), "malformed", "deeply nested");
  assertRefused(() => parseClientPlaintext(control(" ".repeat(16385))), "oversize", "too long");
});

Deno.test("a hello of another version is recognized as such", () => {
  const next = '{"kind":"hello","protocol":2,"whatever":[]}';
  assertRefused(() => parseClientPlaintext(control(next)), "unknown-version", next);
  const wrong = '{"kind":"hello","protocol":1,"whatever":[]}';
  assertRefused(() => parseClientPlaintext(control(wrong)), "malformed", wrong);
});

Deno.test("a session inside a message is held to the rules of the session file", () => {
  const bad = [
    { ...archive, session: { ...session, linkName: "$(reboot)" } },
    { ...archive, session: { ...session, port: 0 } },
    { ...archive, session: { ...session, serverAddress: "192.0.2.1" } },
    { ...archive, commandLine: "a\nb" },
    { ...archive, commandLine: "x".repeat(2048) },
    { ...archive, kernelBytes: 0 },
    { ...archive, initramfsBytes: 2 ** 32 },
    { ...archive, notices: Array.from({ length: 9 }, () => "x") },
  ] satisfies ServerMessage[];
  for (const message of bad) {
    assertRefused(() => formatServerMessage(message), "malformed", JSON.stringify(message));
    assertRefused(() => parseServerPlaintext(control(JSON.stringify(message))), "malformed", JSON.stringify(message));
  }
});

Deno.test("what is refused is not repeated in the message", () => {
  const bad = [
    `{"kind":"request","passphrase":"${passphrase}","${passphrase}":1}`,
    `{"kind":"request","passphrase":["${passphrase}"]}`,
    `{"kind":"request","passphrase":"${passphrase}`,
    `{"kind":"${passphrase}"}`,
  ];
  for (const json of bad) {
    assert.throws(() => parseClientPlaintext(control(json)), (error) => {
      assert(error instanceof ProtocolError);
      assert(!`${error.message} ${error.stack} ${String(error.cause)}`.includes(passphrase), error.message);
      return true;
    });
  }
});
