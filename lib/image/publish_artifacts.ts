/** Puts the results of a build where the user wants them. Runs `bsdtar` for the folder form. */
import type { System } from "../system/system.ts";
import type { CachedStage } from "./stage_cache.ts";
import type { StageName } from "./stage.ts";
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

/** Each file appears complete, by renaming; the manifest, which holds the hashes of the others, last. */
export async function publishArtifacts(
  system: System,
  results: ReadonlyMap<StageName, CachedStage>,
  { outDirectory, form }: { readonly outDirectory: string; readonly form: "packed" | "folder" },
): Promise<void> {
  const packed = results.get("pack");
  if (packed === undefined) return;
  await system.makeDirectory(outDirectory);
  const unfinished = await system.makeTempDirectory({ parent: outDirectory, prefix: ".unfinished-" });
  try {
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
  } finally {
    await system.remove(unfinished);
  }
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
