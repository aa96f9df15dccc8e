/** manifest.json: what the image is made of. Pure. */
import * as v from "valibot";
import { type ArchitectureName, architectureNames, usualArchitecture } from "../architecture.ts";
import type { PackageVersion } from "../debian/unpack_packages.ts";
import { readJson } from "../formats/json.ts";
import type { StageName } from "./stage.ts";

export interface Manifest {
  readonly architecture: ArchitectureName;
  readonly kernel: ManifestFile & { readonly version: string };
  readonly initrd: ManifestFile & { readonly holdsSecret: boolean };
  readonly agents: "compile" | "bundle";
  /** It has a shell and a password: the module `debug`. */
  readonly isDebug: boolean;
  readonly parts: readonly {
    readonly name: StageName;
    readonly sizeBytes: number;
    readonly unpackedBytes: number;
    readonly summary: string;
  }[];
  readonly debian: {
    readonly suite: string;
    readonly mirror: string;
    /** The state of the archive, as `image.snapshot` takes it; absent where its lists have no date. */
    readonly snapshot?: string;
  };
  readonly packages: readonly PackageVersion[];
}

interface ManifestFile {
  readonly sizeBytes: number;
  readonly sha256: string;
}

/**
 * Least memory of a machine that boots the image, in steps of 32 MiB. The kernel gives its root file system half of
 * the memory that is free when it is made (tmpfs(5), "size"): neither the kernel's own nor that of the initrd, which
 * is still packed then. Tried in virtual machines with 155 MB in an initrd of 68 MB: 448 MiB boot, 416 do not. Of
 * arm64, whose kernel sets 64 MiB apart for devices until then (CONFIG_CMA_SIZE_MBYTES), with 149 MB in 71 MB: 512 MiB
 * boot, 448 do not.
 */
export function estimateMinimumRamMiB(
  { architecture, initrdBytes, unpackedBytes }: {
    readonly architecture: ArchitectureName;
    readonly initrdBytes: number;
    readonly unpackedBytes: number;
  },
): number {
  const mib = 1024 * 1024;
  const kernelBytes = (architecture === "arm64" ? 144 : 80) * mib;
  const step = 32;
  return Math.ceil((2 * unpackedBytes + initrdBytes + kernelBytes) / mib / step) * step;
}

export function formatManifest(manifest: Manifest): string {
  const unpackedBytes = manifest.parts.reduce((sum, part) => sum + part.unpackedBytes, 0);
  const minimumRamMiB = estimateMinimumRamMiB({
    architecture: manifest.architecture,
    initrdBytes: manifest.initrd.sizeBytes,
    unpackedBytes,
  });
  return JSON.stringify({ version: 1, minimumRamMiB, unpackedBytes, ...manifest }, null, 2) + "\n";
}

const BuiltSchema = v.object({
  /** Absent where an earlier version has built it, which knew only this one. */
  architecture: v.optional(v.picklist(architectureNames), usualArchitecture),
  kernel: v.object({ sizeBytes: v.number(), sha256: v.string() }),
  initrd: v.object({ sizeBytes: v.number(), sha256: v.string(), holdsSecret: v.boolean() }),
  isDebug: v.boolean(),
  parts: v.array(v.object({ name: v.string(), sizeBytes: v.pipe(v.number(), v.integer(), v.minValue(0)) })),
});

/** What a stick needs to know of the files beside the manifest. */
export type BuiltManifest = Readonly<v.InferOutput<typeof BuiltSchema>>;

/** @returns undefined for what no `create-initrd` of this version has written */
export function parseManifest(text: string): BuiltManifest | undefined {
  return readJson(BuiltSchema, text);
}
