import assert from "node:assert/strict";
import { parseCompressor } from "./compressor.ts";

Deno.test("a compressor is a program with its arguments, and what the kernel needs is added", () => {
  for (
    const [text, program, words] of [
      ["cat", "cat", []],
      ["  zstd   -19\t-T0 ", "zstd", ["-19", "-T0"]],
      ["zstd --ultra -22 --long=27", "zstd", ["--ultra", "-22", "--long=27"]],
      ["pigz -11", "pigz", ["-11"]],
      ["gzip -9 -n", "gzip", ["-9", "-n"]],
      ["xz -9", "xz", ["-9", "--check=crc32"]],
      ["xz --check=none", "xz", ["--check=none"]],
      ["lz4 -12", "lz4", ["-12", "-l"]],
      ["lz4 -l", "lz4", ["-l"]],
      ["bzip2", "bzip2", []],
    ] as const
  ) {
    assert.deepEqual(parseCompressor(text), { program, arguments: [...words] }, text);
  }
});

Deno.test("what the kernel cannot unpack, or is no option, is refused", () => {
  for (
    const text of [
      "",
      "brotli",
      "lzma -9",
      "cat file",
      "gzip -10",
      "gzip -d",
      "pigz -10",
      "zstd -23",
      "zstd -20",
      "zstd --long=28",
      "zstd -o /x",
      "xz --check=crc64",
      "lz4 -13",
      "gzip|cat",
      "gzip > /dev/sda",
      "constructor",
      "/usr/bin/gzip",
    ]
  ) {
    assert.equal(parseCompressor(text), undefined, text);
  }
});
