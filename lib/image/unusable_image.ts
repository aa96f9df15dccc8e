/** Whether the image that was built is one for a laptop like this machine, and all of one build. */
import { architectureNames, findArchitecture } from "../architecture.ts";
import { commandToType } from "../command_to_type.ts";
import { unlessRefused } from "../file_access.ts";
import { hashFile } from "../hash.ts";
import type { System } from "../system/system.ts";
import { type BuiltManifest, parseManifest } from "./manifest.ts";

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
  const path = `${buildDirectory}/manifest.json`;
  const manifest = await system.stat(path) === undefined ? undefined : parseManifest(await system.readText(path));
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
  manifest: BuiltManifest,
): Promise<boolean> {
  for (const name of ["kernel", "initrd"] as const) {
    const { sizeBytes, sha256 } = manifest[name];
    const path = `${buildDirectory}/${name}`;
    const status = await system.stat(path);
    if (status === undefined) return false; // that is found elsewhere
    if (status.sizeBytes !== sizeBytes || await hashFile(system, path) !== sha256) return true;
  }
  return false;
}
