/** What is looked at before each write; the writing itself, with real programs: tests/host/second_boot_test.ts. */

import assert from "node:assert/strict";
import type { System } from "../system/system.ts";
import { placeBytes, placePartition } from "./place.ts";
import { planPlace } from "./plan_place.ts";
import { armPlace, fillPlace, findPlace } from "./use_place.ts";

const partitionUuid = "0a1b2c3d-4e5f-4a6b-8c7d-9e0f10213243";
type Change = Readonly<Record<string, unknown>>;

function list(disk: Change = {}, partition: Change = {}): string {
  const common = { ro: false, rm: true, "log-sec": 512, mountpoints: [null] };
  return JSON.stringify({
    blockdevices: [{
      ...{ ...common, name: "sda", path: "/dev/sda", type: "disk", size: 8e9, serial: "A1", "disk-seq": 4, ...disk },
      children: [{
        ...{ ...common, name: "sda3", path: "/dev/sda3", type: "part", size: placeBytes, partuuid: partitionUuid },
        ...{ parttype: placePartition.type, partlabel: placePartition.name, ...partition },
      }],
    }],
  });
}

/** A computer whose devices are others after so many writes. */
function createRig(
  { writes: until, then }: { readonly writes: number; readonly then: string },
): { readonly system: System; readonly writes: string[] } {
  const writes: string[] = [];
  const run: System["run"] = (argv, options) => {
    if (argv.some((word) => word.startsWith("of="))) writes.push(argv.join(" "));
    const count = Number(argv.find((word) => word.startsWith("count="))?.slice("count=".length));
    options?.onBytes?.(new Uint8Array(4096 * (count || 0)));
    return Promise.resolve({ exitCode: 0, stdout: writes.length < until ? list() : then, stderr: "" });
  };
  return { system: { run } as System, writes };
}

const plan = planPlace({ sizeBytes: placeBytes, sectorBytes: 512 }, {
  copied: [{ path: "EFI/x/kernel", from: "/run/kernel", sizeBytes: 10 }, {
    path: "EFI/x/initramfs",
    from: "/run/initramfs",
    sizeBytes: 10,
  }],
  texts: [],
}) ?? assert.fail("no room");

const changes: Readonly<Record<string, readonly [then: string, why: RegExp]>> = {
  "another stick has its name": [list({ serial: "B2" }), /it is another one now/],
  "it was pulled out and plugged in again": [list({ "disk-seq": 5 }), /it is another one now/],
  "it has another name": [list({}, { path: "/dev/sda4" }), /it is another one now/],
  "it is gone": [JSON.stringify({ blockdevices: [] }), /is not there/],
  "it was mounted": [list({}, { mountpoints: ["/mnt"] }), /is in use/],
  "it was locked": [list({ ro: true }), /read-only/],
};
for (const [what, [then, why]] of Object.entries(changes)) {
  Deno.test(`nothing more is written when ${what}, whatever was written before`, async () => {
    for (const count of [0, 1, 2, 3]) {
      const choice = await findPlace(createRig({ writes: 1, then }).system, partitionUuid);
      assert.ok(choice.kind === "place");
      const { system, writes } = createRig({ writes: count, then });
      await assert.rejects(fillPlace(system, { partitionUuid, place: choice.place }, plan), why);
      assert.equal(writes.length, count);
      assert.ok(writes.every((line) => line.includes(" of=/dev/sda3 ")), writes.join("\n"));
    }
  });
}

Deno.test("a stick that does not give back what was written is not switched on", async () => {
  const { system, writes } = createRig({ writes: 100, then: "" });
  const choice = await findPlace(system, partitionUuid);
  assert.ok(choice.kind === "place");
  const used = { partitionUuid, place: choice.place };
  // It reads as empty.
  await assert.rejects(fillPlace(system, used, plan), /does not give back what was written/);
  assert.ok(writes.length >= 4);
  await assert.rejects(armPlace(system, used, plan), /does not give back what was written/);
});
