/** The commands of a desktop: what its laptop says, giving the disk back, starting without a stick. */
import type { Command } from "@commander-js/extra-typings";
import { ExitCode, UserError } from "../../errors.ts";
import { sessionVariables } from "../../grants.ts";
import { type ProgramContext } from "../command_options.ts";
import type { CommandStart } from "../command_start.ts";
import { addConfigOptions, addVerbose } from "../shared_options.ts";

export function defineDesktopCommands(program: Command, from: CommandStart): void {
  defineStatus(program, from);
  defineRelease(program, from);
  defineClient(program, from);
}

function defineStatus(program: Command, { begin, context }: CommandStart): void {
  addVerbose(
    program.command("status").description("On a desktop: what the laptop says whose disk this system runs from."),
  )
    .option("--open", "open the laptop's page in a browser")
    .option("--json", "for programs; the form is doc/status.schema.json")
    .action(async (options) => {
      const { system, ui } = begin(options);
      const { showStatus } = await import("../commands/status.ts");
      await showStatus(system, ui, {
        ...(options.json === undefined ? {} : { isJson: true }),
        ...(options.open === undefined ? {} : { openWith: pickSession(context.environment) }),
      });
    });
}

function defineRelease(program: Command, { begin }: CommandStart): void {
  addVerbose(
    program.command("release").description(
      "On a desktop: shut it down in order, so that the laptop gets its disk back. Tells what happens, and asks.",
    ),
  )
    .option("--yes", "shut down without a question")
    .option("--dry-run", "tell what would happen; shut nothing down")
    .action(async (options) => {
      const { system, ui } = begin(options);
      const { release } = await import("../commands/release.ts");
      await release(system, ui, options.dryRun === undefined ? {} : { dryRun: true });
    });
}

function defineClient(program: Command, { start }: CommandStart): void {
  addConfigOptions(
    program.command("client").description(
      "Boot this computer from a laptop's disk without a stick: from the Linux that runs on it, which shuts down for that. Needs root.",
    ),
  )
    .option("--server <address>", "go to this address instead of asking on all links")
    .option("--try", "throw away in the end what is changed: the laptop's disk stays as it is")
    .option("--yes", "shut down without a question")
    .option("--dry-run", "do everything up to the question, and say what would be started")
    .action(async (options) => {
      const { system, ui, paths } = await start(options);
      const { offerPackages } = await import("../../debian/offer_packages.ts");
      await offerPackages(system, ui, ["kexec", "wg"]);
      const { runClientProgram } = await import("../../../agents/client/program.ts");
      const exitCode = await runClientProgram([
        ...["--from-running-system", "--key", paths.keyFile],
        ...(options.server === undefined ? [] : ["--server", options.server]),
        ...(options.try === undefined ? [] : ["--mode", "try"]),
        ...(options.yes === undefined ? [] : ["--yes"]),
        ...(options.dryRun === undefined ? [] : ["--no-kexec"]),
      ]);
      // It has said what was wrong.
      if (exitCode !== ExitCode.done) throw new UserError("", { exitCode });
    });
}

/** What a program needs to find the user's desktop session. */
function pickSession(environment: ProgramContext["environment"]): Readonly<Record<string, string>> {
  return Object.fromEntries(
    sessionVariables.flatMap((name) => environment[name] === undefined ? [] : [[name, environment[name]]]),
  );
}
