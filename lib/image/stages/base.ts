/** Stage "base": Debian packages, unpacked into a directory; none of their scripts runs. Runs `id`, `timeout`, `mmdebstrap`, `tar`. */
import { mmdebstrapArguments, packageRecordDirectory, parsePackageVersions } from "../base_packages.ts";
import { sourceDateEpoch } from "../plan_image.ts";
import { hashText } from "../stage.ts";
import type { StageRecord } from "../stage_record.ts";
import type { System } from "../../system/system.ts";
import type { StageContext } from "./context.ts";

/** The directory inside the stage's result that holds the unpacked packages. */
export const treeName = "tree";

/** How mmdebstrap may act: as root, or within a user namespace. */
export async function chooseMode(system: System): Promise<"root" | "unshare"> {
  const { stdout: uid } = await system.run(["id", "--user"]);
  return uid.trim() === "0" ? "root" : "unshare";
}

/**
 * The environment of mmdebstrap. Its work goes into the stage's directory, so that it goes with it whatever happens; but in a user
 * namespace it is somebody else, who cannot look into the cache.
 */
export function mmdebstrapEnvironment(mode: "root" | "unshare", directory: string): Record<string, string> {
  const epoch = { SOURCE_DATE_EPOCH: String(sourceDateEpoch) };
  return mode === "root" ? { ...epoch, TMPDIR: directory } : epoch;
}

/** What nothing reads later; not unpacking it is faster than leaving it out afterwards. */
const notUnpacked = ["./dev/*", "./usr/share/doc/*", "./usr/share/locale/*", "./usr/share/man/*", "./usr/share/i18n/*"];

export async function buildBase({ system, request, directory, progress, signal }: StageContext): Promise<StageRecord> {
  const archive = `${directory}/base.tar`;
  const mode = await chooseMode(system);
  await system.run(mmdebstrapArguments(request, mode, archive), {
    env: mmdebstrapEnvironment(mode, directory),
    timeoutMs: 60 * 60_000,
    signal,
    onLine: (line) => {
      const step = /^I: (.{3,60}?)\.*$/.exec(line)?.[1];
      if (step !== undefined && !step.includes("tempdir")) progress.note(step);
    },
  });
  progress.note("unpacking");
  const tree = `${directory}/${treeName}`;
  await system.makeDirectory(tree);
  const excludes = notUnpacked.map((pattern) => `--exclude=${pattern}`);
  await system.run(
    ["tar", "-x", "-f", archive, "-C", tree, "--no-same-owner", "--no-same-permissions", ...excludes],
    { signal },
  );
  await system.remove(archive);
  const versions = await system.readText(`${tree}/${packageRecordDirectory}/packages.tsv`);
  const count = parsePackageVersions(versions).length;
  return { fingerprint: hashText(versions), summary: `${count} packages` };
}
