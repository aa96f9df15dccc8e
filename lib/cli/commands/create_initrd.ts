/** `create-initrd`: config.yaml -> kernel, initrd and manifest.json. */
import type { Ui } from "../ui.ts";
import { loadConfig } from "../../config/load_config.ts";
import { formatDiagnostic } from "../../config/diagnostics.ts";
import { ExitCode, UserError } from "../../errors.ts";
import type { AgentForm, Config } from "../../config/config.ts";
import { buildImage } from "../../image/build_image.ts";
import { makeImageRequest } from "../../image/image_request.ts";
import { debianMirror, findDebianMirror } from "../../image/mirror.ts";
import { hashFile } from "../../image/part_archive.ts";
import { planImage } from "../../image/plan_image.ts";
import { type ImageArtifacts, publishArtifacts } from "../../image/publish_artifacts.ts";
import { fingerprintAgentSources, fingerprintOverlay } from "../../image/source_files.ts";
import { hashText, type StageName } from "../../image/stage.ts";
import { loadOrCreateKey } from "../../key_file.ts";
import type { System } from "../../system/system.ts";

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
  readonly skip?: readonly StageName[];
  /** Only these stages, and what they need. */
  readonly only?: readonly StageName[];
  /** Look for newer Debian packages. */
  readonly update?: boolean;
  readonly agents?: AgentForm;
  readonly form?: "packed" | "folder";
  /** The project's own directory. Default ".". */
  readonly projectDir?: string;
  /** The `deno` program (Deno.execPath()), and what it needs from the environment: DENO_DIR, DENORT_BIN, HOME. */
  readonly deno: { readonly path: string; readonly environment: Readonly<Record<string, string>> };
}

/**
 * Builds the image, or as much of it as has changed.
 * @throws {UserError} for a configuration that is not right (exit code 2), and for what is missing on the build machine
 */
export async function createInitrd(system: System, ui: Ui, options: CreateInitrdOptions): Promise<ImageArtifacts> {
  const project = await system.realPath(options.projectDir ?? ".");
  const config = await readConfig(system, ui, options.configPath);
  const keyPath = options.keyPath ?? `${project}/aes-key`;
  const { key } = await loadOrCreateKey(system, keyPath);
  const request = makeImageRequest(config, {
    mirror: config.image.mirror ?? await findHostMirror(system),
    agentForm: "bundle",
    found: {
      overlay: await fingerprintOverlay(system, `${project}/image/initrd`),
      agentSources: await fingerprintAgentSources(system, project),
      runtime: await hashFile(system, await system.realPath(options.deno.path)),
      sharedKey: hashText(key),
    },
  });
  const results = await buildImage(system, ui, {
    plan: planImage(request),
    request,
    cacheDirectory: options.cacheDir ?? `${project}/cache`,
    refresh: new Set(options.update ? ["base"] : []),
    places: { project, deno: options.deno.path, denoEnvironment: options.deno.environment, key: keyPath },
  });
  return await publishArtifacts(system, results, options.outDir ?? `${project}/build`);
}

async function readConfig(system: System, ui: Ui, path: string | undefined): Promise<Config> {
  const fileName = path ?? "config.yaml";
  const exists = await system.stat(fileName) !== undefined;
  if (!exists && path !== undefined) {
    throw new UserError(`Cannot read the configuration "${path}": there is no such file`, { exitCode: ExitCode.usage });
  }
  const { config, warnings } = await loadConfig(exists ? await system.readText(fileName) : "", fileName);
  for (const warning of warnings) ui.warn(formatDiagnostic(warning, fileName));
  return config;
}

async function findHostMirror(system: System): Promise<string> {
  const directory = "/etc/apt/sources.list.d";
  const names = await system.stat(directory) === undefined ? [] : await system.readDirectory(directory);
  const files = ["/etc/apt/sources.list", ...names.map((name) => `${directory}/${name}`)];
  const texts: string[] = [];
  for (const file of files) if (await system.stat(file) !== undefined) texts.push(await system.readText(file));
  return findDebianMirror(texts) ?? debianMirror;
}
