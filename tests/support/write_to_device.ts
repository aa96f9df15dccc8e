/**
 * lib/media's writer on a real device, for tests: everything is real but what lsblk says, which would call a loop
 * device what it is.
 *
 *     deno run GRANTS tests/support/write_to_device.ts DEVICE DEVICE_BYTES SECTOR_BYTES IMAGE EXTENTS
 */

import { reportError } from "../../lib/cli/report_error.ts";
import { createTerminalUi } from "../../lib/cli/terminal_ui.ts";
import { StoppedByUser } from "../../lib/errors.ts";
import { writeDevice } from "../../lib/media/write_device.ts";
import { parseBlockDevices } from "../../lib/system/facts.ts";
import { createRealSystem } from "../../lib/system/real.ts";
import type { System } from "../../lib/system/system.ts";

const [path = "", size, sector, imagePath = "", extents = "[]"] = Deno.args;
const said = JSON.stringify({
  blockdevices: [{
    ...{ name: "sdz", path, type: "disk", size: Number(size), ro: false, rm: true, "log-sec": Number(sector) },
    ...{ "disk-seq": 1, mountpoints: [null] },
  }],
});
const stop = new AbortController();
Deno.addSignalListener("SIGINT", () => stop.abort(new StoppedByUser()));
const real = createRealSystem({ signal: stop.signal });
const system: System = {
  ...real,
  run: (argv, options) =>
    argv[0] === "lsblk" ? Promise.resolve({ exitCode: 0, stdout: said, stderr: "" }) : real.run(argv, options),
};
const [device] = parseBlockDevices(said);
if (device === undefined) throw new Error("No device");
try {
  await writeDevice(system, createTerminalUi(), {
    device,
    image: { path: imagePath, sizeBytes: Number(size), extents: JSON.parse(extents) },
  });
} catch (error) {
  const { lines, exitCode } = reportError(stop.signal.aborted ? stop.signal.reason : error);
  console.error(lines.join("\n"));
  Deno.exitCode = exitCode;
}
// The signal listener would keep it going.
Deno.exit();
