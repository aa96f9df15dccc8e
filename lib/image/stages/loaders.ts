/**
 * Stage "loaders": Debian's boot loaders for a stick, beside kernel and initrd. Runs `mmdebstrap` as the stage "base"
 * does, and `tar`.
 */
import { formatLoaderHook, loaderDirectory, loaderPackagesName } from "../../debian/boot_loaders.ts";
import { parsePackageVersions } from "../../debian/unpack_packages.ts";
import { hashFile, hashText } from "../../hash.ts";
import type { StageRecord } from "../stage_record.ts";
import type { StageContext } from "./context.ts";
import { downloadFolder } from "./download.ts";

export async function buildLoaders(context: StageContext): Promise<StageRecord> {
  const { system, directory, request: { architecture, suite } } = context;
  await downloadFolder(context, {
    architecture,
    hook: formatLoaderHook(suite, architecture),
    folder: loaderDirectory,
    failure: "Debian's boot loaders cannot be fetched",
  });
  const names = await system.readDirectory(`${directory}/${loaderDirectory}`);
  const hashes = await Promise.all(names.map((name) => hashFile(system, `${directory}/${loaderDirectory}/${name}`)));
  const packages = await system.readText(`${directory}/${loaderDirectory}/${loaderPackagesName}`);
  const shim = parsePackageVersions(packages).find(({ name }) => name === "shim-signed")?.version ?? "";
  return {
    fingerprint: hashText(names.map((name, index) => `${name} ${hashes[index]}\n`).join("")),
    summary: `for a stick, shim ${shim}`,
  };
}
