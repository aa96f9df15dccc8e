/** Which distribution a system is, by its os-release file. Pure. */

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

/** The shell-like assignments of os-release(5): optional quotes, backslash escapes within double ones. */
export function parseOsRelease(text: string): ReadonlyMap<string, string> {
  const fields = new Map<string, string>();
  for (const line of text.split("\n")) {
    const [, name, value] = /^\s*([A-Z0-9_]+)=(.*?)\s*$/.exec(line) ?? [];
    if (name === undefined || value === undefined) continue;
    fields.set(name, unquote(value));
  }
  return fields;
}

function unquote(value: string): string {
  if (/^'.*'$/.test(value)) return value.slice(1, -1);
  const inner = /^".*"$/.test(value) ? value.slice(1, -1) : value;
  return inner.replaceAll(/\\([\\"$`'])/g, "$1");
}

/** The generator of a fresh install of this version. */
export function defaultGenerator({ distribution, versionId }: DetectedDistribution): GeneratorId | undefined {
  const change = distribution.newDefault;
  const isNew = change !== undefined && versionId !== "" && compareVersions(versionId, change.sinceVersion) >= 0;
  return isNew ? change.generator : distribution.generators[0];
}
