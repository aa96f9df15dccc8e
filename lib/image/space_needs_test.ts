import assert from "node:assert/strict";
import { describeShortage, findShortages, listSpaceNeeds, parseFreeSpace } from "./space_needs.ts";

const all = ["base", "trim", "drivers", "overlay", "runtime", "agents", "autokexec", "secrets", "pack"] as const;
const places = { cacheDirectory: "/c", outDirectory: "/o", agentForm: "bundle" } as const;
const megabytes = (needs: ReturnType<typeof listSpaceNeeds>) =>
  Object.fromEntries(needs.map(({ path, bytes }) => [path, bytes / 1_000_000]));

Deno.test("P8: what a build needs depends on what is missing, and on who builds", () => {
  assert.deepEqual(megabytes(listSpaceNeeds({ ...places, missing: all, mode: "root" })), { "/c": 885, "/o": 280 });
  assert.deepEqual(megabytes(listSpaceNeeds({ ...places, missing: all, mode: "unshare" })), {
    "/c": 885,
    "/tmp": 700,
    "/o": 280,
  });
  assert.deepEqual(megabytes(listSpaceNeeds({ ...places, missing: [], mode: "root" })), { "/o": 280 });
  assert.deepEqual(
    megabytes(listSpaceNeeds({ ...places, missing: ["agents"], mode: "root", agentForm: "compile" })),
    { "/c": 330, "/o": 280 },
  );
});

Deno.test("P8: needs on one file system are added up", () => {
  const needs = [{ path: "/c", bytes: 600 }, { path: "/tmp", bytes: 300 }, { path: "/o", bytes: 200 }];
  const df = "   Avail Mounted on\n     850 /\n     400 /a mount\n     850 /\n";
  const free = parseFreeSpace(df, ["/c", "/tmp", "/o"]);
  assert.equal(free[1]?.mountPoint, "/a mount");
  assert.deepEqual(findShortages(needs, free), []);
  const [shortage, ...others] = findShortages([{ path: "/c", bytes: 700 }, ...needs.slice(1)], free);
  assert.deepEqual(others, []);
  assert.deepEqual(shortage, { paths: ["/c", "/o"], neededBytes: 900, freeBytes: 850 });
  assert.equal(shortage && describeShortage(shortage), '"/c" and "/o": found 850 B free, wanted 900 B');
});
