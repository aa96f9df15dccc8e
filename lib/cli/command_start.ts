/** What every command starts from. */
import { type PathOptions, type ProjectPaths, resolveConfigFile, resolveProjectPaths } from "../paths.ts";
import type { System } from "../system/system.ts";
import type { Ui } from "../ui.ts";
import type { CommonOptions, ProgramContext } from "./command_options.ts";

interface Start {
  readonly system: System;
  readonly ui: Ui;
  readonly paths: ProjectPaths;
}

export interface CommandStart {
  readonly context: ProgramContext;
  readonly begin: (options: CommonOptions) => Start;
  /** For commands that use the cache or the results: the configuration may say where these are. */
  readonly start: (options: CommonOptions) => Promise<Start>;
}

export function createCommandStart(context: ProgramContext): CommandStart {
  const begin = (options: CommonOptions, configured: PathOptions["configured"] = {}): Start => ({
    system: context.createSystem({ isVerbose: options.verbose ?? false }),
    ui: context.createUi({ assumeYes: options.yes ?? false }),
    paths: resolveProjectPaths({
      ...context,
      env: context.environment,
      given: { config: options.config, outDir: options.outDir, cacheDir: options.cacheDir },
      configured,
    }),
  });
  const start = async (options: CommonOptions): Promise<Start> => {
    const system = context.createSystem({ isVerbose: options.verbose ?? false });
    const path = resolveConfigFile({ ...context, given: { config: options.config } });
    const { readConfigFile } = await import("../config_file.ts");
    const { config } = await readConfigFile(system, path, { mustExist: options.config !== undefined });
    return begin(options, config.paths);
  };
  return { context, begin, start };
}
