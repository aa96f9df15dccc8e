/** A disk that is lent by NVMe/TCP in the open, as the configuration wants it. */

import { prepareQemuTest } from "../qemu/machines.ts";
import { startConfiguredPair, testUnpluggedCable } from "../qemu/unplugged_cable.ts";

const rig = await prepareQemuTest();

testUnpluggedCable(rig, "NVMe/TCP without a tunnel", {
  prepare: () => startConfiguredPair(rig, "nvme", "block:\n  security: none\n  transport: nvme-tcp\n"),
  seconds: 60,
  action: "poweroff",
  device: /^\/dev\/nvme\d+n1$/,
});
