/** manifest.json: what the image is made of. Pure. */
import type { PackageVersion } from "./base_packages.ts";
import type { StageName } from "./stage.ts";

export interface Manifest {
  readonly kernel: ManifestFile & { readonly version: string };
  readonly initrd: ManifestFile & { readonly holdsSecret: boolean };
  readonly agents: "compile" | "bundle";
  readonly parts: readonly {
    readonly name: StageName;
    readonly sizeBytes: number;
    readonly unpackedBytes: number;
    readonly summary: string;
  }[];
  readonly debian: { readonly suite: string; readonly mirror: string };
  readonly packages: readonly PackageVersion[];
}

interface ManifestFile {
  readonly sizeBytes: number;
  readonly sha256: string;
}

/**
 * Least memory of a machine that boots the image, measured in a virtual machine: the packed initrd, what it unpacks to, and room for
 * kernel and agent while they work.
 */
export function estimateMinimumRamMiB(initrdBytes: number, unpackedBytes: number): number {
  const room = 160 * 1024 * 1024;
  const step = 32;
  return Math.ceil((initrdBytes + unpackedBytes + room) / (1024 * 1024) / step) * step;
}

export function formatManifest(manifest: Manifest): string {
  const unpackedBytes = manifest.parts.reduce((sum, part) => sum + part.unpackedBytes, 0);
  const minimumRamMiB = estimateMinimumRamMiB(manifest.initrd.sizeBytes, unpackedBytes);
  return JSON.stringify({ version: 1, minimumRamMiB, unpackedBytes, ...manifest }, null, 2) + "\n";
}
