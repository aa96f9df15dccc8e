/**
 * Stage "tools": a small Debian with mmdebstrap, for machines without. Fetched and verified by debootstrap; unpacked
 * as all packages are, none of their scripts runs. Runs `setpriv`, `bsdtar`, `tar`.
 */
import { dirname } from "node:path/posix";
import { findArchitecture, usualArchitecture } from "../../architecture.ts";
import { guardWords, readBootstrapStep } from "../../debian/bootstrap_program.ts";
import {
  archiveKeyringPath,
  debootstrapArguments,
  fetchedPackages,
  fetchLog,
  treeCertificates,
} from "../../debian/bootstrap_tree.ts";
import { explainBootstrap } from "../../debian/explain_bootstrap.ts";
import { mergedDirectories } from "../../debian/unpack_packages.ts";
import { CommandError, UserError } from "../../errors.ts";
import { buildCpio, type CpioEntry } from "../../formats/cpio.ts";
import { hashText } from "../../hash.ts";
import type { StageRecord } from "../stage_record.ts";
import { notUnpacked } from "./base.ts";
import type { StageContext } from "./context.ts";
import { toolsTreeName } from "./stage_host.ts";

export async function buildTools(context: StageContext): Promise<StageRecord> {
  const { system, directory, progress, signal } = context;
  const [fetched, tree] = [`${directory}/fetched`, `${directory}/${toolsTreeName}`];
  await system.makeDirectory(tree);
  await fetchPackages(context, fetched);
  await unpackLinks(context, tree);
  const packages = (await system.readDirectory(`${fetched}/${fetchedPackages}`)).filter((name) =>
    name.endsWith(".deb")
  );
  for (const name of packages) {
    progress.note(`unpacking ${name.split("_")[0]}`);
    await unpackPackage(context, `${fetched}/${fetchedPackages}/${name}`, tree);
  }
  await system.remove(fetched);
  await writeSettings(context, tree);
  signal.throwIfAborted();
  // With any mmdebstrap the other stages make the same: they are not made anew when this one is.
  return { fingerprint: hashText("tools"), summary: `${packages.length} packages` };
}

/** @throws {UserError} with the reason, where it is one of the usual ones; {CommandError} otherwise */
async function fetchPackages(
  { system, request, places, progress, signal }: StageContext,
  target: string,
): Promise<void> {
  const { suite, mirror } = request;
  const architecture = findArchitecture(system.processor) ?? usualArchitecture;
  const keyring = `${places.project}/${archiveKeyringPath}`;
  try {
    const argv = [...guardWords, ...debootstrapArguments({ architecture, suite, mirror, keyring }, target)];
    await system.run(argv, {
      timeoutMs: 60 * 60_000,
      signal,
      onLine: (line) => {
        const step = readBootstrapStep(line);
        if (step !== undefined) progress.note(step);
      },
    });
  } catch (error) {
    if (!(error instanceof CommandError)) throw error;
    const log = await system.readText(`${target}/${fetchLog}`).catch(() => "");
    const lines = [...log.split("\n").slice(-50), ...error.failure.lastLines ?? []];
    const explanation = explainBootstrap(lines, { suite, mirror });
    if (explanation === undefined) throw error;
    throw new UserError(`Debian's mmdebstrap cannot be fetched: ${explanation.found}`, {
      hints: explanation.hints,
      cause: error,
    });
  }
}

/** Packages that have files in /bin and /lib are unpacked through links: Debian 12 has such. */
async function unpackLinks({ system, directory, signal }: StageContext, tree: string): Promise<void> {
  const archive = `${directory}/links.cpio`;
  await system.writeFile(
    archive,
    buildCpio([
      { kind: "directory", path: "usr", mode: 0o755 },
      ...mergedDirectories.flatMap((path): readonly CpioEntry[] => [
        { kind: "directory", path: `usr/${path}`, mode: 0o755 },
        { kind: "symlink", path, target: `usr/${path}` },
      ]),
    ]),
  );
  await system.run(["bsdtar", "-x", "-f", archive, "-C", tree, "--no-same-owner"], { signal });
  await system.remove(archive);
}

/** A package is an ar archive with a tar archive (deb(5)): bsdtar reads the one, GNU tar heeds links in the other. */
async function unpackPackage({ system, directory, signal }: StageContext, path: string, tree: string): Promise<void> {
  const work = `${directory}/package`;
  await system.makeDirectory(work);
  await system.run(["bsdtar", "-x", "-f", path, "-C", work, "data.tar*"], { signal });
  for (const name of await system.readDirectory(work)) {
    const options = ["--keep-directory-symlink", "--no-same-owner", "--no-same-permissions"];
    const excludes = notUnpacked.map((pattern) => `--exclude=${pattern}`);
    await system.run(["tar", "-x", "-f", `${work}/${name}`, "-C", tree, ...options, ...excludes], { signal });
  }
  await system.remove(work);
}

/** What the scripts of packages would have written; but apt trusts no keys there but those that come with us. */
async function writeSettings({ system, places }: StageContext, tree: string): Promise<void> {
  // apt and tar look users up
  for (const name of ["passwd", "group"]) {
    const text = await system.readText(`${tree}/usr/share/base-passwd/${name}.master`);
    await system.writeFile(`${tree}/etc/${name}`, text);
  }
  const keys = `${tree}/etc/apt/trusted.gpg.d`;
  await system.remove(keys);
  await system.makeDirectory(keys);
  await system.writeFile(
    `${keys}/debian-archive.gpg`,
    await system.readFile(`${places.project}/${archiveKeyringPath}`),
  );
  // This machine's own take its place: lib/debian/bootstrap_tree.ts
  await system.makeDirectory(`${tree}${dirname(treeCertificates)}`);
  await system.writeFile(`${tree}${treeCertificates}`, "");
}
