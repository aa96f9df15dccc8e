import assert from "node:assert/strict";
import { runChecks } from "./check.ts";
import { listNewer, parseMadison, updateChecks, type UpdateFacts } from "./debian_updates.ts";

const madison = ` base-files | 13.8+deb13u2 | http://deb.debian.org/debian trixie/main amd64 Packages
   openssl | 3.5.5-1 | http://security.debian.org/debian-security trixie-security/main amd64 Packages
   openssl | 3.5.1-1 | http://deb.debian.org/debian trixie/main amd64 Packages
   openssl | 3.4.0-1 | file:/var/mirror trixie/main amd64 Packages
   openssl | 3.5.9-1 | http://deb.debian.org/debian trixie/main Sources
      zlib | 1:1.3-1 | http://deb.debian.org/debian bookworm/main amd64 Packages
`;

Deno.test("newer packages are those of the image's own suite, by apt's lists", () => {
  const newest = parseMadison(madison, "trixie");
  assert.deepEqual([...newest], [["base-files", "13.8+deb13u2"], ["openssl", "3.5.1-1"]]);
  const packages = [
    { name: "base-files", version: "13.8+deb13u1" },
    { name: "openssl", version: "3.5.1-1" },
    { name: "other", version: "1" },
  ];
  assert.deepEqual(listNewer(packages, newest), [
    { name: "base-files", version: "13.8+deb13u1", newer: "13.8+deb13u2" },
  ]);
  assert.equal(listNewer(packages, parseMadison(madison, "sid")), undefined);
});

const [sum, otherSum] = ["a".repeat(64), "b".repeat(64)];
const current: UpdateFacts = {
  image: { initrd: { sha256: sum }, debian: { suite: "trixie", snapshot: "20260905T081400Z" } },
  newer: [],
  ageDays: 100,
  sticks: [{ name: "SanDisk Ultra 16 GB", initrdSha256: sum }],
  keys: ["0"],
};

Deno.test("doctor says when image or sticks are older than Debian's packages, and what to do", () => {
  const judge = (facts: Partial<UpdateFacts>): string[] =>
    runChecks(updateChecks, { ...current, ...facts }).map(({ level, found }) => `${level}: ${found}`);
  const newer = [{ name: "a", version: "1", newer: "2" }, { name: "b", version: "1", newer: "2" }];
  const stick = { name: "Kingston", initrdSha256: otherSum };
  const full = { name: "Kingston", initrdSha256: sum };
  const cases: readonly (readonly [Partial<UpdateFacts>, RegExp, RegExp])[] = [
    [{}, /^ok: none is newer/, /^ok: written with/],
    [{ newer }, /^warning: the image has a 1, and Debian has 2 and 1 more$/, /^ok/],
    [{ newer: undefined }, /^warning: the image's are of 100 days ago$/, /^ok/],
    [{ newer: undefined, ageDays: 1 }, /^ok: the image's are of 1 day ago$/, /^ok/],
    [{ newer: undefined, ageDays: undefined }, /^ok: not known/, /^ok/],
    [{ image: undefined, newer: undefined }, /^ok: no image/, /^ok: none was written/],
    [{ image: "hidden", newer: undefined }, /^unknown/, /^unknown/],
    [{ sticks: [] }, /^ok/, /^ok: none was written/],
    [{ sticks: [...current.sticks, stick] }, /^ok/, /^warning: Kingston: written with an older image/],
    [{ keys: ["0", "1"] }, /^ok/, /^warning: SanDisk Ultra 16 GB: written with other keys than those here$/],
    [{ keys: ["0", "1"], sticks: [{ ...full, keys: ["0", "1"] }] }, /^ok/, /^ok: written with/],
    [{ keys: ["0", "2", "1"], sticks: [{ ...full, keys: ["0", "1", "2"] }] }, /^ok/, /^ok: written with/],
    [{ keys: ["0", "2"], sticks: [{ ...full, keys: ["0", "1"] }] }, /^ok/, /^warning: Kingston: written with other/],
    [{ keys: ["0"], sticks: [{ ...full, keys: ["0", "1"] }] }, /^ok/, /^warning: Kingston: written with other keys/],
    [{ keys: undefined, sticks: [{ ...full, keys: ["0", "1"] }] }, /^ok/, /^ok: written with/],
  ];
  for (const [facts, packages, sticks] of cases) {
    const [one = "", other = ""] = judge(facts);
    assert.match(one, packages);
    assert.match(other, sticks);
  }
  for (const { level, cure } of runChecks(updateChecks, { ...current, newer, sticks: [stick] })) {
    assert.equal(level, "warning");
    assert.match(cure ?? "", /\.\/stiefelsystem (create-initrd --update|setup-client-usbdrive)/);
  }
});
