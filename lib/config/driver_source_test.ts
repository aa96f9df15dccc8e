import assert from "node:assert/strict";
import { ExitCode, UserError } from "../errors.ts";
import { requireDriverSource } from "./driver_source.ts";

const driver = { name: "r8152", url: "https://example.org/a.tar.gz", makeArguments: [], moduleNames: [], files: [] };

Deno.test("a driver with a hash or a commit is used", () => {
  const sha256 = "0".repeat(64);
  const commit = "0".repeat(40);
  assert.deepEqual(requireDriverSource({ ...driver, sha256 }), { kind: "archive", url: driver.url, sha256 });
  assert.deepEqual(requireDriverSource({ ...driver, commit }), { kind: "git", url: driver.url, commit });
});

Deno.test("a driver without a hash is refused with the line to add", () => {
  assert.throws(() => requireDriverSource(driver), (error) => {
    assert.ok(error instanceof UserError);
    assert.equal(error.exitCode, ExitCode.usage);
    assert.match(
      error.message,
      /found no hash for https:\/\/example.org\/a.tar.gz, wanted "module-configs.r8152.sha256"/,
    );
    assert.match(error.hints.join("\n"), /sha256sum/);
    return true;
  });
});
