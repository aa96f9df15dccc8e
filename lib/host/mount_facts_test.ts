import assert from "node:assert/strict";
import { createMemorySystem } from "../system/memory.ts";
import { findMountProblem, gatherMountFacts, type MountFacts } from "./mount_facts.ts";
import { openHostTree } from "./tree.ts";

/** What is found where these options hold, by path, and /boot is mounted or not. */
async function gather(
  options: Readonly<Record<string, string>>,
  { fstab = "", isBootMounted = true } = {},
): Promise<MountFacts> {
  const system = createMemorySystem({
    files: { "/etc/fstab": fstab, "/usr/x": "", "/boot/x": "", "/var/x": "" },
    commands: [(argv) => {
      if (argv.includes("--mountpoint")) return isBootMounted ? "ext4\n" : 1;
      return argv[0] === "findmnt" ? `${options[argv.at(-1) ?? ""] ?? "rw,relatime"}\n` : undefined;
    }],
  });
  return await gatherMountFacts(system, await openHostTree(system));
}

Deno.test("L6: a read-only /usr is found", async () => {
  assert.deepEqual(await gather({}), { readOnly: [], isBootUnmounted: false });
  const silverblue = await gather({ "/usr": "ro,relatime,seclabel" });
  assert.deepEqual(silverblue.readOnly, ["/usr"]);
  assert.match(findMountProblem(silverblue)?.found ?? "", /^\/usr is mounted read-only$/);
  // "errors=remount-ro" is no "ro", and of two mounts on one place the last one counts.
  assert.deepEqual((await gather({ "/usr": "rw,errors=remount-ro", "/boot": "ro\nrw" })).readOnly, []);
});

Deno.test("a /boot that fstab names and that is not mounted is found", async () => {
  const fstab = "UUID=1 /boot ext2 noauto,noatime 1 2\n";
  assert.equal((await gather({}, { fstab, isBootMounted: false })).isBootUnmounted, true);
  assert.equal((await gather({}, { fstab })).isBootUnmounted, false);
  assert.equal((await gather({}, { fstab: `#${fstab}`, isBootMounted: false })).isBootUnmounted, false);
  assert.match(findMountProblem({ readOnly: [], isBootUnmounted: true })?.cure ?? "", /mount \/boot$/);
});
