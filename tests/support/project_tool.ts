/** A tool of the project that writes into a folder, as `deno task` starts it: its options, its help, its errors. */
import { resolve } from "node:path";
import { parseArgs, type ParseArgsOptionsConfig } from "node:util";
import { reportError } from "../../lib/cli/report_error.ts";
import { ExitCode, UserError } from "../../lib/errors.ts";

type Values<Options extends ParseArgsOptionsConfig> = ReturnType<
  typeof parseArgs<{ options: Options; allowPositionals: true }>
>["values"];

export interface ProjectTool<Options extends ParseArgsOptionsConfig> {
  /** What `--help` prints. */
  readonly help: string;
  readonly options: Options;
  /** Where nothing is typed. */
  readonly folder: string;
  /**
   * @param folder absolute
   * @param at what was typed as a path, absolute
   * @returns paths of what was written
   */
  readonly run: (
    folder: string,
    values: Values<Options>,
    at: (path: string) => string,
  ) => Promise<readonly string[]>;
}

/** Prints the paths that it has written, or why it has not; sets the exit code. */
export async function runProjectTool<const Options extends ParseArgsOptionsConfig>(
  args: readonly string[],
  tool: ProjectTool<Options>,
): Promise<void> {
  // "deno task" goes to the project's folder; names are meant as they were typed.
  const at = (path: string): string => resolve(Deno.env.get("INIT_CWD") ?? ".", path);
  try {
    if (args.includes("--help")) {
      console.log(tool.help);
      return;
    }
    const { values, positionals } = parse(args, tool.options);
    for (const path of await tool.run(at(positionals[0] ?? tool.folder), values, at)) console.log(path);
  } catch (error) {
    const { lines, exitCode } = reportError(error);
    console.error(lines.join("\n"));
    Deno.exitCode = exitCode;
  }
}

function parse<const Options extends ParseArgsOptionsConfig>(
  args: readonly string[],
  options: Options,
): { readonly values: Values<Options>; readonly positionals: readonly string[] } {
  try {
    const parsed = parseArgs({ args: [...args], options, allowPositionals: true });
    if (parsed.positionals.length > 1) throw new Error("There is one folder at most");
    return parsed;
  } catch (error) {
    throw new UserError(error instanceof Error ? error.message : String(error), {
      exitCode: ExitCode.usage,
      hints: ["--help lists the options"],
    });
  }
}
