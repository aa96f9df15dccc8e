/** Programs that are missing, and the offer to install the Debian packages they come in. */

import { packagesFor as packagesOf } from "../distro/distribution.ts";
import { UserError } from "../errors.ts";
import { hasProgram, hostKeyring, isAptHost, readDistribution } from "./bootstrap_way.ts";
import { packagesFor } from "./program_packages.ts";
import type { System } from "../system/system.ts";
import { showStep, type Ui } from "../ui.ts";

export interface MissingPackages {
  /** Sorted, each once. */
  readonly packages: readonly string[];
  readonly programs: readonly string[];
}

export interface OfferOptions {
  /** Debian packages are fetched and must be verified. */
  readonly withArchiveKeys?: boolean;
}

export async function findMissingPackages(
  system: System,
  programs: readonly string[],
  options: OfferOptions = {},
): Promise<MissingPackages> {
  const missing: string[] = [];
  for (const program of programs) if (!await hasProgram(system, program)) missing.push(program);
  const keys = options.withArchiveKeys && await system.stat(hostKeyring.path) === undefined
    ? [hostKeyring.package]
    : [];
  return { packages: [...new Set([...packagesFor(missing), ...keys])].sort(), programs: missing };
}

/**
 * Makes sure the programs are there: says what is missing and, where apt is, offers to install it.
 * Runs `apt-get`, as root or through `sudo`.
 * @throws {UserError} when something is missing and was not installed
 */
export async function offerPackages(
  system: System,
  ui: Ui,
  programs: readonly string[],
  options: OfferOptions = {},
): Promise<void> {
  const missing = await findMissingPackages(system, programs, options);
  const { packages } = missing;
  if (packages.length === 0) return;
  if (!await isAptHost(system)) throw await describeMissing(system, missing);
  const { stdout: uid } = await system.run(["id", "-u"]);
  const sudo = uid.trim() === "0" ? [] : ["sudo"];
  const install = [...sudo, "apt-get", "install", "--yes", "--no-install-recommends", ...packages];
  ui.say(`Missing Debian packages: ${packages.join(", ")}`);
  if (!await ui.confirm(`Install them now with "${install.join(" ")}"`)) {
    throw new UserError("Packages are missing and were not installed", { hints: [install.join(" ")] });
  }
  // Asked for here, while nothing else draws on the terminal.
  if (sudo.length > 0) await system.run(["sudo", "--validate"], { inheritStdio: true });
  await runApt(system, ui, { install, update: [...sudo, "apt-get", "update"] });
  const still = await findMissingPackages(system, programs, options);
  if (still.packages.length > 0) {
    throw new UserError(`After installing, programs are still missing: ${still.programs.join(", ")}`);
  }
}

/** For a machine that installs its programs in another way than by apt. */
async function describeMissing(system: System, { packages, programs }: MissingPackages): Promise<UserError> {
  const distribution = (await readDistribution(system))?.distribution;
  return new UserError(`Programs are missing: ${programs.join(", ")}`, {
    hints: distribution === undefined
      ? [`On Debian they come in: ${packages.join(" ")}`, "Install what your distribution calls these"]
      : [`Install them: ${[...distribution.installCommand, ...packagesOf(distribution, programs)].join(" ")}`],
  });
}

/** The package lists of a fresh machine are empty or old: they are fetched when the first attempt fails. */
async function runApt(
  system: System,
  ui: Ui,
  commands: { readonly install: readonly string[]; readonly update: readonly string[] },
): Promise<void> {
  await showStep(ui.progress("Installing packages"), async (progress) => {
    const run = async (argv: readonly string[]): Promise<void> =>
      void await system.run(argv, {
        env: { DEBIAN_FRONTEND: "noninteractive" },
        timeoutMs: 30 * 60_000,
        onLine: (line) => progress.note(line.slice(0, 100)),
      });
    try {
      await run(commands.install);
    } catch {
      await run(commands.update);
      await run(commands.install);
    }
  });
}
