/** Debian packages of which a stage keeps one folder. Runs `mmdebstrap` as the stage "base" does, and `tar`. */
import type { ArchitectureName } from "../../architecture.ts";
import { downloadArguments } from "../../debian/download_packages.ts";
import { runBootstrap } from "../../debian/run_bootstrap.ts";
import { mmdebstrapEnvironment } from "./base.ts";
import type { StageContext } from "./context.ts";
import { findStageHost } from "./stage_host.ts";

export interface Download {
  /** Of the packages; absent: that of this machine. */
  readonly architecture?: ArchitectureName;
  /** Shell text that begins with `formatDownload` and makes `folder`. */
  readonly hook: string;
  /** Inside the result. */
  readonly folder: string;
  /** What has failed, when it fails. */
  readonly failure: string;
}

/** Leaves the folder, and nothing else, in the stage's own directory. */
export async function downloadFolder(
  context: StageContext,
  { architecture, hook, folder, failure }: Download,
): Promise<void> {
  const { system, request, directory, signal } = context;
  const host = await findStageHost(context);
  const work = `${directory}/work`;
  const archive = `${directory}/work.tar`;
  const { suite, mirror } = request;
  const argv = downloadArguments({ suite, mirror, architecture, hook }, host, host.mode === "root" ? work : archive);
  const plan = { failure, suite, mirror, host, directory };
  await runBootstrap(system, argv, plan, { env: mmdebstrapEnvironment, timeoutMs: 15 * 60_000, signal });
  if (host.mode === "unshare") {
    await system.makeDirectory(work);
    const options = ["--no-same-owner", "--no-same-permissions"];
    await system.run(["tar", "-x", "-f", archive, "-C", work, ...options, `./${folder}`], { signal });
    await system.remove(archive);
  }
  await system.rename(`${work}/${folder}`, `${directory}/${folder}`);
  await system.remove(work);
}
