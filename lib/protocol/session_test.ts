import assert from "node:assert/strict";
import fc from "fast-check";
import * as v from "valibot";
import {
  engineSecret,
  engineSession,
  guestSession,
  hello,
  nvmeSession,
  routedSession,
  session,
  tunnelSession,
} from "../../tests/support/protocol_samples.ts";
import { ProtocolError, type ProtocolErrorCode } from "../errors.ts";
import { parseCpio } from "../formats/cpio.ts";
import { buildSessionCpio, formatSession, parseSession } from "./session.ts";
import { groupNames, sessionGroups, type SessionParameters, SessionSchema } from "./session_groups.ts";
import { findNotTaken } from "./unknown_groups.ts";

function assertRefused(text: string, code: ProtocolErrorCode): void {
  assert.throws(
    () => parseSession(text),
    (error) => error instanceof ProtocolError && error.code === code,
    JSON.stringify(text),
  );
}

Deno.test("a session file survives a round trip", () => {
  for (
    const one of [session, routedSession, tunnelSession, {
      ...session,
      disk: { ...session.disk, address: "fe80::1%stiefel0" },
    }]
  ) {
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
  assertRefused(text.replace("VERSION=2", "VERSION=1"), "unknown-version");
  assertRefused(text.replace("VERSION=2", "VERSION=3"), "unknown-version");
  assertRefused(text.replace("VERSION=2", "VERSION=02"), "malformed");
  assertRefused(text + "STIEFEL_EXTRA=1\n", "malformed");
  assertRefused(text + text, "malformed");
  assertRefused(" " + text, "malformed");
  assertRefused(text.replaceAll("\n", "\r\n"), "malformed");
  assertRefused(text.replace("stiefel0", "$(reboot)"), "malformed");
  assertRefused(text.replace("stiefel0", "a'b"), "malformed");
  assertRefused(text.replace("PORT=10809", "PORT=0"), "malformed");
  assertRefused(text.replace("PORT=10809", "PORT=010809"), "malformed");
  assertRefused(text.replace("PORT=10809", "PORT=1e4"), "malformed");
  assertRefused(text.replace("BLOCK_SIZE_BYTES=512", "BLOCK_SIZE_BYTES=513"), "malformed");
  assertRefused(text.replace("DISK_SIZE_BYTES=2147483648", "DISK_SIZE_BYTES=2147483649"), "malformed");
  assertRefused(text.replace("DISK_SIZE_BYTES=2147483648", "DISK_SIZE_BYTES=99999999999999999999"), "malformed");
  assertRefused(text.replace("DISK_ADDRESS=fdd3:1f5e:42aa:1::1", "DISK_ADDRESS=192.0.2.1"), "malformed");
  assertRefused(text.replace("DISK_ADDRESS=fdd3:1f5e:42aa:1::1", "DISK_ADDRESS=fe80::1%eth0"), "malformed");
  assertRefused("x".repeat(5000), "oversize");
});

Deno.test("the disk of each transport has keys of its own, and none of another's", () => {
  const text = formatSession(nvmeSession);
  assert.deepEqual(parseSession(text), nvmeSession);
  assertRefused(text.replace("nvme-tcp", "nbd"), "malformed");
  assertRefused(text.replace("DISK_QUEUES=4", "DISK_CONNECTIONS=4"), "malformed");
  assertRefused(text.replace("DISK_HOST=22222222-", "DISK_HOST=2222222-"), "malformed");
  assertRefused(
    text.replace("DISK_ADDRESS=fdd3:1f5e:42aa:1::1", "DISK_ADDRESS=fdd3:1f5e:42aa:1::1%stiefel0"),
    "malformed",
  );
});

Deno.test("a guest has a number, and no mode but one", () => {
  const text = formatSession(guestSession);
  assert.match(text, /\nSTIEFEL_MODE_KIND=try\nSTIEFEL_MODE_GUEST=2\n$/);
  assert.deepEqual(parseSession(text), guestSession);
  assertRefused(text.replace("KIND=try", "KIND=write"), "malformed");
  for (const number of ["0", "9", "two"]) assertRefused(text.replace("GUEST=2", `GUEST=${number}`), "malformed");
  assert.match(findNotTaken(hello, guestSession) ?? "", /^The stick does not know the group "mode"/);
  assert.equal(findNotTaken({ ...hello, mode: { kind: "try" } }, guestSession), undefined);
});

Deno.test("an engine's disk has several addresses and qualified names, and neither a size nor a tunnel", () => {
  const text = formatSession(engineSession);
  assert.deepEqual(parseSession(text), engineSession);
  const { secondAddress: _, ...one } = engineSession.disk;
  assert.deepEqual(parseSession(formatSession({ ...engineSession, disk: one })).disk, one);
  for (
    const [from, to] of [
      ["SECOND_ADDRESS=192.0.2.11", "SECOND_ADDRESS=fd00::1"],
      ["DISK_ADDRESS=192.0.2.10", "DISK_ADDRESS=fd00::1"],
      ["DISK_SECOND", "DISK_FIFTH"],
      [/SUBSYSTEM=.*/, "SUBSYSTEM=nqn.2014-08.org"],
      [/DISK_HOST=.*/, "DISK_HOST=11111111-1111-4111-8111-111111111111"],
      [/HOST_ID=.*/, "HOST_ID=x"],
      ["NAMESPACE_ID=3", "NAMESPACE_ID=0"],
      ["QUEUES=4", "QUEUES=4\nSTIEFEL_DISK_SIZE_BYTES=512"],
    ] as const
  ) assertRefused(text.replace(from, to), "malformed");
  const inTunnel = { ...engineSession, tunnel: tunnelSession.tunnel } as SessionParameters;
  assert.throws(() => formatSession(inTunnel), ProtocolError);
});

Deno.test("an engine's secret lies beside the session file, readable by root alone, and in no other session", () => {
  const secret = (one: NonNullable<SessionParameters["secret"]>): SessionParameters => ({
    ...engineSession,
    secret: one,
  });
  const filesOf = (one: SessionParameters): ReadonlyMap<string, string> =>
    new Map(
      parseCpio(buildSessionCpio(one, { programs: new Map() })).flatMap((entry) =>
        entry.kind === "file"
          ? [[`${entry.path} ${entry.mode.toString(8)}`, new TextDecoder().decode(entry.content)]]
          : []
      ),
    );
  const whole = filesOf(secret(engineSecret));
  assert.deepEqual([...whole.keys()], ["stiefelsystem/session 600", "stiefelsystem/secret 600"]);
  assert.equal(
    whole.get("stiefelsystem/secret 600"),
    `HOST=${engineSecret.hostKey}\nCONTROLLER=${engineSecret.controllerKey}\n`,
  );
  assert.doesNotMatch(whole.get("stiefelsystem/session 600") ?? "", /DHHC/);
  const { hostKey } = engineSecret;
  assert.equal(filesOf(secret({ hostKey })).get("stiefelsystem/secret 600"), `HOST=${hostKey}\n`);
  assert.equal(filesOf(engineSession).size, 1);
  for (const wrong of ["", "DHHC-1:04:AAAA:", "DHHC-1:00:AAAA", "DHHC-1:00:AA AA:", "DHHC-1:00:AAAA:\nX=1", "secret"]) {
    assert.throws(() => formatSession(secret({ hostKey: wrong })), ProtocolError, wrong);
  }
  assert.throws(() => formatSession({ ...session, secret: engineSecret }), ProtocolError);
  // What knows the transport knows the secret; a hello has no word of it.
  const client = { ...hello, disk: { transports: ["nvme-engine"] } };
  assert.equal(findNotTaken(client, secret(engineSecret)), undefined);
  assert.match(findNotTaken(hello, secret(engineSecret)) ?? "", /the transport "nvme-engine"/);
});

Deno.test("values that cannot be written are refused before anything is written", () => {
  const { link, disk } = session;
  const bad: readonly SessionParameters[] = [
    { ...session, link: { ...link, name: "a\nSTIEFEL_DISK_PORT=1" } },
    { ...session, link: { ...link, gateway: "fd00::9\nSTIEFEL_LINK_MTU=1400" } },
    { ...session, link: { ...link, mtu: 100 } },
    { ...session, link: { ...link, vlan: 0 } },
    { ...session, link: { ...link, vlan: 4095 } },
    { ...session, link: { ...link, mac: "52:54:00:00:00:0A" } },
    { ...session, disk: { ...disk, exportName: "short" } },
    { ...session, disk: { ...disk, port: 70000 } },
    { ...session, disk: { ...disk, connections: 0 } },
    { ...session, disk: { ...disk, sizeBytes: 1.5 } },
    { ...session, disk: { ...disk, sizeBytes: disk.blockSizeBytes * 9 + 1 } },
    { ...session, disk: { ...disk, address: "192.0.2.1" } },
    { ...session, more: {} } as SessionParameters,
  ];
  for (const one of bad) assert.throws(() => formatSession(one), ProtocolError, JSON.stringify(one));
});

Deno.test("a group or a transport that is not known is refused by its name", () => {
  const lines = formatSession(session).trimEnd().split("\n");
  const firstOfDisk = lines.findIndex((line) => line.startsWith("STIEFEL_DISK_"));
  for (const group of ["uplink", "later"]) {
    for (const place of [1, firstOfDisk, lines.length]) {
      const text = lines.toSpliced(place, 0, `STIEFEL_${group.toUpperCase()}_PUBLIC_KEY=x`).join("\n") + "\n";
      assertRefused(text, "unknown-group");
      assert.throws(() => parseSession(text), { message: new RegExp(`a group "${group}", which .*: build one image`) });
    }
  }
  const other = formatSession(session).replace("=nbd\n", "=iscsi\n");
  assertRefused(other, "unknown-transport");
  assert.throws(() => parseSession(other), { message: /the transport "iscsi", which .*: build one image/ });
  assertRefused(other.replace("iscsi", "ISCSI"), "malformed");
  assertRefused(formatSession(session) + "STIEFEL_LINK_MORE=1\n", "malformed");
});

Deno.test("a session has only what the hello of its client has", () => {
  assert.equal(findNotTaken(hello, session), undefined);
  const other = { ...hello, disk: { transports: ["nvme-tcp", "later"] } };
  assert.match(findNotTaken(other, session) ?? "", /^The stick does not know the transport "nbd" .*: build one image/);
  const { link: _, ...withoutLink } = hello;
  assert.match(findNotTaken(withoutLink as typeof hello, session) ?? "", /the group "link"/);
});

Deno.test("the table has its groups in the order of their names, each key once, and each of its own group", () => {
  const names = sessionGroups.map(({ name }) => name);
  assert.deepEqual(names, groupNames.filter((name) => names.includes(name)));
  for (const { name, forms } of sessionGroups) {
    for (const { fields, transport } of forms) {
      const keys = fields.map((field) => field.name);
      assert.equal(new Set(keys).size, keys.length);
      assert.ok(keys.every((key) => key.startsWith(`STIEFEL_${name.toUpperCase()}_`)), `${keys}`);
      // read first: the others depend on it
      assert.ok(transport === undefined || fields[0]?.key === "transport");
    }
  }
});

const hexDigits = (length: number): fc.Arbitrary<string> =>
  fc.uint8Array({ minLength: length / 2, maxLength: length / 2 }).map((bytes) => bytes.toHex());
const linkNames = fc.stringMatching(/^[A-Za-z0-9][A-Za-z0-9._-]{0,14}$/);

/** Every session that the schema accepts, as far as addresses of one family can be drawn. */
const sessions: fc.Arbitrary<SessionParameters> = fc.record({
  family: fc.constantFrom("ipV4", "ipV6"),
  ends: fc.record({ ipV4: fc.tuple(fc.ipV4(), fc.ipV4(), fc.ipV4()), ipV6: fc.tuple(fc.ipV6(), fc.ipV6(), fc.ipV6()) }),
  prefix: fc.integer({ min: 0, max: 32 }),
  link: fc.record({ mac: hexDigits(12), name: linkNames, mtu: fc.option(fc.integer({ min: 1280, max: 65535 })) }),
  isRouted: fc.boolean(),
  hasZone: fc.boolean(),
  disk: fc.record({
    port: fc.integer({ min: 1, max: 65535 }),
    exportName: hexDigits(32),
    blockSizeBytes: fc.integer({ min: 9, max: 16 }).map((power) => 2 ** power),
    connections: fc.integer({ min: 1, max: 16 }),
  }),
  blocks: fc.integer({ min: 1, max: 2 ** 36 }),
}).map(({ family, ends, prefix, link, isRouted, hasZone, disk, blocks }): SessionParameters => {
  const [own, server, gateway] = ends[family];
  return {
    version: 2,
    link: {
      mac: link.mac.match(/../g)?.join(":") ?? "",
      name: link.name,
      address: `${own}/${prefix}`,
      ...(isRouted ? { gateway } : {}),
      ...(link.mtu === null ? {} : { mtu: link.mtu }),
    },
    disk: {
      transport: "nbd",
      ...disk,
      address: hasZone && family === "ipV6" ? `${server}%${link.name}` : server,
      sizeBytes: blocks * disk.blockSizeBytes,
    },
  };
});

Deno.test("every session that the messages carry survives the session file, and every change of a line is noticed", () => {
  fc.assert(fc.property(sessions, fc.nat(), (one, pick) => {
    assert.ok(v.is(SessionSchema, one), JSON.stringify(one));
    const text = formatSession(one);
    assert.deepEqual(parseSession(text), one);
    const lines = text.trimEnd().split("\n");
    const [index, other] = [pick % lines.length, (pick + 1) % lines.length];
    const line = lines[index] ?? "";
    for (
      const changed of [
        lines.toSpliced(index, 0, line),
        lines.with(index, lines[other] ?? "").with(other, line),
        lines.with(index, `${line} `),
        lines.with(index, line.toLowerCase()),
        lines.with(index, line.replace(/=.*/, "=")),
      ]
    ) {
      assert.throws(() => parseSession(changed.join("\n") + "\n"), ProtocolError, changed.join(" "));
    }
  }));
});

Deno.test("the extra cpio holds the session file, readable by root alone", () => {
  const [directory, file, ...others] = parseCpio(buildSessionCpio(session, { programs: new Map() }));
  assert.deepEqual(directory, { kind: "directory", path: "stiefelsystem", mode: 0o700 });
  assert(file?.kind === "file" && file.path === "stiefelsystem/session" && file.mode === 0o600);
  assert.deepEqual(parseSession(new TextDecoder().decode(file.content)), session);
  assert.equal(others.length, 0);
});

Deno.test("a session with a tunnel has its keys beside it, readable by root alone, and programs that root may start", () => {
  const programs = new Map([["wg", Uint8Array.of(1, 2)], ["ld.so", Uint8Array.of(3)]]);
  const [, , ...others] = parseCpio(buildSessionCpio(session, { tunnelConfiguration: "[Interface]\n", programs }));
  assert.deepEqual(others.map((entry) => [entry.path, entry.kind === "file" && entry.mode]), [
    ["stiefelsystem/tunnel.conf", 0o600],
    ["stiefelsystem/wg", 0o700],
    ["stiefelsystem/ld.so", 0o700],
  ]);
  assert.ok(others[1]?.kind === "file");
  assert.deepEqual(others[1].content, Uint8Array.of(1, 2));
});
