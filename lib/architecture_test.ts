import assert from "node:assert/strict";
import { findArchitecture, findOtherProcessor, processorOnWire } from "./architecture.ts";

Deno.test("a processor is found by the kernel's name for it", () => {
  assert.equal(findArchitecture("aarch64"), "arm64");
  assert.equal(findArchitecture(Deno.build.arch), Deno.build.arch === "aarch64" ? "arm64" : "amd64");
  assert.equal(findArchitecture("riscv64"), undefined);
});

Deno.test("a desktop tells its processor when that is not the usual one", () => {
  assert.equal(processorOnWire("x86_64"), undefined);
  assert.equal(processorOnWire("aarch64"), "arm64");
  assert.equal(processorOnWire("riscv64"), "riscv64");
});

Deno.test("laptop and desktop go together when their processors are the same", () => {
  assert.equal(findOtherProcessor({ laptop: "x86_64", desktop: undefined }), undefined);
  assert.equal(findOtherProcessor({ laptop: "aarch64", desktop: "arm64" }), undefined);
  assert.match(findOtherProcessor({ laptop: "aarch64", desktop: undefined }) ?? "", /is for arm64, .* is amd64/);
  assert.match(findOtherProcessor({ laptop: "x86_64", desktop: "arm64" }) ?? "", /for amd64, .* is arm64/);
});
