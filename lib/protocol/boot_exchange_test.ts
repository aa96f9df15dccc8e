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
    good.replace(":2,", ":2.0,"),
    good.replace(":2,", ": 2,"),
    good.replace("{", '{"kind":"hello",'),
    good.replace(/}$/, ',"more":1}'),
    good.replace('"link":{', '"link":{"more":1,'),
    good.replace('["nbd"]', "[]"),
    good.replace('["nbd"]', '["NBD"]'),
    good.replace('["nbd"]', `[${Array.from({ length: 9 }, () => '"nbd"').join(",")}]`),
    // a way through a router belongs to an address
    good.replace('02"}', '02","gateway":"192.0.2.1"}'),
    good.replace('02"}', '02","mtu":1279}'),
    good.replace("desktop", "desk\\u0074op"),
    good.replace("desktop", "desk\\u001btop"),
    good.replace("desktop", "x".repeat(65)),
    good.replace("desktop", "\\ud800"),
    good.replace("52:54", "5254"),
    good.replace('"hello"', '"request"'),
    good.replace('"hello"', '"__proto__"'),
    good.replace('"protocol":2,', ""),
    good.replace("00112233", "0011223"),
    good.replace("aabbccdd", "AABBCCDD"),
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
  for (const version of [1, 3, 77]) {
    const other = `{"kind":"hello","protocol":${version},"whatever":[]}`;
    assertRefused(() => parseClientPlaintext(control(other)), "unknown-version", other);
  }
  const wrong = '{"kind":"hello","protocol":2,"whatever":[]}';
  assertRefused(() => parseClientPlaintext(control(wrong)), "malformed", wrong);
});

Deno.test("a hello or session with a group, a transport or a version of another date is refused by its name", () => {
  const client = JSON.stringify(hello);
  const server = JSON.stringify(archive);
  const cases: readonly (readonly [() => unknown, ProtocolErrorCode, RegExp])[] = [
    ...["uplink", "later-2"].flatMap((name) =>
      ([
        [() => parseClientPlaintext(control(client.replace(/}$/, `,"${name}":{}}`))), "hello"],
        [() => parseServerPlaintext(control(server.replace(/}}}$/, `},"${name}":{"key":"x"}}}`))), "session"],
      ] as const).map(([parse, what]) =>
        [
          parse,
          "unknown-group",
          new RegExp(`^The ${what} has a group "${name}", which this .*: build one image`),
        ] as const
      )
    ),
    [
      () => parseServerPlaintext(control(server.replace('"nbd"', '"iscsi"'))),
      "unknown-transport",
      /^The session has the transport "iscsi", which .*setup-server/,
    ],
    [
      () => parseServerPlaintext(control(server.replace('"version":2', '"version":1'))),
      "unknown-version",
      /^The session has version 1, this program knows version 2: build one image/,
    ],
  ];
  for (const [parse, code, message] of cases) {
    assertRefused(parse, code, String(message));
    assert.throws(parse, { message });
  }
});

Deno.test("what only looks like something of another date stays malformed", () => {
  const server = JSON.stringify(archive);
  for (
    const text of [
      server.replace(/}}}$/, '},"later":1}}'),
      server.replace(/}}}$/, '},"Later":{}}}'),
      server.replace(/}}}$/, `},"${"x".repeat(33)}":{}}}`),
      server.replace('"nbd"', '"$(reboot)"'),
      server.replace('"nbd"', "7"),
      server.replace('"version":2', '"version":0'),
      server.replace(/"link":{[^}]*},/, ""),
      server.replace(/,"disk":{[^}]*}/, ""),
    ]
  ) {
    assert.notEqual(text, server);
    assertRefused(() => parseServerPlaintext(control(text)), "malformed", text);
  }
});

Deno.test("a session inside a message is held to the rules of the session file", () => {
  const { link, disk } = session;
  const bad = [
    { ...archive, session: { ...session, link: { ...link, name: "$(reboot)" } } },
    { ...archive, session: { ...session, disk: { ...disk, port: 0 } } },
    { ...archive, session: { ...session, disk: { ...disk, address: "192.0.2.1" } } },
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
