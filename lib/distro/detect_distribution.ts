/** Which distribution a system is, by its os-release file. Pure. */

import { parseOsRelease } from "../formats/os_release.ts";
import type { GeneratorId } from "../initramfs/generator.ts";
import { compareVersions } from "../version_order.ts";
import { arch } from "./arch.ts";
import { debian } from "./debian.ts";
import type { Distribution } from "./distribution.ts";
import { fedora } from "./fedora.ts";
import { gentoo } from "./gentoo.ts";
import { ubuntu } from "./ubuntu.ts";

export const distributions: readonly Distribution[] = [debian, ubuntu, fedora, arch, gentoo];

export interface DetectedDistribution {
  readonly distribution: Distribution;
  /** What it calls itself: "Debian GNU/Linux 13 (trixie)". */
  readonly prettyName: string;
  /** VERSION_ID=, empty for rolling ones. */
  readonly versionId: string;
  /** It is not one of ours itself, but says it is like one (ID_LIKE=). */
  readonly isDerivative: boolean;
}

/**
 * @param osRelease content of /etc/os-release or /usr/lib/os-release
 * @returns undefined when it is neither one we know nor like one
 */
export function detectDistribution(osRelease: string): DetectedDistribution | undefined {
  const fields = parseOsRelease(osRelease);
  const common = {
    prettyName: fields.get("PRETTY_NAME") ?? fields.get("NAME") ?? "",
    versionId: fields.get("VERSION_ID") ?? "",
  };
  const named = find(fields.get("ID") ?? "");
  if (named !== undefined) return { ...common, distribution: named, isDerivative: false };
  // "From the closest to the most distant" (os-release(5), ID_LIKE=). Its version is not that of the one it is like.
  for (const id of (fields.get("ID_LIKE") ?? "").split(" ")) {
    const like = find(id);
    if (like !== undefined) return { ...common, distribution: like, versionId: "", isDerivative: true };
  }
  return undefined;
}

function find(id: string): Distribution | undefined {
  return distributions.find((distribution) => distribution.osReleaseIds.includes(id));
}

/** The generator of a fresh install of this version. */
export function defaultGenerator({ distribution, versionId }: DetectedDistribution): GeneratorId | undefined {
  const change = distribution.newDefault;
  const isNew = change !== undefined && versionId !== "" && compareVersions(versionId, change.sinceVersion) >= 0;
  return isNew ? change.generator : distribution.generators[0];
}
