/** A quick look at the mirror before the work: is it there, does it have the suite, does the clock fit? */
import type { ArchitectureName } from "../architecture.ts";
import { CommandError, UserError } from "../errors.ts";
import type { System } from "../system/system.ts";
import { hasProgram } from "./bootstrap_way.ts";
import { isSnapshotMirror } from "./snapshot_name.ts";
import { type BootstrapPlan, explainBootstrap, type Explanation } from "./explain_bootstrap.ts";

/** apt's own downloader, so that proxies and certificates are those that the build will use. Package apt. */
const aptDownloader = "/usr/lib/apt/apt-helper";
const limitSeconds = 30;

export interface MirrorQuestion extends BootstrapPlan {
  readonly architecture: ArchitectureName;
  /** Components of the archive: "main", "non-free-firmware". */
  readonly components: readonly string[];
}

/**
 * Fetches the suite's Release file (140 KB). Runs `timeout`, `rm`. Where there is neither apt's downloader nor wget,
 * nothing is looked at.
 * @param parent a folder of ours, where what is fetched lies for a moment
 * @throws {UserError} with the reason and the cure
 */
export async function checkMirror(
  system: System,
  question: MirrorQuestion,
  parent: string,
): Promise<void> {
  if (!await hasProgram(system, aptDownloader) && !await hasProgram(system, "wget")) return;
  const directory = await system.makeTempDirectory({ parent, prefix: "unfinished-mirror-" });
  const problem = await askMirror(system, directory, question)
    .finally(() => system.remove(directory));
  if (problem === undefined) return;
  throw new UserError(`Debian's packages cannot be fetched: ${problem.found}`, { hints: problem.hints });
}

/** @throws {CommandError} when there is none. Runs `timeout`, `rm`. */
export async function fetchRelease(
  system: System,
  { mirror, suite }: Pick<BootstrapPlan, "mirror" | "suite">,
  parent: string,
): Promise<string> {
  const directory = await system.makeTempDirectory({ parent, prefix: "unfinished-release-" });
  try {
    const [address, file] = [`${mirror.replace(/\/$/, "")}/dists/${suite}/InRelease`, `${directory}/InRelease`];
    await fetchFile(system, address, file);
    return await system.readText(file);
  } finally {
    await system.remove(directory);
  }
}

/** By apt, and where it is not by wget, as debootstrap does it. */
async function fetchFile(system: System, address: string, file: string): Promise<void> {
  const hasApt = await hasProgram(system, aptDownloader);
  const argv = ["timeout", String(limitSeconds), ...hasApt ? byApt(address, file) : byWget(address, file)];
  const { stdout, stderr } = await system.run(argv);
  // wget2, which is Fedora's wget, succeeds also when it has got nothing (seen with 1.99).
  if (((await system.stat(file))?.sizeBytes ?? 0) > 0) return;
  throw new CommandError({ argv, exitCode: 0, lastLines: `${stdout}\n${stderr}`.trim().split("\n") });
}

function byApt(address: string, file: string): readonly string[] {
  const patience = ["http", "https"].flatMap((kind) => ["-o", `Acquire::${kind}::Timeout=10`]);
  return [aptDownloader, ...patience, "-o", "Acquire::Retries=0", "download-file", address, file];
}

function byWget(address: string, file: string): readonly string[] {
  return ["wget", "--tries=1", "--timeout=10", `--output-document=${file}`, address];
}

async function askMirror(
  system: System,
  directory: string,
  question: MirrorQuestion,
): Promise<Explanation | undefined> {
  const base = `${question.mirror.replace(/\/$/, "")}/dists/${question.suite}`;
  let lines: readonly string[] = [];
  // Old archives have no InRelease.
  for (const name of ["InRelease", "Release"]) {
    const file = `${directory}/${name}`;
    try {
      await fetchFile(system, `${base}/${name}`, file);
      return judgeRelease(await system.readText(file), {
        ...question,
        nowMs: system.wallClockMs(),
        mayBeExpired: isSnapshotMirror(question.mirror),
      });
    } catch (error) {
      if (!(error instanceof CommandError)) throw error;
      const timedOut = error.failure.exitCode === 124 ? ["Connection timed out"] : [];
      lines = [...timedOut, ...error.failure.lastLines ?? []];
      if (!lines.some((line) => /404|File not found/.test(line))) break;
    }
  }
  return explainBootstrap(lines, question) ??
    { found: `the mirror ${question.mirror} gave no list of packages: ${lines.at(-1) ?? ""}`, hints: [] };
}

/** apt allows so much; a clock that is behind by more is refused (apt.conf(5), Acquire::Max-FutureTime). */
const futureMs = 10_000;

/** What is wrong with the Release file of a suite (Debian's wiki, "DebianRepository/Format"). Pure. */
export function judgeRelease(
  text: string,
  { nowMs, mayBeExpired = false, ...question }: MirrorQuestion & {
    readonly nowMs: number;
    readonly mayBeExpired?: boolean;
  },
): Explanation | undefined {
  const field = (name: string): string | undefined => new RegExp(`^${name}: *(.*)$`, "m").exec(text)?.[1]?.trim();
  const date = Date.parse(field("Date") ?? "");
  if (Number.isNaN(date)) return explainBootstrap(["NOSPLIT"], question);
  const describe = (differenceMs: number): string => `${Math.ceil(differenceMs / 3_600_000)} h`;
  if (date - nowMs > futureMs) {
    return explainBootstrap([`is not valid yet (invalid for another ${describe(date - nowMs)})`], question);
  }
  const end = Date.parse(field("Valid-Until") ?? "");
  if (end < nowMs && !mayBeExpired) {
    return explainBootstrap([`is expired (invalid since ${describe(nowMs - end)})`], question);
  }
  const offered = (field("Components") ?? "").split(/\s+/).map((name) => name.slice(name.lastIndexOf("/") + 1));
  const missing = question.components.filter((name) => !offered.includes(name));
  if (field("Components") !== undefined && missing.length > 0) {
    const cure = missing.includes("non-free-firmware")
      ? ['Or leave firmware out: "image: {firmware: false}" in config.yaml']
      : [];
    return {
      found: `"${question.suite}" at ${question.mirror} has no ${missing.map((name) => `"${name}"`).join(", ")}`,
      hints: ['Look at "image: suite" and "image: mirror" in config.yaml', ...cure],
    };
  }
  const architectures = field("Architectures")?.split(/\s+/);
  if (architectures !== undefined && !architectures.includes(question.architecture)) {
    return {
      found: `"${question.suite}" at ${question.mirror} has no packages for ${question.architecture}`,
      hints: ['Look at "image: suite" and "image: mirror" in config.yaml'],
    };
  }
  return undefined;
}
