import assert from "node:assert/strict";
import { routedSession, session } from "../../tests/support/protocol_samples.ts";
import { ProtocolError, type ProtocolErrorCode } from "../errors.ts";
import { parseCpio } from "../formats/cpio.ts";
import { buildSessionCpio, formatSession, parseSession, type SessionParameters } from "./session.ts";

function assertRefused(text: string, code: ProtocolErrorCode): void {
  assert.throws(
    () => parseSession(text),
    (error) => error instanceof ProtocolError && error.code === code,
    JSON.stringify(text),
  );
}

Deno.test("a session file survives a round trip", () => {
  for (const one of [session, routedSession, { ...session, serverAddress: "fe80::1%stiefel0" }]) {
    assert.deepEqual(parseSession(formatSession(one)), one);
  }
});

Deno.test("a session file has no character that means anything to a shell", () => {
  assert.match(formatSession(routedSession), /^(?:[A-Z_]+=[A-Za-z0-9:._/%-]+\n)+$/);
});

Deno.test("a session file that is cut anywhere is refused", () => {
  const text = formatSession(routedSession);
  for (let length = 0; length < text.length; length++) {
    assert.throws(() => parseSession(text.slice(0, length)), ProtocolError, `${length}`);
  }
});

Deno.test("a session file in any other form is refused", () => {
  const text = formatSession(session);
  assertRefused(text.replace("VERSION=1", "VERSION=2"), "unknown-version");
  assertRefused(text.replace("VERSION=1", "VERSION=01"), "malformed");
  assertRefused(text + "STIEFEL_EXTRA=1\n", "malformed");
  assertRefused(text + text, "malformed");
  assertRefused(" " + text, "malformed");
  assertRefused(text.replaceAll("\n", "\r\n"), "malformed");
  assertRefused(text.replace("stiefel0", "$(reboot)"), "malformed");
  assertRefused(text.replace("stiefel0", "a'b"), "malformed");
  assertRefused(text.replace("PORT=10809", "PORT=0"), "malformed");
  assertRefused(text.replace("PORT=10809", "PORT=010809"), "malformed");
  assertRefused(text.replace("PORT=10809", "PORT=1e4"), "malformed");
  assertRefused(text.replace("BLOCK_SIZE=512", "BLOCK_SIZE=513"), "malformed");
  assertRefused(text.replace("DISK_SIZE=2147483648", "DISK_SIZE=2147483649"), "malformed");
  assertRefused(text.replace("DISK_SIZE=2147483648", "DISK_SIZE=99999999999999999999"), "malformed");
  assertRefused(text.replace("SERVER_ADDRESS=fdd3:1f5e:42aa:1::1", "SERVER_ADDRESS=192.0.2.1"), "malformed");
  assertRefused(text.replace("SERVER_ADDRESS=fdd3:1f5e:42aa:1::1", "SERVER_ADDRESS=fe80::1%eth0"), "malformed");
  assertRefused("x".repeat(5000), "oversize");
});

Deno.test("values that cannot be written are refused before anything is written", () => {
  const bad: readonly Partial<SessionParameters>[] = [
    { linkName: "a\nSTIEFEL_PORT=1" },
    { exportName: "short" },
    { port: 70000 },
    { connections: 0 },
    { diskSizeBytes: 1.5 },
    { mtu: 100 },
    { linkMac: "52:54:00:00:00:0A" },
  ];
  for (const change of bad) {
    assert.throws(() => formatSession({ ...session, ...change }), ProtocolError, JSON.stringify(change));
  }
});

Deno.test("the extra cpio holds the session file, readable by root alone", () => {
  const [directory, file, ...others] = parseCpio(buildSessionCpio(session));
  assert.deepEqual(directory, { kind: "directory", path: "stiefelsystem", mode: 0o700 });
  assert(file?.kind === "file" && file.path === "stiefelsystem/session" && file.mode === 0o600);
  assert.deepEqual(parseSession(new TextDecoder().decode(file.content)), session);
  assert.equal(others.length, 0);
});
