/**
 * setup-server, undo-setup, init and doctor on the real terminal, but on a made-up Debian 13 with LUKS and LVM; for
 * transcripts.
 *
 *     deno run --allow-read --allow-env tests/support/host_commands.ts COMMAND [--yes] [--dry-run] [--diff] [--user]
 *     [--check]
 *
 * --user: as another user than root. --check: says after a stop whether undo-setup gives the system back. setup-undo
 * runs the two after each other, and says whether the system is as before. init-again runs init for the first time,
 * once more, and when the user has given the configuration a password.
 */

import { doctor } from "../../lib/cli/commands/doctor.ts";
import { init } from "../../lib/cli/commands/init.ts";
import { setupServer } from "../../lib/cli/commands/setup_server.ts";
import { undoSetup } from "../../lib/cli/commands/undo_setup.ts";
import { reportError } from "../../lib/cli/report_error.ts";
import { createTerminalUi } from "../../lib/cli/terminal_ui.ts";
import type { Ui } from "../../lib/ui.ts";
import { snapshot } from "./host_rig.ts";
import { createMadeUpLaptop } from "./made_up_laptop.ts";

const [command, ...flags] = Deno.args;
const isUser = flags.includes("--user");
const laptop = await createMadeUpLaptop({ hookLines: command === "setup-server-long" ? 60 : 0 });
laptop.uid = isUser ? 1000 : 0;
const { system, setup } = laptop;

const stop = new AbortController();
for (const signal of ["SIGINT", "SIGTERM"] as const) Deno.addSignalListener(signal, () => stop.abort());
const ui = createTerminalUi({ assumeYes: flags.includes("--yes"), signal: stop.signal });
const dryRun = flags.includes("--dry-run");
const withDiffs = flags.includes("--diff");
const before = snapshot(system);

/** Whether undo-setup gives the system back from where the command has ended. */
async function checkUndo(): Promise<void> {
  await undoSetup(system, createQuietUi());
  console.error(JSON.stringify(snapshot(system)) === JSON.stringify(before) ? "UNDONE" : "NOT UNDONE");
}

function createQuietUi(): Ui {
  const progress = { update: () => {}, note: () => {}, finish: () => {}, fail: () => {} };
  const quiet = { result: () => {}, say: () => {}, warn: () => {}, progress: () => progress };
  return { ...ui, ...quiet, ask: () => Promise.resolve("yes"), confirm: () => Promise.resolve(true) };
}

try {
  if (command === "doctor") await doctor(system, ui, setup);
  if (command === "init") await init(system, ui, { configPath: "/home/me/config.yaml", dryRun });
  if (command === "init-again") {
    await init(system, ui, { configPath: setup.configPath });
    await init(system, ui, { configPath: setup.configPath });
    await system.writeFile(
      setup.configPath,
      `${await system.readText(setup.configPath)}initrd: {password: hunter2}\n`,
    );
    await init(system, ui, { configPath: setup.configPath });
    ui.result([...system.files.keys()].filter((path) => path.startsWith(setup.configPath)).toSorted().join("\n"));
  }
  if (command === "setup-server" || command === "setup-server-long") {
    await setupServer(system, ui, { ...setup, dryRun, withDiffs });
  }
  if (command === "undo-setup") {
    // It was set up before, unseen, by root.
    laptop.uid = 0;
    await setupServer(system, createQuietUi(), setup);
    laptop.uid = isUser ? 1000 : 0;
    await undoSetup(system, ui, { dryRun, withDiffs });
  }
  if (command === "setup-foreign") {
    // It was set up before; since then the user has changed two of its files and removed another.
    await setupServer(system, createQuietUi(), setup);
    await system.writeFile("/etc/NetworkManager/conf.d/90-stiefelsystem.conf", "mine\n");
    await system.writeFile("/etc/systemd/network/10-stiefelsystem.network", "mine, too\n");
    await system.remove("/etc/stiefelsystem/config.yaml");
    await setupServer(system, ui, setup);
  }
  if (command === "setup-undo") {
    await setupServer(system, ui, setup);
    await undoSetup(system, ui);
    ui.result(JSON.stringify(snapshot(system)) === JSON.stringify(before) ? "as before" : "not as before");
  }
} catch (error) {
  const { lines, exitCode } = reportError(error);
  if (lines.length > 0) console.error(lines.join("\n"));
  Deno.exitCode = exitCode;
  if (flags.includes("--check")) await checkUndo();
}
// The signal listener would keep it going.
Deno.exit();
