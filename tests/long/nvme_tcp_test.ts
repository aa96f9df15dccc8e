/** A disk that is lent by NVMe/TCP, as the configuration wants it. */

import { createInitrd } from "../../lib/cli/commands/create_initrd.ts";
import { prepareQemuTest } from "../qemu/machines.ts";
import { type Pair, startPair, testUnpluggedCable } from "../qemu/unplugged_cable.ts";

const rig = await prepareQemuTest();

/** With an image of its own. */
async function prepare(): Promise<Pair> {
  const { system, ui, options: { image, runDirectory } } = rig;
  await system.makeDirectory(runDirectory);
  const configPath = `${runDirectory}/nvme.yaml`;
  await system.writeFile(configPath, "block:\n  transport: nvme-tcp\n");
  return await startPair(
    rig,
    await createInitrd(system, ui, { ...image, configPath, outDir: `${runDirectory}/nvme-image` }),
  );
}

testUnpluggedCable(rig, { part: "nvme0n1p2", prepare });
