import assert from "node:assert/strict";
import { formatImageSbom, formatProgramSbom } from "./sbom.ts";

const epoch = Date.UTC(2026, 10, 30) / 1000;

Deno.test("the program's bill of material has the libraries that are in it, with their sums, and Deno", () => {
  const sum = new Uint8Array(64).fill(7);
  const lock = JSON.stringify({
    version: "5",
    npm: {
      "valibot@1.5.0": { integrity: `sha512-${sum.toBase64()}` },
      "@valibot/to-json-schema@1.8.0_valibot@1.5.0": { integrity: `sha512-${sum.toBase64()}` },
      "fast-check@4.10.2": { integrity: `sha512-${sum.toBase64()}` },
    },
  });
  const bundle = '// npm/valibot/1.5.0/dist/index.mjs\nx;\n  "npm/@valibot/to-json-schema/1.8.0/a.js"() {\n';
  const facts = { version: "0.1.0", lock, bundle, deno: { version: "2.9.6", sha256: "ab" }, epoch };
  const bom = JSON.parse(formatProgramSbom(facts));
  assert.equal(bom.bomFormat, "CycloneDX");
  assert.equal(bom.metadata.timestamp, "2026-11-30T00:00:00.000Z");
  assert.deepEqual(bom.components.map(({ purl }: { readonly purl: string }) => purl), [
    "pkg:github/denoland/deno@v2.9.6",
    "pkg:npm/%40valibot/to-json-schema@1.8.0",
    "pkg:npm/valibot@1.5.0",
  ]);
  assert.deepEqual(bom.components[2].hashes, [{ alg: "SHA-512", content: "07".repeat(64) }]);
  assert.deepEqual(bom.dependencies[0].dependsOn, bom.components.map((one: Record<string, string>) => one["bom-ref"]));
  assert.equal(formatProgramSbom(facts), formatProgramSbom(facts));
  assert.throws(() => formatProgramSbom({ ...facts, bundle: "// npm/other/1.0.0/x.js\n" }), /deno.lock has no other/);
});

Deno.test("the image's bill of material has its Debian packages, and the state of the archive", () => {
  const manifest = {
    kernel: { sha256: "" },
    debian: { suite: "trixie", snapshot: "20261121T091544Z" },
    packages: [
      { name: "libstdc++6", version: "14.2.0-19", architecture: "amd64" },
      { name: "base-files", version: "1:13.8+deb13u1", architecture: "amd64" },
    ],
  };
  const bom = JSON.parse(formatImageSbom(JSON.stringify(manifest), { version: "0.1.0", epoch }) ?? "");
  assert.equal(bom.metadata.component.version, "0.1.0+trixie.20261121T091544Z");
  assert.deepEqual(bom.components.map(({ purl }: { readonly purl: string }) => purl), [
    "pkg:deb/debian/base-files@1%3A13.8%2Bdeb13u1?arch=amd64&distro=trixie",
    "pkg:deb/debian/libstdc%2B%2B6@14.2.0-19?arch=amd64&distro=trixie",
  ]);
  assert.equal(formatImageSbom("{}", { version: "0.1.0", epoch }), undefined);
});
