/**
 * The client agent's writer of the place for a second boot on a real device, for tests: everything is real but what
 * lsblk says, which would call a loop device what it is.
 *
 *     deno run GRANTS tests/support/second_boot_device.ts DEVICE SECTOR_BYTES PLAN fill|arm|empty
 *
 * PLAN: JSON of the files. An environment cannot be read under the agent's grants, so all of it comes as arguments.
 */

import { describeError } from "../../lib/errors.ts";
import { placeBytes, placePartition } from "../../lib/second_boot/place.ts";
import { type CopiedFile, planPlace } from "../../lib/second_boot/plan_place.ts";
import { armPlace, emptyPlace, fillPlace, findPlace } from "../../lib/second_boot/use_place.ts";
import { createRealSystem } from "../../lib/system/real.ts";
import type { System } from "../../lib/system/system.ts";

const [path = "", sector, files = "[]", ...deeds] = Deno.args;
const partitionUuid = "0a1b2c3d-4e5f-4a6b-8c7d-9e0f10213243";
const common = { ro: false, rm: true, "log-sec": Number(sector), mountpoints: [null] };
const said = JSON.stringify({
  blockdevices: [{
    ...{ ...common, name: "sdz", path: "/dev/sdz", type: "disk", size: 1024 ** 3, "disk-seq": 1 },
    children: [{
      ...{ ...common, name: "sdz3", path, type: "part", size: placeBytes, partuuid: partitionUuid },
      ...{ parttype: placePartition.type, partlabel: placePartition.name },
    }],
  }],
});
const real = createRealSystem();
const system: System = {
  ...real,
  run: (argv, options) =>
    argv[0] === "lsblk" ? Promise.resolve({ exitCode: 0, stdout: said, stderr: "" }) : real.run(argv, options),
};
const choice = await findPlace(system, partitionUuid);
if (choice.kind === "none") throw new Error(choice.why);
const used = { partitionUuid, place: choice.place };
const texts = [{ path: "loader/entries/0-once+1.conf", bytes: new TextEncoder().encode("title once\n") }];
const copied: readonly CopiedFile[] = JSON.parse(files);
const plan = planPlace(choice.place, { copied, texts });
if (plan === undefined) throw new Error("There is no room");
try {
  for (const deed of deeds) {
    if (deed === "fill") await fillPlace(system, used, plan);
    if (deed === "arm") await armPlace(system, used, plan);
    if (deed === "empty") console.log(await emptyPlace(system, used) ? "emptied" : "was empty");
  }
} catch (error) {
  console.error(describeError(error));
  Deno.exitCode = 1;
}
