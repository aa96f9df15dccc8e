import assert from "node:assert/strict";
import { estimateMinimumRamMiB, formatManifest } from "./manifest.ts";

Deno.test("the least memory follows from what is unpacked, which may fill half of it", () => {
  const usual = { architecture: "amd64", initrdBytes: 68_500_000, unpackedBytes: 158_000_000 } as const;
  assert.equal(estimateMinimumRamMiB(usual), 448);
  assert.equal(estimateMinimumRamMiB({ ...usual, initrdBytes: 300_000_000, unpackedBytes: 100_000_000 }), 576);
  assert.equal(
    estimateMinimumRamMiB({ architecture: "arm64", initrdBytes: 71_500_000, unpackedBytes: 149_300_000 }),
    512,
  );
});

Deno.test("a manifest tells sizes, hashes, versions and parts", () => {
  const text = formatManifest({
    architecture: "amd64",
    kernel: { sizeBytes: 12, sha256: "a".repeat(64), version: "6.12.117+deb13-amd64" },
    initrd: { sizeBytes: 34, sha256: "b".repeat(64), holdsSecret: true },
    agents: "bundle",
    isDebug: false,
    parts: [{ name: "trim", sizeBytes: 30, unpackedBytes: 60, summary: "2 files" }],
    debian: { suite: "trixie", mirror: "http://m/debian" },
    packages: [{ name: "kmod", version: "34.2-2", architecture: "amd64" }],
  });
  const manifest = JSON.parse(text);
  assert.equal(manifest.version, 1);
  assert.equal(manifest.unpackedBytes, 60);
  assert.equal(manifest.packages[0].version, "34.2-2");
});
