import assert from "node:assert/strict";
import { createRealSystem } from "../system/real.ts";
import { comparePackageVersions } from "./package_version.ts";

/** From oldest to newest; each is what dpkg --compare-versions says, too. */
const inOrder = [
  "0",
  "1.0~~",
  "1.0~~a",
  "1.0~",
  "1.0~rc1-1",
  "1.0",
  "1.0-0.1",
  "1.0-1~deb12u1",
  "1.0-1",
  "1.0-1+b1",
  "1.0-1+deb13u1",
  "1.0-1+deb13u10",
  "1.0a-1",
  "1.0+dfsg-1",
  "1.0.1-1",
  "1.2-3-1",
  "1.9",
  "1.10",
  "6.12.117-1",
  "20240101",
  "1:0.1",
  "1:13.8+deb13u1",
  "2:1.0",
];

Deno.test("versions of packages are in the order of deb-version(7)", () => {
  for (const [index, one] of inOrder.entries()) {
    for (const [place, other] of inOrder.entries()) {
      assert.equal(comparePackageVersions(one, other), Math.sign(index - place), `${one} and ${other}`);
    }
  }
  assert.equal(comparePackageVersions("1.0", "1.0-0"), 0);
  assert.equal(comparePackageVersions("0:1.01", "1.1"), 0);
});

Deno.test("dpkg has the same order", async () => {
  const system = createRealSystem();
  for (const [index, version] of inOrder.entries()) {
    const next = inOrder[index + 1];
    if (next !== undefined) await system.run(["dpkg", "--compare-versions", version, "lt", next]);
  }
});
