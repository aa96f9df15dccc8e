import assert from "node:assert/strict";
import { findMissingLibraries, findUnneededLibraries } from "./shared_libraries.ts";

const directory = "usr/lib/x86_64-linux-gnu";
const library = (name: string): string => `${directory}/${name}`;

Deno.test("libraries that nothing needs are found, with the links to them", () => {
  const unneeded = findUnneededLibraries(
    [
      { path: "usr/bin/ip", needs: ["liba.so.1"] },
      { path: library("liba.so.1.2"), needs: ["libb.so.3"] },
      { path: library("libb.so.3"), needs: [] },
      { path: library("libunused.so.9.1"), needs: ["libonlyforunused.so.1"] },
      { path: library("libonlyforunused.so.1"), needs: [] },
    ],
    [
      { path: library("liba.so.1"), target: library("liba.so.1.2") },
      { path: library("libunused.so.9"), target: library("libunused.so.9.1") },
    ],
  );
  assert.deepEqual([...unneeded].sort(), [
    library("libonlyforunused.so.1"),
    library("libunused.so.9"),
    library("libunused.so.9.1"),
  ]);
});

Deno.test("a plug-in counts as a program: what it needs stays", () => {
  const unneeded = findUnneededLibraries(
    [{ path: library("nbdkit/plugins/nbdkit-file-plugin.so"), needs: ["libc.so.6"] }, {
      path: library("libc.so.6"),
      needs: [],
    }],
    [],
  );
  assert.deepEqual([...unneeded], []);
});

Deno.test("libraries loaded by name at run time stay", () => {
  const unneeded = findUnneededLibraries([{ path: library("libgcc_s.so.1"), needs: [] }], []);
  assert.deepEqual([...unneeded], []);
});

Deno.test("libraries that only each other need go", () => {
  const unneeded = findUnneededLibraries(
    [{ path: library("libx.so.1"), needs: ["liby.so.1"] }, { path: library("liby.so.1"), needs: ["libx.so.1"] }],
    [],
  );
  assert.equal(unneeded.size, 2);
});

Deno.test("a library that a program needs and the image lacks is named with the program", () => {
  const files = [{ path: "usr/sbin/kexec", needs: ["libxenctrl.so.4.20", "libc.so.6"] }];
  assert.deepEqual(findMissingLibraries(files, ["usr/sbin/kexec", library("libc.so.6")]), [
    "usr/sbin/kexec needs libxenctrl.so.4.20",
  ]);
  assert.deepEqual(findMissingLibraries(files, [library("libxenctrl.so.4.20"), library("libc.so.6")]), []);
});
