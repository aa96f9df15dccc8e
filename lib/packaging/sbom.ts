/** Bills of material, as CycloneDX 1.6 in JSON (ECMA-424). Pure. */

import * as v from "valibot";
import { readJson } from "../formats/json.ts";

interface Component {
  readonly type: "application" | "library" | "platform" | "operating-system";
  readonly name: string;
  readonly version: string;
  /** Package URL (ECMA-427). */
  readonly purl: string;
  readonly hashes?: readonly { readonly alg: "SHA-256" | "SHA-512"; readonly content: string }[];
  readonly licenses?: readonly { readonly license: { readonly id: string } }[];
}

const ownLicense = [{ license: { id: "GPL-3.0-or-later" } }];

function formatBom(subject: Component, components: readonly Component[], epoch: number): string {
  const refer = (component: Component): Component & { readonly "bom-ref": string } => ({
    "bom-ref": component.purl,
    ...component,
  });
  const sorted = components.toSorted((one, other) => one.purl < other.purl ? -1 : 1);
  const document = {
    $schema: "http://cyclonedx.org/schema/bom-1.6.schema.json",
    bomFormat: "CycloneDX",
    specVersion: "1.6",
    version: 1,
    metadata: { timestamp: new Date(epoch * 1000).toISOString(), component: refer(subject) },
    components: sorted.map(refer),
    dependencies: [{ ref: subject.purl, dependsOn: sorted.map(({ purl }) => purl) }],
  };
  return `${JSON.stringify(document, null, 2)}\n`;
}

const LockSchema = v.object({ npm: v.record(v.string(), v.object({ integrity: v.string() })) });

export interface ProgramFacts {
  readonly version: string;
  /** Of deno.lock. */
  readonly lock: string;
  /** The program as one file: it names the libraries in it. */
  readonly bundle: string;
  readonly deno: { readonly version: string; readonly sha256: string };
  readonly epoch: number;
}

/**
 * Of a package: the libraries that are in the program, with their sums in deno.lock, and Deno. For tests, and for the
 * task that makes packages.
 * @throws {TypeError} when deno.lock does not have a library
 */
export function formatProgramSbom({ version, lock, bundle, deno, epoch }: ProgramFacts): string {
  const locked = readJson(LockSchema, lock)?.npm ?? {};
  const names = new Set(
    [...bundle.matchAll(/^(?:\/\/ | {2}")npm\/((?:@[^/]+\/)?[^/]+\/[^/]+)\//gm)].map(([, name = ""]) => name),
  );
  const libraries = [...names].map((path): Component => {
    const [name, libraryVersion] = [path.slice(0, path.lastIndexOf("/")), path.slice(path.lastIndexOf("/") + 1)];
    const integrity = Object.entries(locked).find(([key]) => key.split("_")[0] === `${name}@${libraryVersion}`)?.[1];
    if (integrity === undefined) throw new TypeError(`deno.lock has no ${name}@${libraryVersion}`);
    // Subresource Integrity: "sha512-" and the sum in base64.
    const sum = Uint8Array.fromBase64(integrity.integrity.replace(/^sha512-/, "")).toHex();
    return {
      type: "library",
      name,
      version: libraryVersion,
      purl: `pkg:npm/${name.replace("@", "%40")}@${libraryVersion}`,
      hashes: [{ alg: "SHA-512", content: sum }],
    };
  });
  const runtime: Component = {
    type: "platform",
    name: "deno",
    version: deno.version,
    purl: `pkg:github/denoland/deno@v${deno.version}`,
    hashes: [{ alg: "SHA-256", content: deno.sha256 }],
  };
  const own = {
    type: "application",
    name: "stiefelsystem",
    version,
    purl: `pkg:generic/stiefelsystem@${version}`,
    licenses: ownLicense,
  } as const;
  return formatBom(own, [...libraries, runtime], epoch);
}

const ManifestSchema = v.object({
  kernel: v.object({ sha256: v.string() }),
  debian: v.object({ suite: v.string(), snapshot: v.optional(v.string()) }),
  packages: v.array(v.object({ name: v.string(), version: v.string(), architecture: v.string() })),
});

/**
 * Of an image: its Debian packages. For tests, and for the task that makes a release.
 * @param manifest text of manifest.json
 * @returns undefined for what no `create-initrd` of this version has written
 */
export function formatImageSbom(
  manifest: string,
  { version, epoch }: Pick<ProgramFacts, "version" | "epoch">,
): string | undefined {
  const read = readJson(ManifestSchema, manifest);
  if (read === undefined) return undefined;
  const { debian, packages } = read;
  const components = packages.map(({ name, version: packageVersion, architecture }): Component => ({
    type: "library",
    name,
    version: packageVersion,
    purl: `pkg:deb/debian/${encodeURIComponent(name)}@${encodeURIComponent(packageVersion)}` +
      `?arch=${architecture}&distro=${debian.suite}`,
  }));
  const own = {
    type: "operating-system",
    name: "stiefelsystem-image",
    version: debian.snapshot === undefined ? version : `${version}+${debian.suite}.${debian.snapshot}`,
    purl: `pkg:generic/stiefelsystem-image@${version}`,
    licenses: ownLicense,
  } as const;
  return formatBom(own, components, epoch);
}
