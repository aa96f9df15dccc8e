/** In which form the agents go into the image. Runs `deno`. */
import type { AgentForm } from "../config/config.ts";
import { CommandError } from "../errors.ts";
import type { System } from "../system/system.ts";

export interface DenoProgram {
  /** Deno.execPath() */
  readonly path: string;
  /** What it needs of the environment: HOME or DENO_DIR, DENORT_BIN. */
  readonly environment: Readonly<Record<string, string>>;
}

export type AgentFormChoice =
  | { readonly form: "compile" | "bundle" }
  /** `reason` is the last line of what `deno compile` said. */
  | { readonly form: "bundle"; readonly reason: string };

/**
 * "auto" compiles where it can: `deno compile` wants the program denort, which Deno downloads once, unless DENORT_BIN names one. That is
 * found out by compiling an empty script.
 * @param workDirectory for a temporary directory
 */
export async function chooseAgentForm(
  system: System,
  { wanted, deno, workDirectory }: {
    readonly wanted: AgentForm;
    readonly deno: DenoProgram;
    readonly workDirectory: string;
  },
): Promise<AgentFormChoice> {
  if (wanted !== "auto") return { form: wanted };
  await system.makeDirectory(workDirectory, { mode: 0o700 });
  const directory = await system.makeTempDirectory({ parent: workDirectory, prefix: "unfinished-form-" });
  try {
    await system.writeFile(`${directory}/empty.js`, "\n");
    await system.run(
      [deno.path, "compile", "--quiet", "--no-config", "--output", `${directory}/empty`, `${directory}/empty.js`],
      { cwd: directory, env: deno.environment, timeoutMs: 5 * 60_000 },
    );
    return { form: "compile" };
  } catch (error) {
    if (!(error instanceof CommandError)) throw error;
    return { form: "bundle", reason: lastReason(error) };
  } finally {
    await system.remove(directory);
  }
}

/** Deno prints a chain of causes, numbered; the last is the most telling. */
function lastReason({ failure }: CommandError): string {
  const causes = (failure.lastLines ?? []).filter((line) => /^\s+\d+: /.test(line) && !line.includes("<unknown>"));
  const line = causes.at(-1) ?? failure.lastLines?.[0] ?? "it ended without a word";
  return line.replace(/^\s+\d+: /, "").trim();
}
