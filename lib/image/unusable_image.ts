/** Whether the image that was built is one for a laptop like this machine, and all of one build. */
import { architectureNames, findArchitecture } from "../architecture.ts";
import { commandToType } from "../command_to_type.ts";
import { unlessRefused } from "../file_access.ts";
import { hashFile } from "../hash.ts";
import type { System } from "../system/system.ts";
import { type BuiltManifest, parseManifest } from "./manifest.ts";
import { placeArtifacts } from "./publish_artifacts.ts";

/** An image with which this machine could serve no desktop, in words. */
export interface UnusableImage {
  /** "for arm64, and this machine's processor is amd64" */
  readonly found: string;
  readonly cure: string;
}

type ImageSystem = Pick<System, "processor" | "readText" | "stat" | "openRead">;

/** @returns undefined where it fits, as far as this user may read it, or no image of ours is there */
export async function findUnusableImage(
  system: ImageSystem,
  buildDirectory: string,
): Promise<UnusableImage | undefined> {
  const { manifestPath } = placeArtifacts(buildDirectory);
  const text = await system.stat(manifestPath) === undefined ? undefined : await system.readText(manifestPath);
  const manifest = text === undefined ? undefined : parseManifest(text);
  if (manifest === undefined) return undefined;
  const own = findArchitecture(system.processor);
  if (manifest.architecture !== own) {
    return {
      found: `for ${manifest.architecture}, and this machine's processor is ${own ?? system.processor}`,
      cure: own === undefined
        ? `Take a laptop with a processor of another kind: ${architectureNames.join(" or ")}`
        : `Set "image: {architecture: ${own}}" in config.yaml, and run ${commandToType("create-initrd")}`,
    };
  }
  const cure = `Run ${commandToType("create-initrd")}`;
  if (!manifest.initrd.holdsSecret) return { found: "made without the shared key", cure };
  if (await unlessRefused(isOfSeveralBuilds(system, buildDirectory, manifest), false)) {
    return { found: "of several builds: kernel, initrd and manifest.json do not belong together", cure };
  }
  return undefined;
}

/** As a build leaves it that is ended while it puts its results in place. */
async function isOfSeveralBuilds(
  system: ImageSystem,
  buildDirectory: string,
  { kernel, initrd }: BuiltManifest,
): Promise<boolean> {
  const { kernelPath, initrdPath } = placeArtifacts(buildDirectory);
  for (const [path, { sizeBytes, sha256 }] of [[kernelPath, kernel], [initrdPath, initrd]] as const) {
    const status = await system.stat(path);
    if (status === undefined) return false; // that is found elsewhere
    if (status.sizeBytes !== sizeBytes || await hashFile(system, path) !== sha256) return true;
  }
  return false;
}
