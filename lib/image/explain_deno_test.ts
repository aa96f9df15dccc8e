import assert from "node:assert/strict";
import { CommandError, UserError } from "../errors.ts";
import { explainDeno } from "./explain_deno.ts";

const fail = (...lastLines: string[]): Error =>
  explainDeno("client agent", new CommandError({ argv: ["deno", "bundle"], exitCode: 1, lastLines }));

Deno.test("P8: the message about a download that failed in Deno has the reason and the cure", () => {
  // Messages of Deno 2.9.6.
  const proxy = fail(
    "error: failed to download esbuild package tarball @esbuild/linux-x64@0.25.5 from https://registry.npmjs.org/@esbuild/linux-x64/-/linux-x64-0.25.5.tgz",
    "Caused by:",
    "    0: Failed caching npm package '@esbuild/linux-x64@0.25.5'",
    "    3: invalid peer certificate: UnknownIssuer",
  );
  assert.ok(proxy instanceof UserError);
  assert.equal(proxy.message, "The client agent cannot be made: invalid peer certificate: UnknownIssuer");
  assert.match(proxy.hints.join("\n"), /DENO_TLS_CA_STORE=system/);
  const offline = fail(
    "error: error sending request",
    "    1: dns error",
    "    2: failed to lookup address information",
  );
  assert.ok(offline instanceof UserError && /on the network/.test(offline.hints.join()));
  assert.ok(fail("error: TS2304: Cannot find name") instanceof CommandError);
});
