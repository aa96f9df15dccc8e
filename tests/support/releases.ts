/** `deno task make-release`: all checks, the packages from two folders, bills of material, sums. */
import { UserError } from "../../lib/errors.ts";
import { hashFile } from "../../lib/hash.ts";
import { formatImageSbom } from "../../lib/packaging/sbom.ts";
import { createRealSystem } from "../../lib/system/real.ts";
import type { System } from "../../lib/system/system.ts";
import { version } from "../../lib/version.ts";
import { packageEpoch, type Packages, writePackages } from "./packages.ts";
import { runProjectTool } from "./project_tool.ts";
import { projectRoot } from "./source_tree.ts";

/** What packages are made of. */
const sources = [
  ...["agents", "lib", "image", "doc", "packaging", "main.ts", "deno.json", "deno.lock", "LICENSE"],
  ...["README.md", "CHANGELOG.md", "config-example.yaml"],
];

/** Whatever the folder, the modes and the times of the sources, packages are the same. */
export async function copySources(system: System, to: string): Promise<void> {
  await system.makeDirectory(to);
  await system.run(["cp", "-R", "--", ...sources.map((name) => projectRoot + name), to]);
  await system.run(["chmod", "-R", "go-rwx", to]);
  await system.run(["find", to, "-exec", "touch", "--date=2020-01-01", "{}", "+"]);
}

/** @returns "NAME SUM" of each file */
export async function sumPackages(system: System, packages: Packages): Promise<readonly string[]> {
  return await Promise.all(
    Object.values(packages).map(async (path) => `${path.replace(/.*\//, "")} ${await hashFile(system, path)}`),
  );
}

export interface ReleaseOptions {
  readonly folder: string;
  /** Of xz, 0 to 9. Default 6. */
  readonly level?: number;
  /** manifest.json of an image of which a bill is made. */
  readonly imageManifest?: string;
}

/** @throws {UserError} when two builds differ */
export async function makeRelease(system: System, options: ReleaseOptions): Promise<readonly string[]> {
  const { folder, level, imageManifest } = options;
  const bill = imageManifest === undefined
    ? undefined
    : formatImageSbom(await system.readText(imageManifest), { version, epoch: packageEpoch });
  if (imageManifest !== undefined && bill === undefined) {
    throw new UserError(`"${imageManifest}" is no manifest of an image`);
  }
  await system.makeDirectory(folder);
  const work = await system.makeTempDirectory({ parent: folder, prefix: ".unfinished-" });
  try {
    const packages = await writePackages(system, { folder, ...level === undefined ? {} : { level } });
    await copySources(system, `${work}/another folder`);
    const again = await writePackages(system, {
      folder: `${work}/again`,
      project: `${work}/another folder`,
      ...level === undefined ? {} : { level },
    });
    const [one, other] = [await sumPackages(system, packages), await sumPackages(system, again)];
    const differing = one.filter((line) => !other.includes(line)).map((line) => line.split(" ")[0]);
    if (differing.length > 0) {
      throw new UserError(`Made twice, these are not the same: ${differing.join(", ")}`, {
        hints: [`Compare them with those made from a copy: deno task package, with diffoscope`],
      });
    }
    const files = [...Object.values(packages)];
    if (bill !== undefined) {
      const path = `${folder}/stiefelsystem-image-${version}.cdx.json`;
      await system.writeFile(path, bill);
      files.push(path);
    }
    const lines = await Promise.all(
      files.toSorted().map(async (path) => `${await hashFile(system, path)}  ${path.replace(/.*\//, "")}\n`),
    );
    // As sha256sum(1) checks them.
    await system.writeFile(`${folder}/SHA256SUMS`, lines.join(""));
    return [...files, `${folder}/SHA256SUMS`];
  } finally {
    await system.remove(work);
  }
}

async function check(): Promise<void> {
  for (const task of [["static"], ["test", "--yes"]]) {
    // The one that runs us, in our environment: under "deno task" it is in PATH.
    const { success } = await new Deno.Command("deno", { args: ["task", "--cwd", projectRoot, ...task] }).spawn()
      .status;
    if (!success) throw new UserError(`There is no release: "deno task ${task.join(" ")}" failed`);
  }
}

if (import.meta.main) {
  await runProjectTool(Deno.args, {
    help: `deno task make-release [--without-tests] [--quick] [--image MANIFEST] [FOLDER]

Runs all checks and tests (an hour and more), makes the packages twice and compares them, and writes bills of material
and SHA256SUMS. Into FOLDER (build/release).

  --without-tests   no checks and no tests before
  --quick           larger packages, sooner
  --image MANIFEST  manifest.json of an image: a bill of material of that, too`,
    options: { "without-tests": { type: "boolean" }, quick: { type: "boolean" }, image: { type: "string" } },
    folder: "build/release",
    run: async (folder, { "without-tests": withoutTests, quick, image }, at) => {
      const system = createRealSystem({ home: Deno.env.get("HOME") ?? "/" });
      if (withoutTests) console.error("Nothing is tested before this release.");
      else await check();
      const changes = await system.readText(`${projectRoot}CHANGELOG.md`);
      if (changes.includes(`## ${version} (unreleased)`)) {
        console.error(`CHANGELOG.md calls ${version} unreleased: its day belongs there and into lib/version.ts.`);
      }
      return await makeRelease(system, {
        folder,
        ...quick ? { level: 0 } : {},
        ...image === undefined ? {} : { imageManifest: at(image) },
      });
    },
  });
}
