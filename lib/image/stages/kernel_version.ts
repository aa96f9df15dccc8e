/** Which kernel the unpacked packages hold. */
import { UserError } from "../../errors.ts";
import type { System } from "../../system/system.ts";

/** Where modules are, below the root of the packages and of the image. */
export const modulesDirectory = "usr/lib/modules";

/** @throws {UserError} when there is no kernel, or more than one */
export async function findKernelVersion(system: System, tree: string): Promise<string> {
  const directory = `${tree}/${modulesDirectory}`;
  const versions = await system.lstat(directory) === undefined ? [] : await system.readDirectory(directory);
  const [version, ...others] = versions;
  if (version === undefined || others.length > 0) {
    throw new UserError(`The packages hold ${versions.length} kernels (${versions.join(", ")}), wanted one`, {
      hints: ["See which linux-image packages initrd.include-packages brings in"],
    });
  }
  return version;
}
