/** Whether the image that was built is one for this machine's processor. */
import { architectureNames, findArchitecture } from "../architecture.ts";
import { commandToType } from "../command_to_type.ts";
import type { System } from "../system/system.ts";
import { parseManifest } from "./manifest.ts";

/** An image that this machine could not start, in words. */
export interface OtherImage {
  /** "for arm64, and this machine's processor is amd64" */
  readonly found: string;
  readonly cure: string;
}

/** @returns undefined where it fits, or no image of ours is there */
export async function findOtherImage(
  system: Pick<System, "processor" | "readText" | "stat">,
  buildDirectory: string,
): Promise<OtherImage | undefined> {
  const path = `${buildDirectory}/manifest.json`;
  const manifest = await system.stat(path) === undefined ? undefined : parseManifest(await system.readText(path));
  const own = findArchitecture(system.processor);
  if (manifest === undefined || manifest.architecture === own) return undefined;
  return {
    found: `for ${manifest.architecture}, and this machine's processor is ${own ?? system.processor}`,
    cure: own === undefined
      ? `Take a laptop with a processor of another kind: ${architectureNames.join(" or ")}`
      : `Set "image: {architecture: ${own}}" in config.yaml, and run ${commandToType("create-initrd")}`,
  };
}
