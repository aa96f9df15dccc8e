import assert from "node:assert/strict";
import { filePathOf, isAddress } from "./addresses.ts";

Deno.test("the path of a file:// address, where it has one that is text", () => {
  const cases: readonly (readonly [address: string, path: string | undefined])[] = [
    ["file:///src/my.tar", "/src/my.tar"],
    ["file:///my%20folder/%C3%BC.tar", "/my folder/ü.tar"],
    ["file:///50%25/a%23b%3Fc", "/50%/a#b?c"],
    ["file:///a/../b", "/b"],
    ["file:///a%zz", undefined],
    ["file:///a%", undefined],
    ["file:///a%FF", undefined],
    ["file:///a%00", undefined],
    ["file:///a%1b[2J", undefined],
    ["file:///a?b", undefined],
    ["file:///a#b", undefined],
    ["file:///", undefined],
    ["file:////a", undefined],
    ["file://host/a", undefined],
    ["https://a/b", undefined],
  ];
  for (const [address, path] of cases) assert.equal(filePathOf(address), path, address);
});

Deno.test("an address has no escapes that are none", () => {
  const protocols = ["https:", "file:"];
  for (const right of ["https://a/b%20c", "https://a/b?c=%2F#d", "file:///a%20b"]) {
    assert.ok(isAddress(right, protocols), right);
  }
  for (
    const wrong of ["https://a/%zz", "https://a/b%", "https://a/b?c=%2", "http://a/b", "file:///a%zz", "https://a/ b"]
  ) {
    assert.ok(!isAddress(wrong, protocols), wrong);
  }
});
