import assert from "node:assert/strict";
import type { BlockDevice } from "../system/facts.ts";
import { planRelease } from "./leftovers.ts";

function device(name: string, type: string, change: Partial<BlockDevice> = {}): BlockDevice {
  return {
    name,
    path: `/dev/${name}`,
    type,
    sizeBytes: 1,
    isReadOnly: false,
    isRemovable: false,
    logicalSectorBytes: 512,
    mountPoints: [],
    children: [],
    ...change,
  };
}

Deno.test("what is ours is let go of, innermost first; what is not stays", () => {
  const inner = device("stiefelsystem-0a1b2c3d", "crypt", { mountPoints: ["/run/stiefelsystem/boot-2"] });
  const disk = device("sda", "disk", {
    children: [
      device("sda1", "part", { mountPoints: ["/run/stiefelsystem/boot-1", "/boot"] }),
      device("sda2", "part", { children: [inner] }),
      device("sda3", "part", { children: [device("home", "crypt", { mountPoints: ["/run/stiefelsystemd"] })] }),
    ],
  });
  const expected = [
    ["umount", "/run/stiefelsystem/boot-1"],
    ["umount", "/run/stiefelsystem/boot-2"],
    ["cryptsetup", "close", "stiefelsystem-0a1b2c3d"],
  ];
  assert.deepEqual(planRelease([disk], "/run/stiefelsystem"), expected);
  assert.deepEqual(planRelease([disk, device("sdb", "disk", { children: [inner] })], "/run/stiefelsystem"), expected);
});

Deno.test("volumes that were mounted for a look, or are in what was unlocked, are made inactive; others stay", () => {
  const lvm = (name: string, mountPoints: readonly string[] = []): BlockDevice => device(name, "lvm", { mountPoints });
  const unlocked = device("stiefelsystem-0a1b2c3d", "crypt", {
    path: "/dev/mapper/stiefelsystem-0a1b2c3d",
    children: [lvm("my--laptop-swap_1"), lvm("my--laptop-root", ["/run/stiefelsystem/boot-2"])],
  });
  const disk = device("sda", "disk", {
    children: [
      device("sda1", "part", {
        children: [lvm("plain-boot", ["/run/stiefelsystem/boot-1"]), lvm("plain-home", ["/home"])],
      }),
      device("sda2", "part", { children: [unlocked] }),
      device("sda3", "part", { children: [device("home", "crypt", { children: [lvm("other-data")] })] }),
    ],
  });
  const plan = planRelease([disk], "/run/stiefelsystem").map((argv) =>
    argv[0] === "lvm" ? [argv[0], argv[argv.indexOf("--devices") + 1], ...argv.slice(-3)] : argv
  );
  assert.deepEqual(plan, [
    ["umount", "/run/stiefelsystem/boot-1"],
    ["lvm", "/dev/sda1", "--activate", "n", "plain/boot"],
    ["lvm", "/dev/mapper/stiefelsystem-0a1b2c3d", "--activate", "n", "my-laptop/swap_1"],
    ["umount", "/run/stiefelsystem/boot-2"],
    ["lvm", "/dev/mapper/stiefelsystem-0a1b2c3d", "--activate", "n", "my-laptop/root"],
    ["cryptsetup", "close", "stiefelsystem-0a1b2c3d"],
  ]);
});
