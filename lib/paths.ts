/** Where things are, decided from given values only: nothing here looks at the machine. */

import { isAbsolute, join, normalize } from "node:path/posix";
import { ExitCode, UserError } from "./errors.ts";

/** The environment variables that matter for paths. */
export interface PathEnvironment {
  readonly XDG_CACHE_HOME?: string | undefined;
  readonly HOME?: string | undefined;
}

export interface PathOptions {
  /** Absolute path of the program's own folder. */
  readonly projectDir: string;
  /** Absolute path of the folder that holds the configuration and the key. Default: the project's. */
  readonly configDir?: string | undefined;
  /** Absolute path of the folder that paths of the configuration and the defaults start at. Default: the project's. */
  readonly stateDir?: string | undefined;
  /** Absolute path of the folder where the user is: paths of the command line start here. Default: the project's. */
  readonly workingDirectory?: string | undefined;
  readonly env: PathEnvironment;
  /** Paths that the command line gives; they win. */
  readonly given?: {
    readonly config?: string | undefined;
    readonly outDir?: string | undefined;
    readonly cacheDir?: string | undefined;
  };
  /** `paths` of the configuration, once it is read. */
  readonly configured?: { readonly cache?: string | undefined; readonly workdir?: string | undefined };
}

/** All absolute. */
export interface ProjectPaths {
  readonly configFile: string;
  /** The shared key, under the name that users of the original know. */
  readonly keyFile: string;
  /**
   * @throws {UserError} when it is read and no cache folder can be named: most commands need none, and a service has
   * no HOME
   */
  readonly cacheDir: string;
  readonly outDir: string;
}

/** @throws {TypeError} when `projectDir` is not absolute */
export function resolveProjectPaths(options: PathOptions): ProjectPaths {
  const { projectDir, configDir = projectDir, stateDir = projectDir, env, given = {}, configured = {} } = options;
  const { workingDirectory = projectDir } = options;
  const resolve = (path: string | undefined, configuredPath: string | undefined): string | undefined =>
    path !== undefined
      ? resolveFrom(workingDirectory, path)
      : configuredPath === undefined
      ? undefined
      : resolveFrom(stateDir, configuredPath);
  const outDir = resolve(given.outDir, configured.workdir ?? "build") ?? "";
  return {
    configFile: resolveConfigFile(options),
    keyFile: join(configDir, "aes-key"),
    get cacheDir() {
      return resolve(given.cacheDir, configured.cache) ?? userCacheDir(env);
    },
    outDir,
  };
}

/** Absolute path of the configuration, which may say where all else is. */
export function resolveConfigFile(
  { projectDir, configDir = projectDir, workingDirectory = projectDir, given = {} }: Pick<
    PathOptions,
    "projectDir" | "configDir" | "workingDirectory" | "given"
  >,
): string {
  return given.config === undefined ? join(configDir, "config.yaml") : resolveFrom(workingDirectory, given.config);
}

function resolveFrom(directory: string, path: string): string {
  if (!isAbsolute(directory)) throw new TypeError(`The folder "${directory}" is not absolute`);
  return normalize(isAbsolute(path) ? path : join(directory, path)).replace(/(?<=.)\/$/, "");
}

/**
 * The folder "stiefelsystem" in the user's cache folder (XDG Base Directory Specification: a relative value is not
 * valid and ignored).
 * @throws {UserError} when neither XDG_CACHE_HOME nor HOME is usable
 */
export function userCacheDir({ XDG_CACHE_HOME, HOME }: PathEnvironment): string {
  if (XDG_CACHE_HOME !== undefined && isAbsolute(XDG_CACHE_HOME)) return join(XDG_CACHE_HOME, "stiefelsystem");
  if (HOME !== undefined && isAbsolute(HOME)) return join(HOME, ".cache", "stiefelsystem");
  throw new UserError(
    "The cache folder cannot be chosen: found no HOME in the environment, wanted an absolute path there",
    {
      exitCode: ExitCode.usage,
      hints: [`Name a folder with "--cache-dir", or as "paths: cache:" in the configuration`],
    },
  );
}
