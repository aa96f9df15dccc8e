import assert from "node:assert/strict";
import { parseCpio } from "../formats/cpio.ts";
import { createMemorySystem } from "../../tests/support/memory_system.ts";
import { compressCommand, writePart } from "./part_archive.ts";
import type { TreeEntry } from "./tree_entry.ts";

const stored = { program: "cat", arguments: [] } as const;

Deno.test("an archive holds the entries, and the same entries give the same bytes", async () => {
  const big = new Uint8Array(700_001).fill(7);
  const system = createMemorySystem({ files: { "/src/a": "hello", "/src/big": big } });
  const entries: readonly TreeEntry[] = [
    { kind: "directory", path: "etc", mode: 0o755 },
    { kind: "file", path: "etc/a", mode: 0o600, source: "/src/a", sizeBytes: 5 },
    { kind: "file", path: "etc/big", mode: 0o755, source: "/src/big", sizeBytes: big.length },
    { kind: "symlink", path: "link", target: "etc/a" },
  ];
  const part = await writePart(system, entries, { directory: "/one", compressor: stored });
  const again = await writePart(system, entries, { directory: "/two", compressor: stored });
  const bytes = await system.readFile("/one/part.cpio");
  assert.deepEqual(bytes, await system.readFile("/two/part.cpio"));
  assert.equal(part.fingerprint, again.fingerprint);
  assert.equal(part.sizeBytes, bytes.length);
  assert.equal(part.unpackedBytes, big.length + 5);
  const read = parseCpio(bytes);
  assert.deepEqual(read.map(({ kind, path }) => `${kind} ${path}`), [
    "directory etc",
    "file etc/a",
    "file etc/big",
    "symlink link",
  ]);
  const file = read[2];
  assert.ok(file?.kind === "file" && file.content.length === big.length && file.content.every((byte) => byte === 7));
});

Deno.test("a file that changes while it is packed is noticed", async () => {
  const system = createMemorySystem({ files: { "/src/a": "hello" } });
  const entries: readonly TreeEntry[] = [{ kind: "file", path: "a", mode: 0o644, source: "/src/a", sizeBytes: 4 }];
  await assert.rejects(writePart(system, entries, { directory: "/one", compressor: stored }), /changed while/);
});

Deno.test("compressors write what the kernel can unpack, and nothing that depends on the time", () => {
  const command = (program: Parameters<typeof compressCommand>[0]["program"], ...options: string[]): string =>
    compressCommand({ program, arguments: options }, "p.cpio").argv.join(" ");
  assert.equal(command("cat"), "");
  assert.equal(command("zstd", "-19", "-T0"), "zstd -19 -T0 -q -f p.cpio -o p.cpio.zst");
  assert.equal(command("xz", "-6", "--check=crc32"), "xz -6 --check=crc32 -k -f p.cpio");
  assert.equal(command("lz4", "-9", "-l"), "lz4 -9 -l -q -f p.cpio p.cpio.lz4");
  assert.equal(command("pigz", "-9"), "pigz -9 -n -k -f p.cpio");
  assert.equal(command("bzip2"), "bzip2 -k -f p.cpio");
});
