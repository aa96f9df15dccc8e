import assert from "node:assert/strict";
import { createMemorySystem } from "../../tests/support/memory_system.ts";
import { decideServedDisk, type DiskCandidates, findServedDisk } from "./served_disk.ts";

Deno.test("the disk the laptop ran from is served; what the configuration says otherwise is reported", () => {
  const byId = "/dev/disk/by-id/nvme-x";
  const cases: readonly (readonly [string, DiskCandidates, string | undefined, boolean, RegExp | undefined])[] = [
    ["nothing configured", candidates(undefined, undefined, "/dev/sda"), "/dev/sda", true, undefined],
    ["the same", candidates("/dev/sda", "/dev/sda", "/dev/sda"), "/dev/sda", true, undefined],
    ["the same by another name", candidates(byId, "/dev/sda", "/dev/sda"), "/dev/sda", true, undefined],
    [
      "kernel names that changed",
      candidates("/dev/sda", "/dev/sda", "/dev/sdb"),
      "/dev/sdb",
      true,
      /"\/dev\/sda" as boot/,
    ],
    [
      "a kernel name that is gone",
      candidates("/dev/sdc", undefined, "/dev/sdb"),
      "/dev/sdb",
      true,
      /"\/dev\/sdc" as boot/,
    ],
    ["a name that stays", candidates(byId, "/dev/sda", "/dev/sdb"), byId, false, /ran from "\/dev\/sdb"/],
    [
      "a name that stays, the other gone",
      candidates(byId, "/dev/sda", undefined),
      byId,
      false,
      /ran from another disk/,
    ],
    ["not there yet", candidates(undefined, undefined, undefined), undefined, false, undefined],
    ["another one is there", candidates("/dev/sda", "/dev/sda", undefined), undefined, false, undefined],
  ];
  for (const [what, given, path, isHandedOver, notice] of cases) {
    const decided = decideServedDisk(given);
    assert.equal(decided?.path, path, what);
    assert.equal(decided?.isHandedOver ?? false, isHandedOver, what);
    if (notice === undefined) assert.deepEqual(decided?.notices ?? [], [], what);
    else assert.match(decided?.notices.join("\n") ?? "", notice, what);
  }
});

function candidates(configured?: string, configuredReal?: string, ranFrom?: string): DiskCandidates {
  return { configured, configuredReal, ranFrom };
}

Deno.test("never another disk than the one the laptop ran from", async () => {
  const common = { ro: false, rm: false, "log-sec": 512, mountpoints: [null], type: "disk", size: 5e11 };
  const blockdevices = [{ ...common, name: "sda", path: "/dev/sda", ptuuid: "OTHER" }];
  const system = createMemorySystem({ commands: [() => JSON.stringify({ blockdevices })] });
  const identity = { sizeBytes: 5e11, path: "/dev/sda", model: "Some SSD", tableUuid: "MINE" };
  await assert.rejects(findServedDisk(system, undefined, identity), {
    code: "no-device",
    message: "The disk that this laptop ran from is not there: Some SSD, 500 GB",
  });
  assert.deepEqual(await findServedDisk(system, "/dev/sdx", undefined), {
    ...{ path: "/dev/sdx", isHandedOver: false, notices: [] },
  });
});
