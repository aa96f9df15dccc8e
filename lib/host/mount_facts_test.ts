import assert from "node:assert/strict";
import { createMemorySystem } from "../../tests/support/memory_system.ts";
import { findMountProblem, gatherMountFacts, type MountFacts } from "./mount_facts.ts";
import { openHostTree } from "./tree.ts";

/** What is found where these options hold, by path, and /boot is mounted or not. */
async function gather(
  options: Readonly<Record<string, string>>,
  { fstab = "", isBootMounted = true, root = "" } = {},
): Promise<MountFacts> {
  const system = createMemorySystem({
    files: Object.fromEntries(
      [["/etc/fstab", fstab], ["/usr/x", ""], ["/boot/x", ""], ["/var/x", ""]].map((
        [path, text],
      ) => [`${root}${path}`, text ?? ""]),
    ),
    commands: [(argv) => {
      if (argv.includes("--mountpoint")) return isBootMounted ? "ext4\n" : 1;
      return argv[0] === "findmnt" ? `${options[argv.at(-1) ?? ""] ?? "rw,relatime"}\n` : undefined;
    }],
  });
  return await gatherMountFacts(system, await openHostTree(system, root || "/"));
}

Deno.test("L6: a read-only /usr is found", async () => {
  assert.deepEqual(await gather({}), { readOnly: [], isBootUnmounted: false });
  const silverblue = await gather({ "/usr": "ro,relatime,seclabel" });
  assert.deepEqual(silverblue.readOnly, [{ path: "/usr", mountPoint: "/usr" }]);
  assert.match(findMountProblem(silverblue)?.cure ?? "", /cannot be set up yet/);
  assert.match(findMountProblem(silverblue)?.found ?? "", /^\/usr is mounted read-only$/);
  // "errors=remount-ro" is no "ro", and of two mounts on one place the last one counts.
  assert.deepEqual((await gather({ "/usr": "rw,errors=remount-ro", "/boot": "ro\nrw" })).readOnly, []);
});

Deno.test("a read-only place is named as it is typed, and its mount point in the cure", async () => {
  const readOnly = "ro,relatime   /mnt/my disk";
  const mounts = await gather({ "/mnt/my disk/etc": readOnly, "/mnt/my disk/usr": readOnly }, { root: "/mnt/my disk" });
  assert.deepEqual(findMountProblem(mounts), {
    found: "/mnt/my disk/usr, /mnt/my disk/etc are mounted read-only",
    cure: "Mount it writable: mount -o remount,rw '/mnt/my disk'",
  });
  const own = await gather({ "/etc": "ro /", "/usr": "rw /usr" });
  assert.deepEqual(findMountProblem(own), {
    found: "/etc is mounted read-only",
    cure: "Mount it writable: mount -o remount,rw /",
  });
});

Deno.test("a /boot that fstab names and that is not mounted is found", async () => {
  const fstab = "UUID=1 /boot ext2 noauto,noatime 1 2\n";
  assert.equal((await gather({}, { fstab, isBootMounted: false })).isBootUnmounted, true);
  assert.equal((await gather({}, { fstab })).isBootUnmounted, false);
  assert.equal((await gather({}, { fstab: `#${fstab}`, isBootMounted: false })).isBootUnmounted, false);
  assert.match(findMountProblem({ readOnly: [], isBootUnmounted: true })?.cure ?? "", /mount \/boot$/);
});
