import assert from "node:assert/strict";
import { listBootDirectories } from "./boot_directories.ts";
import type { BootFiles } from "./entry.ts";

function makeFiles(files: Readonly<Record<string, string>>): BootFiles {
  const names = Object.keys(files);
  return {
    readText: (path) => Promise.resolve(files[path] ?? ""),
    list: (path) =>
      Promise.resolve(path === "/" ? [...new Set(names.map((name) => name.split("/")[1] ?? ""))].sort() : []),
    exists: (path) => Promise.resolve(names.some((name) => name === path || name.startsWith(`${path}/`))),
  };
}

const fstab = "UUID=1 / btrfs rw,subvol=/@ 0 0\nUUID=1 /boot btrfs subvol=@boot,noatime 0 0\n";

Deno.test("B6: /boot is a subvolume of its own beside the root's", async () => {
  const files = makeFiles({ "/@/boot/": "", "/@boot/grub/grub.cfg": "" });
  assert.deepEqual(await listBootDirectories(files, ["/@", "/@boot"]), ["", "/@/boot", "/@", "/@boot"]);
  assert.deepEqual(await listBootDirectories(files), ["", "/@/boot", "/@", "/@boot"], "in a copy that cannot be asked");
});

Deno.test("B6: the root that its own fstab names comes before its snapshots, whatever they are called", async () => {
  const trees = ["/system", "/a", "/@boot", "/@old"];
  const names = ["/system/boot/x", "/a/boot/x", "/@old/boot/x", "/@boot/x"];
  const own = fstab.replace("/@ ", "/system ");
  const files = makeFiles({
    ...Object.fromEntries(names.map((name) => [name, ""])),
    "/system/etc/fstab": own,
    "/a/etc/fstab": own,
    "/@old/etc/fstab": own,
  });
  assert.deepEqual(await listBootDirectories(files, trees), [
    "",
    "/@boot",
    "/system/boot",
    "/a/boot",
    "/@old/boot",
    "/system",
    "/a",
    "/@old",
  ]);
});

Deno.test("B6: of hundreds of subvolumes some are looked at", async () => {
  const many = Array.from({ length: 500 }, (_, number) => `/@home-${number}`);
  const files = makeFiles(Object.fromEntries([...many, "/@/boot"].map((name) => [`${name}/x`, ""])));
  const found = await listBootDirectories(files, [...many, "/@"]);
  assert.deepEqual([found[0], found[1], found.length <= 130], ["", "/@/boot", true]);
});
