/** The command line tool: arguments -> command -> exit code. What there is to do stands in `lib/cli/program.ts`. */

import { runProgram } from "./lib/cli/program.ts";
import { reportError } from "./lib/cli/report_error.ts";
import { createTerminalUi, wrapForTerminal } from "./lib/cli/terminal_ui.ts";
import { adaptCommands, findGivenPlaces, whichShell } from "./lib/command_to_type.ts";
import { requireDeno } from "./lib/deno_version.ts";
import { ExitCode, quoteCommand, StoppedByUser } from "./lib/errors.ts";
import { denoVariables, sessionVariables } from "./lib/grants.ts";
import { findInstallation } from "./lib/installation.ts";
import { createRealSystem } from "./lib/system/real.ts";

const stop = new AbortController();
/** One Ctrl-C comes twice: from the terminal, and from `deno task`, which passes its own on. */
const sameKeyPressMs = 1_000;
let stoppedAtMs = 0;
function onSignal(): void {
  if (!stop.signal.aborted) {
    stoppedAtMs = performance.now();
    stop.abort(new StoppedByUser());
  } else if (performance.now() - stoppedAtMs > sameKeyPressMs) {
    Deno.exit(ExitCode.stopped); // a second Ctrl-C during the cleanup ends the program the hard way
  }
}
for (const signal of ["SIGINT", "SIGTERM"] as const) Deno.addSignalListener(signal, onSignal);

const environment = Object.fromEntries(
  ["XDG_CACHE_HOME", "PATH", ...denoVariables, ...sessionVariables].map((name) => [name, Deno.env.get(name)]),
);

const { launcher, ...places } = findInstallation(import.meta.filename ?? `${Deno.cwd()}/main.ts`);
const isInItsFolder = Deno.cwd() === places.projectDir && places.configDir === places.projectDir;
const whereabouts = {
  launcher: isInItsFolder ? undefined : launcher,
  shell: whichShell(
    Deno.permissions.querySync({ name: "sys", kind: "uid" }).state === "granted" ? Deno.uid() ?? undefined : undefined,
    Deno.env.get("SUDO_UID"),
  ),
  places: findGivenPlaces(Deno.args),
};
const adapt = (text: string): string => adaptCommands(text, whereabouts);

try {
  requireDeno(Deno.version.deno, "This is");
  await runProgram(Deno.args, {
    ...places,
    workingDirectory: Deno.cwd(),
    environment,
    signal: stop.signal,
    createUi: (options) => createTerminalUi({ ...options, signal: stop.signal, adapt }),
    createSystem: ({ isVerbose }) =>
      createRealSystem({
        signal: stop.signal,
        home: environment["HOME"] ?? "/",
        ...(isVerbose ? { onCommand: (argv) => console.error(`+ ${quoteCommand(argv)}`) } : {}),
      }),
  });
} catch (error) {
  // What was stopped may have told where, in words of its own.
  const isStopped = stop.signal.aborted && !(error instanceof StoppedByUser);
  const report = reportError(isStopped ? stop.signal.reason : error);
  if (report.lines.length > 0) console.error(adapt(wrapForTerminal(report.lines.join("\n"))));
  Deno.exitCode = report.exitCode;
}
// Signal listeners keep the event loop alive; there is nothing left to wait for.
Deno.exit();
