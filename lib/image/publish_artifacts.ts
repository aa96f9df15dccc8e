/** Puts the results of a build where the user wants them. */
import type { System } from "../system/system.ts";
import type { CachedStage } from "./stage_cache.ts";
import type { StageName } from "./stage.ts";

export interface ImageArtifacts {
  readonly kernelPath: string;
  /** Mode 0600 when it holds the shared key. */
  readonly initrdPath: string;
  readonly manifestPath: string;
}

const artifacts = ["kernel", "initrd", "manifest.json"] as const;

/** Each file appears complete, by renaming; the manifest, which holds the hashes of the others, last. */
export async function publishArtifacts(
  system: System,
  results: ReadonlyMap<StageName, CachedStage>,
  outDirectory: string,
): Promise<ImageArtifacts> {
  const packed = results.get("pack");
  if (packed === undefined) throw new TypeError("The image was not packed");
  await system.makeDirectory(outDirectory);
  const unfinished = await system.makeTempDirectory({ parent: outDirectory, prefix: ".unfinished-" });
  try {
    for (const name of artifacts) {
      const mode = (await system.stat(`${packed.directory}/${name}`))?.mode ?? 0o600;
      await system.writeStream(`${unfinished}/${name}`, await system.openRead(`${packed.directory}/${name}`), { mode });
    }
    for (const name of artifacts) await system.rename(`${unfinished}/${name}`, `${outDirectory}/${name}`);
  } finally {
    await system.remove(unfinished);
  }
  return {
    kernelPath: `${outDirectory}/kernel`,
    initrdPath: `${outDirectory}/initrd`,
    manifestPath: `${outDirectory}/manifest.json`,
  };
}
