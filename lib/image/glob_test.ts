import assert from "node:assert/strict";
import { compileGlobs } from "./glob.ts";

const cases: readonly { readonly pattern: string; readonly path: string; readonly matches: boolean }[] = [
  { pattern: "usr/share/doc", path: "usr/share/doc", matches: true },
  { pattern: "usr/share/doc", path: "usr/share/doc/kmod/copyright", matches: true },
  { pattern: "usr/share/doc", path: "usr/share/doc-base", matches: false },
  { pattern: "usr/share/doc", path: "opt/usr/share/doc", matches: false },
  { pattern: "/usr/lib/xen-*", path: "usr/lib/xen-4.20/lib", matches: true },
  { pattern: "usr/lib/*/gconv", path: "usr/lib/x86_64-linux-gnu/gconv/UTF-16.so", matches: true },
  { pattern: "usr/lib/*/gconv", path: "usr/lib/a/b/gconv", matches: false },
  { pattern: "drivers/net/**", path: "drivers/net/ethernet/intel/e1000/e1000", matches: true },
  { pattern: "**.pyc", path: "usr/lib/python3/x.pyc", matches: true },
  { pattern: "a?c", path: "abc", matches: true },
  { pattern: "a?c", path: "a/c", matches: false },
  { pattern: "usr/bin/[", path: "usr/bin/[", matches: true },
  { pattern: "libc.so", path: "libcxso", matches: false },
];

for (const { pattern, path, matches } of cases) {
  Deno.test(`the pattern "${pattern}" ${matches ? "matches" : "does not match"} "${path}"`, () => {
    assert.equal(compileGlobs([pattern])(path), matches);
  });
}

Deno.test("no patterns match nothing", () => {
  assert.equal(compileGlobs([])(""), false);
});
