/** Puts the results of a build where the user wants them. Runs `bsdtar` for the folder form. */
import { autokexecFiles } from "../autokexec_files.ts";
import type { System } from "../system/system.ts";
import type { CachedStage } from "./stage_cache.ts";
import type { StageName } from "./stage.ts";
import { loaderDirectory } from "../debian/boot_loaders.ts";
import { endName, partNames } from "./stages/pack.ts";

export interface ImageArtifacts {
  readonly kernelPath: string;
  /** Mode 0600 when it holds the shared key. */
  readonly initrdPath: string;
  readonly manifestPath: string;
  /** The image as a directory, when that was asked for; readable for its owner alone. */
  readonly treePath: string;
}

/** Where the artifacts of a build are. Pure. */
export function placeArtifacts(outDirectory: string): ImageArtifacts {
  return {
    kernelPath: `${outDirectory}/kernel`,
    initrdPath: `${outDirectory}/initrd`,
    manifestPath: `${outDirectory}/manifest.json`,
    treePath: `${outDirectory}/tree`,
  };
}

const artifacts = ["kernel", "initrd", "manifest.json"] as const;

interface PublishOptions {
  readonly outDirectory: string;
  readonly form: "packed" | "folder";
  /** The Deno that goes beside a bundled autokexec agent. */
  readonly runtime: string;
}

/** Each file appears complete, by renaming; the manifest, which holds the hashes of the others, last. */
export async function publishArtifacts(
  system: System,
  results: ReadonlyMap<StageName, CachedStage>,
  { outDirectory, form, runtime }: PublishOptions,
): Promise<void> {
  const [autokexec, loaders, packed] = [results.get("autokexec"), results.get("loaders"), results.get("pack")];
  if (autokexec === undefined && loaders === undefined && packed === undefined) return;
  await system.makeDirectory(outDirectory);
  const unfinished = await system.makeTempDirectory({ parent: outDirectory, prefix: ".unfinished-" });
  try {
    if (autokexec !== undefined) await publishAutokexec(system, autokexec, { outDirectory, unfinished, runtime });
    if (loaders !== undefined) await publishLoaders(system, loaders, { outDirectory, unfinished });
    if (packed !== undefined) await publishImage(system, results, { packed, outDirectory, unfinished, form });
  } finally {
    await system.remove(unfinished);
  }
}

async function publishImage(
  system: System,
  results: ReadonlyMap<StageName, CachedStage>,
  { packed, outDirectory, unfinished, form }: Omit<PublishOptions, "runtime"> & {
    readonly packed: CachedStage;
    readonly unfinished: string;
  },
): Promise<void> {
  for (const name of artifacts) {
    const mode = (await system.stat(`${packed.directory}/${name}`))?.mode ?? 0o600;
    await system.writeStream(`${unfinished}/${name}`, await system.openRead(`${packed.directory}/${name}`), { mode });
  }
  if (form === "folder") {
    await unpackParts(system, results, { end: `${packed.directory}/${endName}`, to: `${unfinished}/tree` });
  }
  for (const name of artifacts) await system.rename(`${unfinished}/${name}`, `${outDirectory}/${name}`);
  if (form === "folder") {
    await system.remove(`${outDirectory}/tree`);
    await system.rename(`${unfinished}/tree`, `${outDirectory}/tree`);
  }
}

/** The folder with the boot loaders, replaced as a whole. */
async function publishLoaders(
  system: System,
  { directory }: CachedStage,
  { outDirectory, unfinished }: { readonly outDirectory: string; readonly unfinished: string },
): Promise<void> {
  const [from, to] = [`${directory}/${loaderDirectory}`, `${unfinished}/${loaderDirectory}`];
  await system.makeDirectory(to);
  for (const name of await system.readDirectory(from)) {
    await system.writeStream(`${to}/${name}`, await system.openRead(`${from}/${name}`), { mode: 0o644 });
  }
  await system.remove(`${outDirectory}/${loaderDirectory}`);
  await system.rename(to, `${outDirectory}/${loaderDirectory}`);
}

/** The agent in the one form it was made in; what an earlier build left of the other form goes. */
async function publishAutokexec(
  system: System,
  { directory }: CachedStage,
  { outDirectory, unfinished, runtime }: {
    readonly outDirectory: string;
    readonly unfinished: string;
    readonly runtime: string;
  },
): Promise<void> {
  const { program, script, runtime: runtimeName } = autokexecFiles;
  const isBundle = await system.lstat(`${directory}/${script}`) !== undefined;
  const sources = isBundle
    ? [{ name: runtimeName, source: await system.realPath(runtime), mode: 0o755 }, {
      name: script,
      source: `${directory}/${script}`,
      mode: 0o644,
    }]
    : [{ name: program, source: `${directory}/${program}`, mode: 0o755 }];
  for (const { name, source, mode } of sources) {
    await system.writeStream(`${unfinished}/${name}`, await system.openRead(source), { mode });
    await system.rename(`${unfinished}/${name}`, `${outDirectory}/${name}`);
  }
  for (const name of isBundle ? [program] : [script, runtimeName]) await system.remove(`${outDirectory}/${name}`);
}

async function unpackParts(
  system: System,
  results: ReadonlyMap<StageName, CachedStage>,
  { end, to }: { readonly end: string; readonly to: string },
): Promise<void> {
  await system.makeDirectory(to, { mode: 0o700 });
  const parts = partNames.map((name) => results.get(name)).filter((result) => result?.record.part !== undefined);
  for (const path of [...parts.map((result) => `${result?.directory}/${result?.record.part}`), end]) {
    await system.run(["bsdtar", "-x", "-p", "-f", path, "-C", to]);
  }
}
