/** `create-initrd`: config.yaml -> kernel, initrd and manifest.json. */
import { type ArchitectureName, usualArchitecture } from "../../architecture.ts";
import type { AgentForm, Config } from "../../config/config.ts";
import { parseEngineSecret } from "../../formats/engine.ts";
import { formatDiagnostic } from "../../config/diagnostics.ts";
import { readConfigFile } from "../../config_file.ts";
import type { DenoProgram } from "../../deno_version.ts";
import { chooseAgentForm } from "../../image/agent_form.ts";
import { fetchForeignDeno, foreignTarget } from "../../image/foreign_deno.ts";
import { buildImage, inspectPlan, type StageState } from "../../image/build_image.ts";
import { checkBeforeBuild, demandOwnFiles, fetchesPackages } from "../../image/check_before_build.ts";
import { makeImageRequest } from "../../image/image_request.ts";
import { archiveKeyringPath } from "../../debian/bootstrap_tree.ts";
import { findBootstrapWay } from "../../debian/bootstrap_way.ts";
import { debianMirror, readAptMirror } from "../../debian/mirror.ts";
import { findSnapshot } from "../../debian/snapshot.ts";
import { snapshotService } from "../../debian/snapshot_name.ts";
import { hashPassword } from "../../image/password_hash.ts";
import { type ImageRequest, planImage } from "../../image/plan_image.ts";
import { type ImageArtifacts, placeArtifacts, publishArtifacts } from "../../image/publish_artifacts.ts";
import { demandStages, selectStages } from "../../image/select_stages.ts";
import { fingerprintAgentSources, fingerprintOverlay } from "../../image/source_files.ts";
import type { StageName } from "../../image/stage.ts";
import { hashFile, hashText } from "../../hash.ts";
import { quoteCommand, UserError } from "../../errors.ts";
import { fingerprintRuntime } from "../../image/stages/agents.ts";
import type { BuildPlaces } from "../../image/stages/context.ts";
import { accessing, demandWritable } from "../../file_access.ts";
import { loadOrCreateKey, readKey } from "../../key_file.ts";
import type { System } from "../../system/system.ts";
import { readHostKeymap } from "../host_keymap.ts";
import { formatJsonResult, type ImageResult } from "../json_results.ts";
import { cacheFolderAt, lockCache } from "../lock.ts";
import { commandToType, type MadeFile, sayOutcome } from "../outcome.ts";
import { offerPackages } from "../../debian/offer_packages.ts";
import { formatDuration } from "../progress.ts";
import type { Ui } from "../../ui.ts";

export interface BuiltImage extends ImageArtifacts {
  readonly architecture: ArchitectureName;
  /** False: the files are not there, or those of an earlier build. */
  readonly isMade: boolean;
}

export type { ImageArtifacts } from "../../image/publish_artifacts.ts";

export interface CreateInitrdOptions {
  /** Absent, or a file that does not exist: the defaults. */
  readonly configPath?: string;
  /** Where kernel, initrd and manifest.json go. Default "build". */
  readonly outDir?: string;
  /** Default "cache". */
  readonly cacheDir?: string;
  /** The shared key; made when it is missing. Default "aes-key". */
  readonly keyPath?: string;
  /** List the stages, and which are cached; change nothing. */
  readonly dryRun?: boolean;
  /** Stages whose part is left out. */
  readonly skip?: readonly string[];
  /** Only these stages, and what they need. */
  readonly only?: readonly string[];
  /** Look for newer Debian packages. */
  readonly update?: boolean;
  readonly agents?: AgentForm;
  readonly form?: "packed" | "folder";
  /** The command starts it here, in machines or containers of the usual architecture. */
  readonly startsHere?: boolean;
  /** The dry run prints its stages as JSON. */
  readonly isJson?: boolean;
  /** The project's own directory. Default ".". */
  readonly projectDir?: string;
  readonly deno: DenoProgram;
}

/**
 * Builds the image, or as much of it as has changed.
 * @returns where the artifacts are; with `dryRun`, or `only` without "pack", where they would be
 * @throws {UserError} for a configuration that is not right (exit code 2), and for what is missing on the build
 *   machine
 */
export async function createInitrd(system: System, ui: Ui, options: CreateInitrdOptions): Promise<BuiltImage> {
  const startedMs = system.monotonicMs();
  const project = await system.realPath(options.projectDir ?? ".");
  const cacheDirectory = options.cacheDir ?? `${project}/cache`;
  const outDirectory = options.outDir ?? `${project}/build`;
  const keyPath = options.keyPath ?? `${project}/aes-key`;
  const selection = { skip: options.skip ?? [], only: options.only ?? [] };
  demandStages(selection);
  const config = await readConfig(system, ui, options.configPath);
  if (options.startsHere && config.image.architecture !== usualArchitecture) {
    throw new UserError(
      `The image of this configuration is for ${config.image.architecture}; this command starts it on ${usualArchitecture}`,
      { hints: ['Leave "image: architecture" out for it, or name another configuration with --config'] },
    );
  }
  if (!options.dryRun) await offerPackages(system, ui, driverPrograms(config));
  const cacheFolder = cacheFolderAt(cacheDirectory);
  if (!options.dryRun) {
    await demandWritable(system, cacheFolder);
    await demandOwnFiles(system, { ...cacheFolder, attempt: "written" });
  }
  using _lock = options.dryRun ? undefined : await lockCache(system, ui, cacheDirectory);
  const deno = denoFor(options.deno, config.image.architecture);
  const request = await gatherRequest(system, ui, { ...options, deno, config, project, cacheDirectory, keyPath });
  const plan = selectStages(planImage(request), selection);
  const refresh = new Set<StageName>(options.update ? ["tools", "base", "loaders", "netboot"] : []);
  const inspect = (): Promise<StageState[]> => inspectPlan(system, { plan, cacheDirectory, refresh });
  const states = await accessing(system, { ...cacheFolder, attempt: "read" }, inspect);
  if (options.dryRun) {
    ui.result(options.isJson ? formatJsonPlan(states) : formatPlan(states));
    return { ...placeArtifacts(outDirectory), architecture: request.architecture, isMade: false };
  }
  const source = config.image.snapshot === undefined || !fetchesPackages(states)
    ? request
    : { ...request, mirror: await findSnapshot(system, request, cacheDirectory) };
  await checkBeforeBuild(system, { states, request: source, cacheDirectory, outDirectory });
  const engineSecret = config.block.engine?.secretFile;
  const places = {
    ...{ project, key: keyPath, ...await placeDeno(system, { deno, request, cacheDirectory }) },
    ...engineSecret === undefined ? {} : { engineSecret },
  };
  const results = await buildImage(system, ui, { plan, request: source, cacheDirectory, refresh, places });
  await publishArtifacts(system, results, { outDirectory, form: options.form ?? "packed", runtime: places.runtime });
  const seconds = (system.monotonicMs() - startedMs) / 1000;
  const isCached = states.every(({ state }) => state === "cached");
  ui.say(`${isCached ? "All stages were in the cache; done" : "Done"} in ${formatDuration(seconds)}`);
  return { ...placeArtifacts(outDirectory), architecture: request.architecture, isMade: results.has("pack") };
}

/** `--json`: where the image is, with sizes and sums. */
export async function printImage(
  system: System,
  ui: Ui,
  { image, form }: { readonly image: BuiltImage; readonly form: "packed" | "folder" },
): Promise<void> {
  const paths = { kernel: image.kernelPath, initrd: image.initrdPath, manifest: image.manifestPath } as const;
  const artifacts: ImageResult["artifacts"] = [];
  if (image.isMade) {
    for (const name of ["kernel", "initrd", "manifest"] as const) {
      const path = paths[name];
      const sizeBytes = (await system.stat(path))?.sizeBytes ?? 0;
      artifacts.push({ name, path, sizeBytes, sha256: await hashFile(system, path) });
    }
    if (form === "folder") artifacts.push({ name: "folder", path: image.treePath });
  }
  ui.result(formatJsonResult({ version: 1, isMade: image.isMade, artifacts }));
}

/** Says where the image is, how large, and what to do with it. */
export async function sayImage(
  system: System,
  ui: Ui,
  { image, form }: {
    readonly image: BuiltImage;
    readonly form: "packed" | "folder";
  },
): Promise<void> {
  if (!image.isMade) return;
  const paths = { kernel: image.kernelPath, initrd: image.initrdPath, manifest: image.manifestPath };
  const made: MadeFile[] = [];
  for (const [what, path] of Object.entries(paths)) {
    made.push({ what, path, sizeBytes: (await system.stat(path))?.sizeBytes ?? 0 });
  }
  const isFolder = form === "folder";
  sayOutcome(ui, {
    made: isFolder ? [...made, { what: "folder", path: image.treePath }] : made,
    next: isFolder
      ? [{
        command: commandToType("test-nspawn", { asRoot: true }),
        why: "runs both agents in containers of it",
      }]
      : [
        {
          command: commandToType("setup-server", { asRoot: true }),
          why: "sets this laptop up to be used from a desktop",
        },
        {
          command: commandToType("setup-client-usbdrive", { asRoot: true }),
          why: "writes the stick that starts the desktop",
        },
        // No machine here starts another one.
        ...image.architecture === usualArchitecture
          ? [{ command: commandToType("demo"), why: "shows a laptop and a desktop in virtual machines first" }]
          : [],
      ],
  });
}

/** What fetches the sources of drivers. */
function driverPrograms({ drivers }: Config): readonly string[] {
  return drivers.flatMap(({ url, commit }) => commit !== undefined ? ["git"] : url.startsWith("file:") ? [] : ["curl"]);
}

interface RequestOptions extends CreateInitrdOptions {
  readonly config: Config;
  readonly project: string;
  readonly cacheDirectory: string;
  readonly keyPath: string;
  /** For the image's processor. */
  readonly deno: DenoProgram;
}

/** Adds to the configuration what only this machine knows. */
async function gatherRequest(system: System, ui: Ui, options: RequestOptions): Promise<ImageRequest> {
  const { config, project, deno } = options;
  const { architecture } = config.image;
  const key = options.dryRun ? await peekKey(system, options.keyPath) : await takeKey(system, ui, options.keyPath);
  const agentForm = await decideAgentForm(system, ui, options);
  const isDebug = config.modules.has("debug");
  return makeImageRequest(config, {
    mirror: await chooseMirror(system, config.image),
    agentForm,
    hostKeymap: await readHostKeymap(system),
    ...isDebug ? { passwordHash: await hashPassword(system, config.initrd.password, key) } : {},
    found: {
      overlay: await fingerprintOverlay(system, `${project}/image/initrd`),
      agentSources: await fingerprintAgentSources(system, project),
      runtime: await fingerprintRuntime(system, agentForm, { deno, architecture }),
      sharedKey: hashText(key),
      ...await findBootstrapWay(system) === "mmdebstrap"
        ? {}
        : { archiveKeys: await hashFile(system, `${project}/${archiveKeyringPath}`) },
      ...await fingerprintSecret(system, config.block.engine?.secretFile),
    },
  });
}

/** @throws {UserError} when the file holds no secret, or others can read it */
async function fingerprintSecret(
  system: System,
  path: string | undefined,
): Promise<{ readonly engineSecret?: string }> {
  if (path === undefined) return {};
  const status = await accessing(
    system,
    { what: "The engine's secret", path, attempt: "read" },
    () => system.stat(path),
  );
  const text = status?.kind === "file" ? await system.readText(path) : "";
  if (parseEngineSecret(text) === undefined) {
    throw new UserError(`"${path}" does not hold one or two lines like "DHHC-1:00:…:", as block.engine wants`, {
      hints: ["nvme gen-dhchap-key makes one; the storage system's own page shows it"],
    });
  }
  if (((status?.mode ?? 0) & 0o077) !== 0) {
    throw new UserError(`Others can read the engine's secret "${path}"`, {
      hints: [`Run "${quoteCommand(["chmod", "600", path])}"`],
    });
  }
  return { engineSecret: hashText(text) };
}

async function chooseMirror(system: System, { mirror, snapshot }: Config["image"]): Promise<string> {
  if (snapshot !== undefined) return `${(mirror ?? snapshotService).replace(/\/$/, "")}/${snapshot}`;
  return mirror ?? await readAptMirror(system) ?? debianMirror;
}

async function takeKey(system: System, ui: Ui, path: string): Promise<Uint8Array> {
  const { key, created } = await loadOrCreateKey(system, path);
  if (created) ui.say(`Made a new shared key: ${path}`);
  return key;
}

/** A dry run makes no key; without one the stage "secrets" is simply not cached. */
async function peekKey(system: System, path: string): Promise<Uint8Array> {
  return await system.stat(path) === undefined ? new Uint8Array() : await readKey(system, path);
}

/** DENORT_BIN names a program for this machine's processor: for another one Deno fetches what it takes. */
function denoFor(deno: DenoProgram, architecture: Config["image"]["architecture"]): DenoProgram {
  if (foreignTarget(deno, architecture) === undefined) return deno;
  const { DENORT_BIN: _, ...environment } = deno.environment;
  return { ...deno, environment };
}

/** The Deno that makes the agents, and the one that goes into the image, or beside it. */
async function placeDeno(
  system: System,
  { deno, request: { agentForm, architecture }, cacheDirectory }: {
    readonly deno: DenoProgram;
    readonly request: ImageRequest;
    readonly cacheDirectory: string;
  },
): Promise<Pick<BuildPlaces, "deno" | "denoEnvironment" | "runtime" | "target">> {
  const target = foreignTarget(deno, architecture);
  const runtime = agentForm === "compile" || target === undefined
    ? deno.path
    : await fetchForeignDeno(system, { deno, architecture, cwd: cacheDirectory });
  return {
    ...{ deno: deno.path, denoEnvironment: deno.environment, runtime },
    ...target === undefined ? {} : { target },
  };
}

async function decideAgentForm(system: System, ui: Ui, options: RequestOptions): Promise<"compile" | "bundle"> {
  const wanted = options.agents ?? options.config.image.agents;
  const choice = await chooseAgentForm(system, {
    wanted,
    architecture: options.config.image.architecture,
    deno: options.deno,
    cacheDirectory: options.cacheDirectory,
    retry: options.update ?? false,
    mayTry: !options.dryRun,
  });
  if ("isAssumed" in choice) {
    ui.say("The build finds out whether the agents can be compiled here; this list assumes that they can");
  }
  if ("reason" in choice) {
    ui.warn(
      `The agents are not compiled, since that does not work here (${choice.reason}): they are bundled, with one Deno beside them`,
    );
  }
  return choice.form;
}

function formatJsonPlan(states: readonly StageState[]): string {
  const stages = states.map(({ stage: { name, title }, state }) => ({ name, title, state }));
  return formatJsonResult({ version: 1, isMade: false, stages, artifacts: [] });
}

function formatPlan(states: readonly StageState[]): string {
  const words = { cached: "cached", missing: "to be made", unknown: "depends on what is made before it" } as const;
  const width = Math.max(...states.map(({ stage }) => stage.name.length));
  return states.map(({ stage, state }) => `${stage.name.padEnd(width)}  ${words[state]}  (${stage.title})`).join("\n");
}

async function readConfig(system: System, ui: Ui, path: string | undefined): Promise<Config> {
  const fileName = path ?? "config.yaml";
  const { config, warnings } = await readConfigFile(system, fileName, { mustExist: path !== undefined });
  for (const warning of warnings) ui.warn(formatDiagnostic(warning, fileName, { isLabelled: true }));
  return config;
}
