/** `serve-now`: restarts this laptop into the image on purpose, by the same way as the autokexec agent. */

import { loadArguments, unloadKernel } from "../../boot/kexec.ts";
import { commandToType } from "../../command_to_type.ts";
import type { Config } from "../../config/config.ts";
import { readConfigFile } from "../../config_file.ts";
import { ExitCode, quoteCommand, StoppedByUser, UserError } from "../../errors.ts";
import { JOIN_DIRECTORY } from "../../formats/handover.ts";
import { sessionStatePath } from "../../formats/session_state.ts";
import { configPath, imageStartOf } from "../../host/image_start.ts";
import { gatherHandover } from "../../restart/gather_handover.ts";
import { demandNoInhibitor } from "../../restart/inhibitor.ts";
import { loadImage } from "../../restart/restart.ts";
import { findObstacle, shutDownIntoKernel } from "../../restart/shut_down.ts";
import { describeServiceEnd } from "../../service_end.ts";
import { readLockdown } from "../../system/facts.ts";
import type { System } from "../../system/system.ts";
import type { Ui } from "../../ui.ts";

type ImageStart = ReturnType<typeof imageStartOf>;

export interface ServeNowOptions {
  readonly dryRun?: boolean;
}

/**
 * Shuts this machine down, after a question. Does not come back when it works.
 * @throws {UserError} when it cannot be done; nothing is shut down then, and nothing stays loaded
 * @throws {StoppedByUser} on "no" and Ctrl-C
 */
export async function serveNow(system: System, ui: Ui, { dryRun = false }: ServeNowOptions = {}): Promise<void> {
  const config = await readInstalledConfig(system);
  const image = imageStartOf(config);
  await demandPossible(system, ui, { image, dryRun });
  for (const line of describeRestart(config)) ui.say(line);
  if (dryRun) return await showRestart(system, ui, image);
  if (!await ui.confirm("Restart as a stiefelsystem server now?")) throw new StoppedByUser("Nothing was restarted");
  try {
    {
      await using memory = await mountMemory(system);
      await loadImage(system, image, { directory: memory.path, say: (line) => ui.say(line) });
    }
    ui.say("Shutting down");
    await shutDownIntoKernel(system);
  } catch (error) {
    // The next restart is an ordinary one.
    await unloadKernel(system).catch(() => {});
    throw error;
  }
}

/** What setup-server has set this machine up with. @throws {UserError} */
async function readInstalledConfig(system: System): Promise<Config> {
  if (await system.stat(configPath) === undefined) {
    throw new UserError("This computer is not set up: it has no image to restart into", {
      hints: [`${commandToType("setup-server", { asRoot: true })} installs it`],
    });
  }
  return (await readConfigFile(system, configPath)).config;
}

/** @throws {UserError} with what stands against it, as far as it can be seen without trying */
async function demandPossible(
  system: System,
  ui: Ui,
  { image, dryRun }: { readonly image: ImageStart; readonly dryRun: boolean },
): Promise<void> {
  if (await system.stat(sessionStatePath) !== undefined) {
    throw new UserError("This system runs on a desktop: the laptop is a server already");
  }
  const obstacle = await findObstacle(system);
  if (obstacle !== undefined) {
    throw new UserError(`This machine cannot become a stiefelsystem: ${obstacle}`, { hints: [otherStart] });
  }
  if (await system.stat("/run/systemd/system") === undefined) {
    const isLockedDown = await readLockdown(system) !== undefined;
    for (const line of describeManualRestart(image, isLockedDown)) ui.say(line);
    throw new UserError(
      "This system does not run systemd, whose shutdown leads into the image: nothing was restarted",
      {
        hints: ["Type the commands above", otherStart],
      },
    );
  }
  if (dryRun) return;
  if ((await system.run(["id", "-u"])).stdout.trim() !== "0") {
    throw new UserError("Restarting this computer takes root", {
      hints: [`Run it as root: ${commandToType("serve-now", { asRoot: true })}`],
      exitCode: ExitCode.usage,
    });
  }
  await demandNoInhibitor(system);
}

const otherStart =
  "Start the image from GRUB's menu, where setup-server has added an entry, or from a stick with stiefel.role=server (doc/agents.md)";

/**
 * The way into the image without systemd, for a user at the console: nothing that is mounted may be written to any
 * more when the kernel changes. Single-user mode ends everything that writes; what it leaves mounted becomes
 * read-only. Pure.
 */
function describeManualRestart(image: ImageStart, isLockedDown: boolean): readonly string[] {
  const load = loadArguments({ ...image, initramfs: image.initrd }, isLockedDown ? "by-kernel" : "unchecked");
  return [
    "These commands restart this computer as a server. Type them as root on a text console, and stop at one that fails:",
    `    ${quoteCommand(load)}`,
    "    telinit 1               # ends services and sessions (OpenRC, sysvinit); log in again as root",
    "    umount -a -r            # what is busy becomes read-only",
    "    mount -o remount,ro /   # must not say that it is busy",
    "    kexec --exec",
    "The server then finds its disk by itself. Until the last command an ordinary restart leads back.",
  ];
}

/** What happens, and how one comes back. Pure. */
function describeRestart({ server, autokexec }: Config): readonly string[] {
  return [
    "This computer shuts down as for any restart, and starts as a server for desktops with the same key:",
    "all programs end, all users are logged out, and nothing of this system runs until it comes back.",
    ...describeServiceEnd({ onEnd: server.onEnd, clientTimeoutSeconds: autokexec.clientTimeoutMinutes * 60 }),
  ];
}

async function showRestart(system: System, ui: Ui, image: ImageStart): Promise<void> {
  ui.result(`image:        ${image.kernel}, ${image.initrd}`);
  ui.result(`command line: ${image.commandLine}`);
  const { handover, files, notices } = await gatherHandover(system);
  const { disk, commandLine = "that of the boot loader" } = handover;
  ui.result(
    `hands over:   ${disk.path} (${[disk.model, disk.serial].filter((text) => text !== undefined).join(", ")})`,
  );
  ui.result(`              ${commandLine}`);
  for (const { path } of files === undefined ? [] : [files.kernel, ...files.initramfs]) {
    ui.result(`              ${path}`);
  }
  for (const notice of notices) ui.say(notice);
  ui.result(`then:         ${quoteCommand(["systemctl", "kexec"])}`);
}

/** A directory in memory, for root alone. Runs `mount`, `umount`. */
async function mountMemory(system: System): Promise<AsyncDisposable & { readonly path: string }> {
  const path = JOIN_DIRECTORY;
  await using scope = new AsyncDisposableStack();
  await system.makeDirectory(path, { mode: 0o700 });
  scope.defer(() => system.removeOne(path));
  // Sizes are counted before (lib/restart/plan_memory.ts).
  await system.run(["mount", "-t", "tmpfs", "-o", "mode=0700,size=4G", "stiefel-handover", path]);
  scope.defer(async () => {
    await system.run(["umount", path], { isCleanup: true });
  });
  const owned = scope.move();
  return { path, [Symbol.asyncDispose]: () => owned.disposeAsync() };
}
