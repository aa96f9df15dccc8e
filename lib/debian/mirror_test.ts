import assert from "node:assert/strict";
import { findDebianMirror } from "./mirror.ts";

Deno.test("the mirror of apt's sources is found, in either format", () => {
  const cases: readonly (readonly [string, string | undefined])[] = [
    ["deb http://deb.debian.org/debian trixie main\n", "http://deb.debian.org/debian"],
    [
      "deb [arch=amd64 signed-by=/x.gpg] https://ftp.example.org/debian/ trixie main",
      "https://ftp.example.org/debian/",
    ],
    ["Types: deb\nURIs: http://mirror.example/debian\nSuites: trixie\n", "http://mirror.example/debian"],
    ["Types: deb\nURIs: http://security.debian.org/debian-security\n", undefined],
    ["# deb http://old.example/debian trixie main\n", undefined],
    ["deb https://deb.nodesource.com/node_20.x nodistro main\n", undefined],
    ["deb http://archive.ubuntu.com/ubuntu noble main\n", undefined],
    ["deb cdrom:[Debian]/ trixie main\n", undefined],
    ["", undefined],
  ];
  for (const [text, expected] of cases) assert.equal(findDebianMirror([text]), expected, text);
});

Deno.test("the first of several files counts", () => {
  const files = ["# nothing", "deb http://a.example/debian x main", "deb http://b.example/debian x main"];
  assert.equal(findDebianMirror(files), "http://a.example/debian");
});
