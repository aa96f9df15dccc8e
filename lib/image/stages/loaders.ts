/**
 * Stage "loaders": Debian's boot loaders for a stick, beside kernel and initrd. Runs `mmdebstrap` as the stage "base" does, and `tar`.
 */
import { findBootstrapHost } from "../../debian/bootstrap_program.ts";
import { formatLoaderHook, loaderDirectory, loaderPackagesName } from "../../debian/boot_loaders.ts";
import { downloadArguments } from "../../debian/download_packages.ts";
import { runBootstrap } from "../../debian/run_bootstrap.ts";
import { parsePackageVersions } from "../base_packages.ts";
import { hashFile, hashText } from "../../hash.ts";
import type { StageRecord } from "../stage_record.ts";
import { mmdebstrapEnvironment } from "./base.ts";
import type { StageContext } from "./context.ts";

export async function buildLoaders({ system, request, directory, signal }: StageContext): Promise<StageRecord> {
  const host = await findBootstrapHost(system);
  const work = `${directory}/work`;
  const archive = `${directory}/loaders.tar`;
  const { suite, mirror } = request;
  const plan = { failure: "Debian's boot loaders cannot be fetched", suite, mirror, host, directory };
  const argv = downloadArguments(
    { suite, mirror, hook: formatLoaderHook(suite) },
    host,
    host.mode === "root" ? work : archive,
  );
  await runBootstrap(system, argv, plan, {
    env: mmdebstrapEnvironment,
    timeoutMs: 15 * 60_000,
    signal,
  });
  if (host.mode === "unshare") {
    await system.makeDirectory(work);
    const options = ["--no-same-owner", "--no-same-permissions"];
    await system.run(["tar", "-x", "-f", archive, "-C", work, ...options, `./${loaderDirectory}`], { signal });
    await system.remove(archive);
  }
  await system.rename(`${work}/${loaderDirectory}`, `${directory}/${loaderDirectory}`);
  await system.remove(work);
  const names = await system.readDirectory(`${directory}/${loaderDirectory}`);
  const hashes = await Promise.all(names.map((name) => hashFile(system, `${directory}/${loaderDirectory}/${name}`)));
  const packages = await system.readText(`${directory}/${loaderDirectory}/${loaderPackagesName}`);
  const shim = parsePackageVersions(packages).find(({ name }) => name === "shim-signed")?.version ?? "";
  return {
    fingerprint: hashText(names.map((name, index) => `${name} ${hashes[index]}\n`).join("")),
    summary: `for a stick, shim ${shim}`,
  };
}
