/**
 * Stage "compile": drivers from source, in a Debian of its own that is thrown away afterwards. Only for modules whose
 * configuration names a source. Runs `curl` or `git`, `tar`, `id`, `unshare`, `setpriv`, `find`, `install`.
 */
import type { DriverConfig } from "../../config/config.ts";
import { filePathOf } from "../../config/addresses.ts";
import { requireDriverSource } from "../../config/driver_source.ts";
import { runBootstrap } from "../../debian/run_bootstrap.ts";
import { quoteCommand, UserError } from "../../errors.ts";
import type { System } from "../../system/system.ts";
import {
  compileArguments,
  compiledFilesName,
  compiledModulesName,
  driverMakeCommand,
  sourceDirectory,
} from "../compile_driver.ts";
import { hashFile, hashText } from "../../hash.ts";
import { canonicalJson } from "../stage.ts";
import type { StageRecord } from "../stage_record.ts";
import { mmdebstrapEnvironment, treeName } from "./base.ts";
import type { StageContext } from "./context.ts";
import { findKernelVersion } from "./kernel_version.ts";
import { listTree } from "../list_tree.ts";
import { findStageHost } from "./stage_host.ts";

export async function buildCompile(context: StageContext): Promise<StageRecord> {
  const { system, request, directory, progress, signal } = context;
  const version = await findKernelVersion(system, `${context.result("base").directory}/${treeName}`);
  const sources = `${directory}/sources`;
  for (const driver of request.drivers) {
    progress.note(`fetching ${driver.name}`);
    await unpackSource(context, driver, `${sources}/${driver.name}`);
  }
  progress.note("preparing the compiler");
  const host = await findStageHost(context);
  const archive = `${directory}/sources.tar`;
  const results = `${directory}/results.tar`;
  await system.run(["tar", "-c", "-f", archive, "-C", sources, "--owner=0", "--group=0", "."], { signal });
  await runBootstrap(
    system,
    compileArguments({
      suite: request.suite,
      mirror: request.mirror,
      host,
      kernelVersion: version,
      commands: request.drivers.map((driver) => driverMakeCommand(driver, version)),
      sourceArchive: archive,
      resultArchive: results,
    }),
    {
      failure: "A compiler for the drivers cannot be set up",
      suite: request.suite,
      mirror: request.mirror,
      host,
      directory,
    },
    {
      env: mmdebstrapEnvironment,
      timeoutMs: 60 * 60_000,
      signal,
      onLine: (line) => /^\s+(CC|LD|MODPOST)\b/.test(line) && progress.note(line.trim().replace(/\s+/, " ")),
    },
  );
  const built = `${directory}/built`;
  await system.makeDirectory(built);
  await system.run(["tar", "-x", "-f", results, "-C", built, "--no-same-owner", "--strip-components=1"], { signal });
  for (const driver of request.drivers) {
    await takeResults(system, driver, { built: `${built}/${driver.name}`, directory });
  }
  for (const path of [sources, archive, results, built]) await system.remove(path);
  return {
    fingerprint: await fingerprintResults(system, directory),
    summary: request.drivers.map(({ name }) => name).join(", "),
  };
}

async function unpackSource(context: StageContext, driver: DriverConfig, directory: string): Promise<void> {
  const source = requireDriverSource(driver);
  await context.system.makeDirectory(directory);
  if (source.kind === "git") return await checkOut(context, { ...source, directory });
  const { url, sha256 } = source;
  const local = filePathOf(url);
  const archive = local ?? `${directory}.archive`;
  if (local === undefined) await fetchArchive(context, url, archive);
  else await demandArchive(context.system, driver.name, local);
  await demandHash(context.system, { name: driver.name, archive, sha256 });
  await context.system.run(["tar", "-x", "-f", archive, "-C", directory, "--no-same-owner", "--strip-components=1"], {
    signal: context.signal,
  });
}

async function fetchArchive({ system, signal }: StageContext, url: string, archive: string): Promise<void> {
  // --proto: a redirect must not leave https.
  const options = ["--fail", "--silent", "--show-error", "--location", "--proto", "=https"];
  await system.run(["curl", ...options, "--output", archive, url], { signal });
}

async function demandArchive(system: System, name: string, archive: string): Promise<void> {
  if (await system.stat(archive) !== undefined) return;
  throw new UserError(`The source of the driver "${name}" is not there: "${archive}"`, {
    hints: [`See "module-configs.${name}.url" in the configuration`],
  });
}

interface ArchiveCheck {
  readonly name: string;
  readonly archive: string;
  readonly sha256: string;
}

/** @throws {UserError} when the archive is not the one the configuration pins */
async function demandHash(system: System, { name, archive, sha256 }: ArchiveCheck): Promise<void> {
  const archiveHash = await hashFile(system, archive);
  if (archiveHash === sha256) return;
  throw new UserError(
    `The source of the driver "${name}" is not the expected one: found SHA-256 ${archiveHash}, wanted ${sha256}`,
    {
      hints: [
        "The file at this address has changed, or the address now holds another version",
        `When the new one is what you want, change "module-configs.${name}.sha256"`,
      ],
    },
  );
}

/** Files of one commit, without the repository: git checks that they are what the commit's id is the hash of. */
async function checkOut(
  { system, signal }: StageContext,
  { url, commit, directory }: { readonly url: string; readonly commit: string; readonly directory: string },
): Promise<void> {
  const git = async (...args: readonly string[]): Promise<void> =>
    void await system.run(["git", "-C", directory, ...args], {
      signal,
      // No settings or hooks of a user, no question for a password.
      env: { GIT_CONFIG_NOSYSTEM: "1", GIT_CONFIG_GLOBAL: "/dev/null", GIT_TERMINAL_PROMPT: "0" },
    });
  await git("init", "--quiet", "--template=");
  await git("-c", "transfer.fsckObjects=true", "fetch", "--quiet", "--depth=1", url, commit);
  await git("-c", "advice.detachedHead=false", "checkout", "--quiet", commit);
  await system.remove(`${directory}/.git`);
}

interface ResultPlaces {
  readonly built: string;
  readonly directory: string;
}

/** @throws {UserError} when compiling made something other than what the configuration names */
async function takeResults(system: System, driver: DriverConfig, { built, directory }: ResultPlaces): Promise<void> {
  const entries = await listTree(system, built);
  const modules = `${directory}/${compiledModulesName}`;
  await system.makeDirectory(modules);
  for (const name of driver.moduleNames) {
    const entry = entries.find(({ kind, path }) =>
      kind === "file" && (path === `${name}.ko` || path.endsWith(`/${name}.ko`))
    );
    if (entry === undefined) {
      throw new UserError(`Compiling "${driver.name}" made no ${name}.ko`, {
        hints: [
          `See "module-configs.${driver.name}", the keys "make" and "modules"`,
          `make ran as: ${quoteCommand(driver.makeArguments)}`,
        ],
      });
    }
    await system.run(["install", "-m", "644", `${built}/${entry.path}`, `${modules}/${name}.ko`]);
  }
  await system.makeDirectory(`${directory}/${compiledFilesName}`);
  for (const { from, to, mode } of driver.files) {
    await system.run([
      "install",
      "-D",
      "-m",
      mode.toString(8),
      `${built}/${from}`,
      `${directory}/${compiledFilesName}${to}`,
    ]);
  }
}

async function fingerprintResults(system: System, directory: string): Promise<string> {
  const hashes: string[] = [];
  for (const entry of await listTree(system, directory)) {
    if (entry.kind === "file") hashes.push(`${entry.path} ${await hashFile(system, entry.source)}`);
  }
  return hashText(canonicalJson([sourceDirectory, ...hashes.sort()]));
}
