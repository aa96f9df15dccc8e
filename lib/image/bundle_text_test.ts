import assert from "node:assert/strict";
import { nameLibraries } from "./bundle_text.ts";

Deno.test("a bundle does not show in whose home its libraries were", () => {
  const bundle = (cache: string): string =>
    [
      "// agents/client/main.ts",
      "var a = 1; // x/npm/x/y/z",
      `// ${cache}valibot/1.5.0/dist/index.mjs`,
      "var init_dist = __esm({",
      `  "${cache}@valibot/to-json-schema/1.8.0/dist/index.mjs"() {`,
      `  "lib/errors.ts"(exports) {`,
    ].join("\n");
  const expected = bundle("npm/");
  for (const home of ["../../root/.cache/deno/", "", "../../home/a b/.cache/deno/"]) {
    assert.equal(nameLibraries(bundle(`${home}npm/registry.npmjs.org/`)), expected);
    assert.equal(nameLibraries(bundle(`${home}npm/npm.example/`)), expected);
  }
});
