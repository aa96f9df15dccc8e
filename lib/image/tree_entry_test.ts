import assert from "node:assert/strict";
import { arrangeEntries, parseFindOutput, sumBytes, type TreeEntry } from "./tree_entry.ts";

const file = (path: string, sizeBytes = 1): TreeEntry => ({
  kind: "file",
  path,
  mode: 0o644,
  source: `/src/${path}`,
  sizeBytes,
});

Deno.test("what find says becomes entries: modes for an image, no devices", () => {
  const text = [
    "d\t700\t4096\tusr\t",
    "f\t4755\t10\tusr/su\t",
    "f\t600\t20\tusr/a b\t",
    "l\t777\t4\tbin\tusr/bin",
    "c\t666\t0\tnull\t",
  ].join("\0") + "\0";
  assert.deepEqual(parseFindOutput(text, "/tree"), [
    { kind: "directory", path: "usr", mode: 0o755 },
    { kind: "file", path: "usr/su", mode: 0o755, source: "/tree/usr/su", sizeBytes: 10 },
    { kind: "file", path: "usr/a b", mode: 0o644, source: "/tree/usr/a b", sizeBytes: 20 },
    { kind: "symlink", path: "bin", target: "usr/bin" },
  ]);
});

Deno.test("something other than find's output is a programmer's error", () => {
  assert.throws(() => parseFindOutput("f\t644", "/tree"), TypeError);
});

Deno.test("entries are sorted, with their parents, without directories that hold nothing", () => {
  const entries = arrangeEntries(
    [file("usr/lib/b"), file("usr/lib/a"), { kind: "directory", path: "usr/empty", mode: 0o755 }, {
      kind: "symlink",
      path: "lib",
      target: "usr/lib",
    }],
    ["var/tmp"],
  );
  assert.deepEqual(entries.map(({ kind, path }) => `${kind} ${path}`), [
    "symlink lib",
    "directory usr",
    "directory usr/lib",
    "file usr/lib/a",
    "file usr/lib/b",
    "directory var",
    "directory var/tmp",
  ]);
});

Deno.test("of two entries with one path the later one counts", () => {
  const [entry] = arrangeEntries([file("init", 1), file("init", 2)]);
  assert.equal(entry?.kind === "file" && entry.sizeBytes, 2);
});

Deno.test("only the content of files counts as size", () => {
  assert.equal(sumBytes([file("a", 3), file("b", 4), { kind: "symlink", path: "c", target: "a" }]), 7);
});
