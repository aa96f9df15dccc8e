/**
 * Stage "base": Debian packages, unpacked into a directory; none of their scripts runs. Runs `id`, `unshare`,
 * `setpriv`, `tar`.
 */
import { readBootstrapStep } from "../../debian/bootstrap_program.ts";
import { runBootstrap } from "../../debian/run_bootstrap.ts";
import { packageRecordDirectory, parsePackageVersions, unpackArguments } from "../../debian/unpack_packages.ts";
import { sourceDateEpoch } from "../plan_image.ts";
import { hashText } from "../../hash.ts";
import type { StageRecord } from "../stage_record.ts";
import type { System } from "../../system/system.ts";
import type { StageContext } from "./context.ts";
import { findStageHost } from "./stage_host.ts";

/** The directory inside the stage's result that holds the unpacked packages. */
export const treeName = "tree";

async function unpackTree(
  system: System,
  { archive, tree, signal }: { readonly archive: string; readonly tree: string; readonly signal: AbortSignal },
): Promise<void> {
  await system.makeDirectory(tree);
  const excludes = notUnpacked.map((pattern) => `--exclude=${pattern}`);
  const options = ["--no-same-owner", "--no-same-permissions", ...excludes];
  await system.run(["tar", "-x", "-f", archive, "-C", tree, ...options], { signal });
  await system.remove(archive);
}

/** The environment of mmdebstrap: fixed times in what it makes. */
export const mmdebstrapEnvironment = { SOURCE_DATE_EPOCH: String(sourceDateEpoch) } as const;

/** What nothing reads later; not unpacking it is faster than leaving it out afterwards. */
export const notUnpacked = [
  "./dev/*",
  "./usr/share/doc/*",
  "./usr/share/locale/*",
  "./usr/share/man/*",
  "./usr/share/i18n/*",
];

export async function buildBase(context: StageContext): Promise<StageRecord> {
  const { system, request, directory, progress, signal } = context;
  const archive = `${directory}/base.tar`;
  const tree = `${directory}/${treeName}`;
  const host = await findStageHost(context);
  const plan = {
    failure: "Debian's packages cannot be fetched and unpacked",
    suite: request.suite,
    mirror: request.mirror,
    host,
    directory,
  };
  await runBootstrap(system, unpackArguments(request, host, host.mode === "root" ? tree : archive), plan, {
    env: mmdebstrapEnvironment,
    timeoutMs: 60 * 60_000,
    signal,
    onLine: (line) => {
      const step = readBootstrapStep(line);
      if (step !== undefined) progress.note(step);
    },
  });
  if (host.mode === "unshare") {
    progress.note("unpacking");
    await unpackTree(system, { archive, tree, signal });
  }
  const versions = await system.readText(`${tree}/${packageRecordDirectory}/packages.tsv`);
  const count = parsePackageVersions(versions).length;
  return { fingerprint: hashText(versions), summary: `${count} packages` };
}
