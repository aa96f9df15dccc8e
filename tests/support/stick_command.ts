/**
 * setup-client-usbdrive on the real terminal, but on a made-up laptop with one stick; for transcripts.
 *
 *     deno run --allow-read --allow-env tests/support/stick_command.ts [DEVICE] [--yes] [--dry-run] [--user] [--ours]
 *     [--none] [--slow] [--fail]
 *
 * --none: no stick is plugged in. --ours: it is one of ours, which gets another key. --slow: each piece takes a
 * second.
 * --fail: it breaks while it is written to. At the end it says what the first sector of the stick is: OLD, EMPTY or
 * NEW.
 */

import { setupClientUsbdrive } from "../../lib/cli/commands/setup_client_usbdrive.ts";
import { reportError } from "../../lib/cli/report_error.ts";
import { createTerminalUi } from "../../lib/cli/terminal_ui.ts";
import { StoppedByUser } from "../../lib/errors.ts";
import type { System } from "../../lib/system/system.ts";
import { createDeviceRig, oldByte } from "./device_rig.ts";
import { projectRoot } from "./source_tree.ts";
import { createTestMaker } from "./stick_maker.ts";

const has = (flag: string): boolean => Deno.args.includes(flag);
const device = Deno.args.find((word) => !word.startsWith("-"));

async function readOthers(name: string): Promise<readonly { readonly name: string }[]> {
  return JSON.parse(await Deno.readTextFile(`${projectRoot}tests/fixtures/lsblk/${name}.json`)).blockdevices;
}
const others = [
  ...(await readOthers("laptop-luks-lvm-stick")).filter(({ name }) => name !== "sda"),
  ...(await readOthers("nas-mdadm")).filter(({ name }) => name === "sda"),
  ...(await readOthers("chromebook-emmc-sd")).filter(({ name }) => name === "mmcblk1" && !has("--none")),
  ...(await readOthers("desktop-card-reader-empty")).filter(({ name }) => name === "sdc"),
];
const partition = {
  name: "sdb1",
  path: "/dev/sdb1",
  type: "part",
  size: 30_764_171_264,
  ro: false,
  rm: true,
  "log-sec": 512,
};

const stop = new AbortController();
Deno.addSignalListener("SIGINT", () => stop.abort(new StoppedByUser()));
const rig = createDeviceRig({
  sizeBytes: 16 * 1024 * 1024,
  claimedBytes: 30_765_219_840,
  others,
  uid: has("--user") ? 1000 : 0,
  signal: stop.signal,
  columns: {
    ...has("--none") ? { mountpoints: ["/run/media/me/PHOTOS"] } : {},
    children: [{ ...partition, fstype: has("--ours") ? "vfat" : "exfat", label: has("--ours") ? "STIEFEL" : "PHOTOS" }],
  },
  faults: has("--fail") ? { writeFailsAt: { byte: 5_000_000, text: "Input/output error" } } : {},
});
const system: System = {
  ...rig.system,
  run: async (argv, options) => {
    if (has("--slow") && argv[0] === "dd") await new Promise((resolve) => setTimeout(resolve, 1_000));
    return await rig.system.run(argv, options);
  },
};
const maker = createTestMaker(system, {
  ...has("--ours")
    ? {
      plan: {
        kind: "update",
        groups: [[{ offset: 1024 * 1024, bytes: new Uint8Array(4096).fill(1) }]],
        writtenBytes: 4096,
        changed: ["stiefel/key.img", "stiefel/stick.json"],
        emptiesPlace: false,
        silenced: ["bell"],
        hasNewKey: true,
        leaves: undefined,
      } as const,
    }
    : {},
});
const ui = createTerminalUi({ assumeYes: has("--yes"), signal: stop.signal });

try {
  await setupClientUsbdrive(system, ui, {
    maker,
    options: {
      workDirectory: "/build",
      ...device === undefined ? {} : { device },
      ...has("--yes") ? { assumeYes: true } : {},
      ...has("--dry-run") ? { dryRun: true } : {},
    },
  });
} catch (error) {
  const { lines, exitCode } = reportError(stop.signal.aborted ? stop.signal.reason : error);
  console.error(lines.join("\n"));
  Deno.exitCode = exitCode;
}
const left = [...rig.memory.files.keys()].filter((path) => path.startsWith("/build"));
console.error(rig.bytes[0] === oldByte ? "OLD" : rig.bytes[0] === 0 ? "EMPTY" : "NEW", ...left);
// The signal listener would keep it going.
Deno.exit();
