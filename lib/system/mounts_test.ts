import assert from "node:assert/strict";
import { createMemorySystem } from "../../tests/support/memory_system.ts";
import { findMountsBelow, releaseMounts } from "./mounts.ts";

const mountinfo = `22 1 254:0 / / rw,relatime - ext4 /dev/vda rw
46 27 0:41 / /c/unfinished-base-1/tree/dev/pts rw - devpts none rw
47 46 0:42 / /c/unfinished-base-1/tree/dev/pts/x rw - tmpfs none rw
48 27 0:43 / /c/a\\040b/dev rw - tmpfs none rw
49 27 0:43 / /c/unfinished-base-10 rw - tmpfs none rw
`;

Deno.test("P17: mounts below a directory, the innermost first, names with blanks too", () => {
  assert.deepEqual(findMountsBelow(mountinfo, "/c/unfinished-base-1"), [
    "/c/unfinished-base-1/tree/dev/pts/x",
    "/c/unfinished-base-1/tree/dev/pts",
  ]);
  assert.deepEqual(findMountsBelow(mountinfo, "/c/a b"), ["/c/a b/dev"]);
  assert.deepEqual(findMountsBelow(mountinfo, "/d"), []);
});

/** A machine whose umount works, or does not. */
function machine(canUnmount: boolean): ReturnType<typeof createMemorySystem> {
  let lines = mountinfo.split("\n");
  return createMemorySystem({
    files: { "/c/unfinished-base-1/tree/usr/x": "" },
    commands: [([program, , path]) => {
      if (program === "cat") return lines.join("\n");
      if (program !== "umount") return undefined;
      if (canUnmount) lines = lines.filter((line) => line.split(" ")[4] !== path);
      return canUnmount ? "" : 32;
    }],
  });
}

Deno.test("P17: what is mounted below is released; what cannot be is an error before anything is removed", async () => {
  const system = machine(true);
  await releaseMounts(system, "/c/unfinished-base-1");
  assert.equal(system.ran.filter(([program]) => program === "umount").length, 2);
  await assert.rejects(releaseMounts(machine(false), "/c/unfinished-base-1"), /found 2 mounted file systems in it/);
});
