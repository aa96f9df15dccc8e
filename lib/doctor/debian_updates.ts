/** Whether image and sticks are older than the Debian packages they were made from. */

import * as v from "valibot";
import { commandToType } from "../command_to_type.ts";
import { comparePackageVersions } from "../debian/package_version.ts";
import { unlessRefused } from "../file_access.ts";
import { UserError } from "../errors.ts";
import { readJson } from "../formats/json.ts";
import { outputIfItWorks } from "../host/ask_program.ts";
import { fingerprintKeys } from "../key_file.ts";
import { parseWrittenSticks, type WrittenSticks, writtenSticksName } from "../media/written_sticks.ts";
import type { System } from "../system/system.ts";
import { type Check, type CheckOf, hidden, ok, runChecks, type Verdict, warning } from "./check.ts";
import type { DoctorContext } from "./context.ts";

const ImageSchema = v.object({
  initrd: v.object({ sha256: v.string() }),
  debian: v.object({ suite: v.string(), snapshot: v.optional(v.string()) }),
  packages: v.array(v.object({ name: v.string(), version: v.string() })),
});

type Image = v.InferOutput<typeof ImageSchema>;

/** A package of the image, and the version that Debian has now. */
export interface NewerPackage {
  readonly name: string;
  readonly version: string;
  readonly newer: string;
}

export interface UpdateFacts {
  /** Of manifest.json; undefined where no image was built here, "hidden" where it may not be read. */
  readonly image: Pick<Image, "initrd" | "debian"> | undefined | "hidden";
  /** By apt's lists; undefined where apt has none of the image's suite. */
  readonly newer: readonly NewerPackage[] | undefined;
  /** Days since the image's state of Debian's archive was made; undefined where the manifest names none. */
  readonly ageDays: number | undefined;
  /** Written from the build folder. */
  readonly sticks: WrittenSticks;
  /** Fingerprints of the keys that a stick would get; undefined where they may not be read, or cannot be used. */
  readonly keys: readonly string[] | undefined;
}

export async function examineUpdates(context: DoctorContext): Promise<readonly Check[]> {
  const { system, buildDirectory } = context;
  const image = await unlessRefused(readImage(system, buildDirectory), "hidden" as const);
  const known = image === "hidden" ? undefined : image;
  return runChecks(updateChecks, {
    image,
    newer: known && await findNewerPackages(system, known),
    ageDays: known?.debian.snapshot === undefined ? undefined : ageInDays(known.debian.snapshot, system.wallClockMs()),
    sticks: await unlessRefused(readSticks(system, buildDirectory), []),
    keys: await readFingerprints(context),
  });
}

export const updateChecks: readonly CheckOf<UpdateFacts>[] = [
  ["Debian packages", checkPackages],
  ["sticks", checkSticks],
];

const again = `Run ${commandToType("create-initrd", { arguments: "--update" })}, then setup-server, and write the ` +
  "stick again";

/** Where nothing is known of newer packages, an image that is older may well lack some: a stable suite gets new ones
 * every two months. */
const oldDays = 60;

function checkPackages({ image, newer, ageDays }: UpdateFacts): Verdict {
  if (image === undefined) return ok("no image was built here");
  if (image === "hidden") return hidden("the image's manifest may be read by its owner only");
  const [first] = newer ?? [];
  if (newer !== undefined && first !== undefined) {
    const more = newer.length === 1 ? "" : ` and ${newer.length - 1} more`;
    return warning(
      `the image has ${first.name} ${first.version}, and Debian has ${first.newer}${more}`,
      again,
    );
  }
  if (newer !== undefined) return ok(`none is newer than the image's, by apt's lists of ${image.debian.suite}`);
  if (ageDays === undefined) return ok("not known here which are newer than the image's");
  const age = `the image's are of ${ageDays} day${ageDays === 1 ? "" : "s"} ago`;
  return ageDays > oldDays ? warning(age, again) : ok(age);
}

function checkSticks({ image, sticks, keys }: UpdateFacts): Verdict {
  if (image === "hidden") return hidden("the image's manifest may be read by its owner only");
  if (image === undefined || sticks.length === 0) return ok("none was written from here");
  const old = sticks.filter(({ initrdSha256 }) => initrdSha256 !== image.initrd.sha256);
  const otherKeys = sticks.filter((stick) => keys !== undefined && !hasKeys(stick, keys));
  const found = old.length > 0 ? old : otherKeys;
  const [first] = found;
  if (first === undefined) return ok("written with the image that was built last");
  const more = found.length === 1 ? "" : ` and ${found.length - 1} more`;
  const what = old.length > 0 ? "an older image than the one built last" : "other keys than those here";
  return warning(
    `${first.name}${more}: written with ${what}`,
    `Plug it in, and run ${commandToType("setup-client-usbdrive", { asRoot: true })}`,
  );
}

/** The own one is in the image, with which a stick is compared anyway. */
function hasKeys({ keys: stickKeys = [] }: WrittenSticks[number], keys: readonly string[]): boolean {
  const others = keys.slice(1);
  return stickKeys.slice(1).length === others.length && others.every((key) => stickKeys.includes(key));
}

/** Broken keys are another check's. */
async function readFingerprints({ system, keyPath }: DoctorContext): Promise<UpdateFacts["keys"]> {
  try {
    const { own, others } = await fingerprintKeys(system, keyPath);
    return [own, ...others.map(({ keyFingerprint }) => keyFingerprint)];
  } catch (problem) {
    if (!(problem instanceof UserError)) throw problem;
    return undefined;
  }
}

async function readImage(system: System, directory: string): Promise<Image | undefined> {
  const path = `${directory}/manifest.json`;
  return await system.stat(path) === undefined ? undefined : readJson(ImageSchema, await system.readText(path));
}

async function readSticks(system: System, directory: string): Promise<WrittenSticks> {
  const path = `${directory}/${writtenSticksName}`;
  return await system.stat(path) === undefined ? [] : parseWrittenSticks(await system.readText(path));
}

/** Runs `apt-cache`. */
async function findNewerPackages(system: System, { debian, packages }: Image): Promise<UpdateFacts["newer"]> {
  const names = packages.map(({ name }) => name).filter((name) => /^[a-z0-9][a-z0-9.+-]+$/.test(name));
  const listed = await outputIfItWorks(system, ["apt-cache", "madison", ...names]);
  return listed === undefined ? undefined : listNewer(packages, parseMadison(listed, debian.suite));
}

/**
 * The newest version of each package in a suite, by `apt-cache madison` (apt-cache(8)):
 * `openssl | 3.5.1-1 | http://deb.debian.org/debian trixie/main amd64 Packages`. What security updates have is in
 * another suite, of which no image is made.
 * @returns empty when apt has no list of the suite
 */
export function parseMadison(text: string, suite: string): ReadonlyMap<string, string> {
  const newest = new Map<string, string>();
  for (const line of text.split("\n")) {
    const [name = "", version = "", source = ""] = line.split("|").map((word) => word.trim());
    if (source.split(/\s+/)[1]?.split("/")[0] !== suite || !source.endsWith(" Packages")) continue;
    const before = newest.get(name);
    if (before === undefined || comparePackageVersions(before, version) < 0) newest.set(name, version);
  }
  return newest;
}

/** @returns undefined when nothing is known of the suite */
export function listNewer(
  packages: readonly { readonly name: string; readonly version: string }[],
  newest: ReadonlyMap<string, string>,
): readonly NewerPackage[] | undefined {
  if (newest.size === 0) return undefined;
  return packages.flatMap(({ name, version }) => {
    const newer = newest.get(name);
    return newer !== undefined && comparePackageVersions(version, newer) < 0 ? [{ name, version, newer }] : [];
  });
}

/** @param snapshot "20260905T081400Z" */
function ageInDays(snapshot: string, nowMs: number): number | undefined {
  const iso = snapshot.replace(/^(....)(..)(..)T(..)(..)(..)Z$/, "$1-$2-$3T$4:$5:$6Z");
  const days = Math.floor((nowMs - Date.parse(iso)) / 86_400_000);
  return Number.isNaN(days) ? undefined : Math.max(0, days);
}
