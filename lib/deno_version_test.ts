import assert from "node:assert/strict";
import { UserError } from "./errors.ts";
import { parseDenoTarget, parseDenoVersion, requireDeno } from "./deno_version.ts";

Deno.test("Deno 2.9 and all later ones will do", () => {
  for (const version of ["2.9.0", "2.9.6", "2.10.0", "3.0.0-rc.1", Deno.version.deno]) requireDeno(version, "This is");
  for (const version of ["2.8.9", "2.5.7", "1.46.3", "unknown", ""]) {
    assert.throws(() => requireDeno(version, "This is"), UserError);
  }
});

Deno.test("the version is read from what deno prints", () => {
  assert.equal(
    parseDenoVersion("deno 2.9.6 (stable, release, x86_64-unknown-linux-gnu)\nv8 15.0.245.2-rusty\n"),
    "2.9.6",
  );
  assert.equal(parseDenoVersion("bash: deno: command not found"), "unknown");
});

Deno.test("what it was built for is read, too", () => {
  assert.equal(
    parseDenoTarget("deno 2.9.6 (stable, release, x86_64-unknown-linux-gnu)\nv8 15"),
    "x86_64-unknown-linux-gnu",
  );
  assert.equal(parseDenoTarget("deno 2.9.6 (aarch64-unknown-linux-gnu)\n"), "aarch64-unknown-linux-gnu");
  assert.equal(parseDenoTarget("deno 2.9.6\n"), "unknown");
});
