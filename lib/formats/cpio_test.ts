import assert from "node:assert/strict";
import { ProtocolError } from "../errors.ts";
import { archivePaddingBytes, buildCpio, type CpioEntry, cpioPaddingBytes, parseCpio } from "./cpio.ts";
import { encodeUtf8 } from "./text.ts";

const entries: readonly CpioEntry[] = [
  { kind: "directory", path: "etc", mode: 0o755 },
  { kind: "file", path: "etc/secret", mode: 0o600, content: encodeUtf8("hello") },
  { kind: "file", path: "etc/empty", mode: 0o4755, content: new Uint8Array(0) },
  { kind: "symlink", path: "etc/größe", target: "../x" },
];

Deno.test("an archive survives a round trip, is aligned and always the same", () => {
  const archive = buildCpio(entries);
  assert.deepEqual(parseCpio(archive), entries);
  assert.deepEqual(buildCpio(entries), archive);
  assert.equal(archive.length % 4, 0);
  assert.deepEqual(parseCpio(buildCpio([])), []);
});

Deno.test("cpio reads what is written", async () => {
  // cpio 2.15 of Debian; the listing shows mode, owner, size and name.
  const child = new Deno.Command("cpio", {
    args: ["--list", "--verbose", "--numeric-uid-gid", "--quiet"],
    env: { TZ: "UTC", LC_ALL: "C" },
    stdin: "piped",
    stdout: "piped",
  }).spawn();
  const writer = child.stdin.getWriter();
  await writer.write(buildCpio(entries.slice(0, 3)));
  await writer.close();
  const { code, stdout } = await child.output();
  assert.equal(code, 0);
  const lines = new TextDecoder().decode(stdout).trimEnd().split("\n").map((line) => line.replaceAll(/\s+/g, " "));
  assert.deepEqual(lines, [
    "drwxr-xr-x 2 0 0 0 Jan 1 1970 etc",
    "-rw------- 1 0 0 5 Jan 1 1970 etc/secret",
    "-rwsr-xr-x 1 0 0 0 Jan 1 1970 etc/empty",
  ]);
});

Deno.test("paths that leave the root, and modes with more than permissions, cannot be written", () => {
  for (const path of ["", "/etc", "etc/", "a//b", "../a", "a/..", ".", "a\0b", "TRAILER!!!", "x".repeat(4096)]) {
    assert.throws(() => buildCpio([{ kind: "directory", path, mode: 0o755 }]), RangeError, path.slice(0, 20));
  }
  assert.throws(() => buildCpio([{ kind: "directory", path: "a", mode: 0o40755 }]), RangeError);
});

Deno.test("an archive that is cut, extended or changed is refused", () => {
  const archive = buildCpio(entries);
  for (let length = 0; length < archive.length; length++) {
    assert.throws(() => parseCpio(archive.subarray(0, length)), ProtocolError, `${length}`);
  }
  assert.throws(() => parseCpio(new Uint8Array([...archive, 0])), ProtocolError);
  // The owner in the first header.
  assert.throws(() => parseCpio(archive.with(6 + 3 * 8 - 1, 0x31)), ProtocolError);
});

Deno.test("padding reaches the next multiple of four", () => {
  assert.deepEqual([0, 1, 2, 3, 4, 5].map(cpioPaddingBytes), [0, 3, 2, 1, 0, 3]);
  assert.deepEqual([0, 1, 2, 3, 4, 5].map(archivePaddingBytes), [4, 7, 6, 5, 4, 7]);
});
