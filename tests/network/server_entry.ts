/**
 * The server agent with a folder as boot partition and a file as disk, since partitions of a file cannot be mounted
 * everywhere. Arguments: FOLDER FILE PASSPHRASE (or "-" for none), then those of the agent. FOLDER "-": the disk and
 * what boots from it as in the image.
 */
import { fileURLToPath } from "node:url";
import { runServerProgram } from "../../agents/server/program.ts";
import type { WatchedSource } from "../../agents/server/source.ts";
import { readMountedFiles } from "../../lib/boot/boot_files.ts";
import { RUN_NBDKIT_PATH } from "../../lib/export/nbd/needs.ts";
import { BootError } from "../../lib/boot_error.ts";
import { findBootEntry } from "../support/find_boot_entry.ts";
import { openImage } from "../../lib/boot/opened_image.ts";
import type { System } from "../../lib/system/system.ts";

const runNbdkitSource = fileURLToPath(new URL(`../../image/initrd${RUN_NBDKIT_PATH}`, import.meta.url));
const [folder = "", file = "", passphrase = "-", ...args] = Deno.args;

/**
 * Debian 12's nbdkit was built without reading addresses; nbd_export_test.ts proves with Debian 13's who may connect.
 */
async function canFilterAddresses(): Promise<boolean> {
  const probe = ["--dump-plugin", "--filter=ip", "null", "allow=127.0.0.1"];
  const { stderr } = await new Deno.Command("nbdkit", { args: probe }).output();
  return !new TextDecoder().decode(stderr).includes("don't know how to parse rule");
}

const filters = await canFilterAddresses();

function createSource(system: System): WatchedSource {
  return {
    listUses: () => Promise.resolve("nobody's"),
    inspect: async () => {
      const sizeBytes = (await system.stat(file))?.sizeBytes ?? 0;
      return {
        path: file,
        name: "disk",
        sizeBytes,
        logicalBlockSize: 512,
        model: "Test disk",
        problems: [],
        notices: ["A notice"],
      };
    },
    readChain: () => Promise.resolve({ kind: "none", why: "this disk has none" }),
    openBoot: async (typed) => {
      if (passphrase !== "-" && typed === undefined) {
        throw new BootError("passphrase-needed", "A passphrase is needed");
      }
      if (passphrase !== "-" && typed !== passphrase) {
        throw new BootError("passphrase-wrong", "The passphrase is wrong");
      }
      const files = readMountedFiles(system, folder);
      const entry = await findBootEntry(files);
      if (entry === undefined) throw new BootError("no-boot-entry", `Nothing to boot in "${folder}"`);
      return await openImage([files], entry);
    },
  };
}

Deno.exit(
  await runServerProgram(args, (system) => ({
    system: {
      ...system,
      spawn: (argv, options) => {
        // It may be in the namespace of a tunnel: "ip netns exec …" stands before it.
        const words = argv.map((word) => word === RUN_NBDKIT_PATH ? runNbdkitSource : word);
        return system.spawn(
          filters ? words : words.map((word) => word.startsWith("allow=") ? "allow=any" : word),
          options,
        );
      },
    },
    ...(folder === "-" ? {} : { source: createSource(system) }),
  })),
);
