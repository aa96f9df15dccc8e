/** `deno task package`: makes the packages. */
import { parseDenoVersion, pinnedDeno } from "../../lib/deno_version.ts";
import { UserError } from "../../lib/errors.ts";
import { hashFile } from "../../lib/hash.ts";
import { installedPlaces } from "../../lib/installation.ts";
import { makeArchive } from "../../lib/packaging/make_archive.ts";
import { makeDeb } from "../../lib/packaging/make_deb.ts";
import { writeProgramTree } from "../../lib/packaging/program_tree.ts";
import { formatEbuild, formatPkgbuild, formatSpec } from "../../lib/packaging/recipes.ts";
import { formatProgramSbom } from "../../lib/packaging/sbom.ts";
import { createRealSystem } from "../../lib/system/real.ts";
import type { System } from "../../lib/system/system.ts";
import { version as ownVersion, versionDate } from "../../lib/version.ts";
import { runProjectTool } from "./project_tool.ts";
import { projectRoot } from "./source_tree.ts";
import { makeManual } from "./write_manual.ts";

/** Seconds since 1970: the time of every file. */
export const packageEpoch = Date.parse(`${versionDate}T00:00:00Z`) / 1000;

export interface PackageOptions {
  /** Where the packages go; it is made. */
  readonly folder: string;
  /** Absolute path of the checkout. Default: this one. */
  readonly project?: string;
  /** Default: that of lib/version.ts. */
  readonly version?: string;
  /** Of xz, 0 to 9. Default 6. */
  readonly level?: number;
  /** Default: both. The recipes are made of the archive. */
  readonly only?: readonly ("deb" | "archive")[];
}

export interface Packages {
  readonly deb: string;
  readonly archive: string;
  readonly pkgbuild: string;
  readonly spec: string;
  readonly ebuild: string;
  /** Bill of material. */
  readonly sbom: string;
}

/** The first "deno" in PATH: the one that runs us, under "deno task". */
async function findDeno(system: System): Promise<string> {
  for (const directory of (Deno.env.get("PATH") ?? "").split(":")) {
    const path = `${directory}/deno`;
    if (directory === "" || await system.stat(path) === undefined) continue;
    const version = parseDenoVersion((await system.run([path, "--version"])).stdout);
    if (version === pinnedDeno) return path;
    throw new UserError(`"${path}" is Deno ${version}; packages take ${pinnedDeno}, which is tested`);
  }
  throw new UserError('There is no "deno" in PATH');
}

export async function writePackages(system: System, options: PackageOptions): Promise<Packages> {
  const { folder, version = ownVersion, level = 6, only = ["archive", "deb"] } = options;
  const project = (options.project ?? projectRoot).replace(/\/$/, "");
  const epoch = packageEpoch;
  await system.makeDirectory(folder);
  const work = await system.makeTempDirectory({ parent: folder, prefix: ".unfinished-" });
  try {
    const deno = await findDeno(system);
    const denoEnvironment = Object.fromEntries(
      ["HOME", "DENO_DIR", "NPM_CONFIG_REGISTRY"].flatMap((name) => {
        const value = Deno.env.get(name);
        return value === undefined ? [] : [[name, value] as const];
      }),
    );
    const tree = `${work}/tree`;
    await system.makeDirectory(tree);
    await writeProgramTree(system, tree, { project, deno, denoEnvironment, manual: makeManual(), epoch });
    const name = `stiefelsystem-${version}`;
    await system.writeFile(
      `${folder}/${name}.cdx.json`,
      formatProgramSbom({
        version,
        lock: await system.readText(`${project}/deno.lock`),
        bundle: await system.readText(`${tree}${installedPlaces.program}`),
        deno: { version: pinnedDeno, sha256: await hashFile(system, `${tree}${installedPlaces.runtime}`) },
        epoch,
      }),
    );
    const archive = `${folder}/${name}-x86_64.tar.xz`;
    if (only.includes("archive")) {
      await makeArchive(system, { project, tree, name, epoch, workDirectory: work, output: archive, level });
    }
    const deb = `${folder}/stiefelsystem_${version}_amd64.deb`;
    if (only.includes("deb")) await makeDeb(system, { project, tree, version, epoch, output: deb, level });
    const recipes = {
      pkgbuild: `${folder}/PKGBUILD`,
      spec: `${folder}/stiefelsystem.spec`,
      ebuild: `${folder}/stiefelsystem-${version}.ebuild`,
      sbom: `${folder}/${name}.cdx.json`,
    };
    const packages = { deb, archive, ...recipes };
    if (!only.includes("archive")) return packages;
    const facts = {
      version,
      archive: archive.slice(folder.length + 1),
      sha256: await hashFile(system, archive),
      folder: name,
    };
    await system.writeFile(recipes.pkgbuild, formatPkgbuild(facts));
    await system.writeFile(recipes.spec, formatSpec(facts));
    await system.writeFile(recipes.ebuild, formatEbuild(facts));
    return packages;
  } finally {
    await system.remove(work);
  }
}

if (import.meta.main) {
  await runProjectTool(Deno.args, {
    help: `deno task package [--quick] [FOLDER]

Makes the packages of the version that this checkout is: for Debian and Ubuntu, an archive with an install script, and
recipes for Arch, Fedora and Gentoo. Into FOLDER (build/packages). --quick: larger, sooner.`,
    options: { quick: { type: "boolean" } },
    folder: "build/packages",
    run: async (folder, { quick }) => {
      const system = createRealSystem({ home: Deno.env.get("HOME") ?? "/" });
      return Object.values(await writePackages(system, { folder, ...quick ? { level: 0 } : {} }));
    },
  });
}
