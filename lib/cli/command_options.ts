/** From the options of the command line, and what the process knows, to the options of the commands. */

import { parseDenoTarget, parseDenoVersion, pinnedDeno, requireDeno } from "../deno_version.ts";
import { UserError } from "../errors.ts";
import { denoVariables } from "../grants.ts";
import type { ProjectPaths } from "../paths.ts";
import type { System } from "../system/system.ts";
import type { Ui } from "../ui.ts";
import type { CreateInitrdOptions } from "./commands/create_initrd.ts";
import type { MachineOptions } from "./commands/prepare_machines.ts";

/** What an entry point knows of its process. */
export interface ProgramContext {
  /** Absolute path of the folder with image/ and the agents' sources. */
  readonly projectDir: string;
  /** Folder of config.yaml and of the shared key. Default: the project's. */
  readonly configDir?: string;
  /** Folder for what is made; relative paths in the configuration start here. Default: the project's. */
  readonly stateDir?: string;
  /** Absolute path of the folder where the user is. */
  readonly workingDirectory: string;
  /** Environment variables that matter, by name. */
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Aborts on Ctrl-C. */
  readonly signal: AbortSignal;
  createUi(options: { readonly assumeYes: boolean }): Ui;
  createSystem(options: { readonly isVerbose: boolean }): System;
}

/** Options of several commands. */
export interface CommonOptions {
  readonly config?: string | undefined;
  readonly outDir?: string | undefined;
  readonly cacheDir?: string | undefined;
  readonly yes?: true | undefined;
  readonly verbose?: true | undefined;
}

export interface BuildOptions extends CommonOptions {
  readonly agents?: "auto" | "compile" | "bundle" | undefined;
  readonly update?: true | undefined;
}

export interface MachineMemory {
  /** MiB. */
  readonly serverMemory?: number | undefined;
  /** MiB. */
  readonly clientMemory?: number | undefined;
}

export interface Place<Options> {
  readonly context: ProgramContext;
  readonly paths: ProjectPaths;
  readonly options: Options;
}

/** The options for building the image. */
export async function imageOptions(
  system: System,
  { context, paths, options }: Place<BuildOptions>,
): Promise<CreateInitrdOptions> {
  const isThere = options.config !== undefined || await system.stat(paths.configFile) !== undefined;
  return {
    ...(isThere ? { configPath: paths.configFile } : {}),
    projectDir: context.projectDir,
    outDir: paths.outDir,
    cacheDir: paths.cacheDir,
    keyPath: paths.keyFile,
    deno: await findDeno(system, context.environment),
    ...(options.agents === undefined ? {} : { agents: options.agents }),
    ...(options.update === undefined ? {} : { update: true }),
  };
}

/** The options of the commands that run machines. */
export async function machineOptions(
  system: System,
  place: Place<BuildOptions & MachineMemory> & { readonly run: string },
): Promise<MachineOptions> {
  const { context, paths, options, run } = place;
  return {
    image: await imageOptions(system, place),
    projectDirectory: context.projectDir,
    runDirectory: `${paths.outDir}/${run}`,
    cacheDir: paths.cacheDir,
    signal: context.signal,
    ...(options.serverMemory === undefined ? {} : { serverMemoryMiB: options.serverMemory }),
    ...(options.clientMemory === undefined ? {} : { clientMemoryMiB: options.clientMemory }),
  };
}

/** Two commands in one run directory would write to each other's disk images and logs. */
export async function lockRun(system: System, { runDirectory }: MachineOptions, role?: string): Promise<Disposable> {
  const { lockDirectory } = await import("./lock.ts");
  const command = runDirectory.slice(runDirectory.lastIndexOf("/") + 1);
  return await lockDirectory(system, {
    directory: runDirectory,
    ...(role === undefined ? { holder: command } : { name: `lock-${role}`, holder: `${command} ${role}` }),
  });
}

/**
 * Deno as `--allow-run=deno` means it: the first of that name in PATH. (Its own path may be another name of the same
 * file, which Deno would refuse to run.)
 */
async function findDeno(
  system: System,
  environment: ProgramContext["environment"],
): Promise<CreateInitrdOptions["deno"]> {
  const kept = Object.fromEntries(denoVariables.flatMap((name) => {
    const value = environment[name];
    return value === undefined ? [] : [[name, value] as const];
  }));
  for (const directory of (environment["PATH"] ?? "").split(":")) {
    const path = `${directory}/deno`;
    if (directory !== "" && await system.stat(path) !== undefined) {
      const { stdout } = await system.run([path, "--version"], { env: kept, timeoutMs: 60_000 });
      const version = parseDenoVersion(stdout);
      requireDeno(version, `${path} is`);
      return { path, version, target: parseDenoTarget(stdout), environment: kept };
    }
  }
  throw new UserError('Cannot find Deno itself: no "deno" in PATH', {
    hints: [`Start it with ./stiefelsystem, which finds one, or as: npx --yes deno@${pinnedDeno} task …`],
  });
}
