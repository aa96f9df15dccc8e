/** What was built and installed: shared key, image, set-up. */

import { commandToType } from "../command_to_type.ts";
import { UserError } from "../errors.ts";
import { backupDirectory, journalPath, parseJournal } from "../host/journal.ts";
import type { HostTree } from "../host/tree.ts";
import { hashFile } from "../hash.ts";
import { findUnusableImage, type UnusableImage } from "../image/unusable_image.ts";
import { readLaptopKeys } from "../laptop_keys.ts";
import { SHARED_KEY_BYTES } from "../protocol/keys.ts";
import type { System } from "../system/system.ts";
import { type Check, type CheckOf, error, hidden, ok, runChecks, type Verdict, warning } from "./check.ts";
import { type DoctorContext } from "./context.ts";
import { unlessRefused } from "../file_access.ts";
import { fileContains } from "./file_contains.ts";

export interface ArtifactFacts {
  readonly directory: string;
  readonly hasKernel: boolean;
  readonly hasInitrd: boolean;
  /** Why this laptop cannot serve with the image; undefined also where its manifest may not be read. */
  readonly unusableImage: UnusableImage | undefined;
  /** The key file: "missing", "wrong" (not 32 bytes), "open" (others may read it), "good". */
  readonly key: "missing" | "wrong" | "open" | "good";
  /** Names of laptops whose keys are beside it, or what is wrong with these; undefined where they may not be read. */
  readonly laptopKeys: readonly string[] | { readonly problem: string; readonly hint: string } | undefined;
  /** The shared key was found in the initrd; undefined when either is missing or may not be read. */
  readonly initrdHasKey: boolean | undefined;
  /** The configuration is newer than the initrd. */
  readonly isConfigNewer: boolean;
  /**
   * The image on the laptop: the one that was built last, or not. Undefined when none was built, or it may not be
   * read.
   */
  readonly installed: "built" | "other" | "missing" | undefined;
  readonly setup: SetupFacts;
}

/** What the journal of setup-server says. */
export type SetupFacts =
  | { readonly kind: "never" }
  /** `unfinished`: what it was to run and has not, or not to its end. */
  | { readonly kind: "done"; readonly unfinished: readonly string[] }
  /** Only root may see it. */
  | { readonly kind: "hidden" }
  /** It cannot be read. */
  | { readonly kind: "damaged"; readonly message: string };

export async function examineArtifacts(context: DoctorContext): Promise<readonly Check[]> {
  return runChecks(artifactChecks, await readArtifacts(context));
}

export const artifactChecks: readonly CheckOf<ArtifactFacts>[] = [
  ["shared key", checkKey],
  ["image", checkImage],
  ["setup", checkSetup],
];

function checkKey({ key, laptopKeys = [] }: ArtifactFacts): Verdict {
  switch (key) {
    case "missing":
      return warning("not there", `Run ${commandToType("create-initrd")}: it makes one`);
    case "wrong":
      return error(`not ${SHARED_KEY_BYTES} bytes`, "Remove the file; create-initrd makes a new one");
    case "open":
      return error("others can read it", "chmod 600 it, and think about making a new one");
    case "good":
      if ("problem" in laptopKeys) return error(laptopKeys.problem, laptopKeys.hint);
      return ok(
        laptopKeys.length === 0
          ? "there, for its owner only"
          : `there, for its owner only; beside it for sticks: ${laptopKeys.join(", ")}`,
      );
  }
}

function checkImage(facts: ArtifactFacts): Verdict {
  const build = `Run ${commandToType("create-initrd")}`;
  const missing = [...facts.hasKernel ? [] : ["kernel"], ...facts.hasInitrd ? [] : ["initrd"]];
  if (missing.length > 0) return warning(`no ${missing.join(" and no ")} in ${facts.directory}`, build);
  if (facts.unusableImage !== undefined) return error(facts.unusableImage.found, facts.unusableImage.cure);
  if (facts.initrdHasKey === false) {
    return error("built with another key", `${build}, then setup-server, and write the stick again`);
  }
  if (facts.isConfigNewer) return warning("older than config.yaml", build);
  if (facts.initrdHasKey === undefined) {
    return hidden("built; doctor may not read whether it holds the key", ", or as the user who built it");
  }
  return ok("built, fits the key");
}

function checkSetup({ setup, installed }: ArtifactFacts): Verdict {
  if (setup.kind === "never") {
    return warning("setup-server has not run here", `Run ${commandToType("setup-server", { asRoot: true })}`);
  }
  if (setup.kind === "damaged") return error(setup.message, `The originals are beside it, in ${backupDirectory}`);
  if (installed === "missing") {
    return error(
      "the image is not installed: setup-server was ended early, or a step skipped",
      `Run ${commandToType("setup-server", { asRoot: true })}`,
    );
  }
  if (setup.kind === "hidden") {
    return hidden("begun; the rest is for root to see");
  }
  if (setup.unfinished.length > 0) {
    return warning(
      `not done to its end: ${setup.unfinished.join(", ")}`,
      `Run ${commandToType("setup-server", { asRoot: true })}`,
    );
  }
  if (installed === "other") {
    return warning(
      "another image is installed than the one built last",
      `Run ${commandToType("setup-server", { asRoot: true })}`,
    );
  }
  return ok("done");
}

async function readArtifacts(context: DoctorContext): Promise<ArtifactFacts> {
  const { system, tree, buildDirectory, configPath, keyPath } = context;
  const kernel = await system.stat(`${buildDirectory}/kernel`);
  const initrd = await system.stat(`${buildDirectory}/initrd`);
  const configStatus = await system.stat(configPath);
  const key = await readKeyState(system, keyPath);
  const hasBoth = initrd !== undefined && (key === "good" || key === "open");
  const findKey = async (): Promise<boolean> =>
    await fileContains(system, `${buildDirectory}/initrd`, await system.readFile(keyPath));
  return {
    directory: buildDirectory,
    hasKernel: kernel !== undefined,
    hasInitrd: initrd !== undefined,
    unusableImage: await unlessRefused(findUnusableImage(system, buildDirectory), undefined),
    key,
    laptopKeys: await unlessRefused(readLaptopNames(system, keyPath), undefined),
    // Only their owner may read both: root, when root has built them.
    initrdHasKey: hasBoth ? await unlessRefused(findKey(), undefined) : undefined,
    isConfigNewer: configStatus !== undefined && initrd !== undefined && configStatus.modifiedMs > initrd.modifiedMs,
    installed: await unlessRefused(compareInstalled(context), undefined),
    // Only root may look into its directory: it is there, then.
    setup: await unlessRefused(readSetup(tree), { kind: "hidden" }),
  };
}

async function readSetup(tree: HostTree): Promise<SetupFacts> {
  const text = await tree.readText(journalPath);
  if (text === undefined) return { kind: "never" };
  try {
    const { entries } = parseJournal(text);
    const unfinished = entries.flatMap((entry) => entry.kind === "command" && entry.isNeeded ? [entry.what] : []);
    return { kind: "done", unfinished };
  } catch (problem) {
    if (!(problem instanceof UserError)) throw problem;
    return { kind: "damaged", message: problem.message };
  }
}

async function readKeyState(system: System, path: string): Promise<ArtifactFacts["key"]> {
  const status = await system.stat(path);
  if (status === undefined) return "missing";
  if (status.sizeBytes !== SHARED_KEY_BYTES) return "wrong";
  return (status.mode & 0o077) === 0 ? "good" : "open";
}

async function readLaptopNames(system: System, keyPath: string): Promise<ArtifactFacts["laptopKeys"]> {
  try {
    const own = await system.stat(keyPath) === undefined ? undefined : await system.readFile(keyPath);
    return (await readLaptopKeys(system, { keyPath, own })).map(({ name }) => name);
  } catch (problem) {
    if (!(problem instanceof UserError)) throw problem;
    return { problem: problem.message, hint: problem.hints.join("; ") };
  }
}

async function compareInstalled(context: DoctorContext): Promise<ArtifactFacts["installed"]> {
  const { system, tree, buildDirectory, config } = context;
  const { stiefelsystemKernel, stiefelsystemInitrd } = config.serverSetup;
  const files = Object.entries({ kernel: stiefelsystemKernel, initrd: stiefelsystemInitrd });
  for (const [, installed] of files) if ((await tree.status(installed))?.kind !== "file") return "missing";
  for (const [name, installed] of files) {
    const built = `${buildDirectory}/${name}`;
    if (await system.stat(built) === undefined) return undefined;
    if (await hashFile(system, built) !== await hashFile(system, await tree.locate(installed))) return "other";
  }
  return "built";
}
