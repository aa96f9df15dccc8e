/**
 * What a desktop shall start, decided over all partitions of a disk: kernel and initramfs may be on one, the boot
 * loader's command line on another. Pure.
 */

import type { FilePart } from "../../file_part.ts";
import type { BootLoader } from "./entry.ts";
import { findRoot } from "../../formats/kernel_command_line.ts";
import type { BootLoadSettings } from "../../formats/stiefelsystem_json.ts";
import { BootError } from "../../boot_error.ts";
import { listMenus, type Menu, type MenuCandidate } from "./list_menus.ts";
import type { Statement, Survey } from "./survey.ts";
import type { SystemIdentity } from "./system_identity.ts";

/** A file on one of the partitions, or a part of it. */
export interface PlacedFile {
  /** Number of the partition, as it was passed to {@link decideBoot}. */
  readonly partition: number;
  readonly path: string;
  readonly part?: FilePart;
}

/** Kernel, initramfs and command line, and where each comes from. */
export interface BootDecision {
  readonly title: string;
  readonly kernel: PlacedFile;
  readonly initrds: readonly PlacedFile[];
  readonly commandLine: string;
  readonly loader: BootLoader;
  /** The file that names the entry. */
  readonly source: PlacedFile;
  readonly commandLineSource: PlacedFile;
  readonly notices: readonly string[];
  /** By which the initramfs can attach the disk, as setup-server has noted it. */
  readonly transports?: readonly string[];
  /** It can do so through a tunnel. */
  readonly canTunnel?: boolean;
}

const setUpAgain =
  "Run setup-server again on the laptop, or name kernel, initrd and cmdline in boot.load of config.yaml";

interface PlacedStatement extends Statement {
  readonly partition: number;
}

export interface DecideOptions {
  /** `boot.load` of config.yaml: what it names wins, also where nothing else is stated. */
  readonly load?: BootLoadSettings | undefined;
}

/**
 * @param surveys of the partitions, in the disk's order
 * @returns undefined when none of them has a boot configuration
 * @throws {BootError} "no-boot-entry" when there is one that cannot be used: the reason, never an empty command line
 */
export function decideBoot(surveys: readonly Survey[], { load = {} }: DecideOptions = {}): BootDecision | undefined {
  const statement = findStatement(surveys);
  const ownProblems = surveys.flatMap(({ problems }) => problems);
  if (statement === undefined && ownProblems.length > 0) throw refuse([...ownProblems, setUpAgain]);
  const configured = load.kernel ?? "";
  if (statement === undefined && configured !== "") {
    throw refuse([`boot.load of the configuration names "${configured}", but no partition has all its files`]);
  }
  if (statement?.missing !== undefined) {
    throw refuse([
      `"${statement.source}" names "${statement.missing}", which is not on the boot partition`,
      setUpAgain,
    ]);
  }
  const whole = statement === undefined ? undefined : takeStatement(statement);
  if (whole !== undefined) return whole;
  const system = findSystem(surveys, statement);
  const menus = listMenus(surveys, system);
  const commandLine = statement?.commandLine ?? joinWords(load.cmdline);
  const chosen = chooseCandidate(menus, { statement, commandLine });
  if (chosen !== undefined) return merge(statement, chosen, commandLine);
  const problems = menus.flatMap(({ problems, candidates }) => [
    ...candidates.map((candidate) => describeUnusable(candidate)),
    ...problems,
  ]);
  const unread = surveys.flatMap((survey) => survey.unread);
  if (statement === undefined) {
    if (problems.length > 0) throw refuse(problems);
    if (unread.length > 0) throw refuse([...unread, "Name kernel, initrd and cmdline in boot.load of config.yaml"]);
    return undefined;
  }
  return takeWritten(statement, system, problems) ?? raise(refuseStatement(statement, [...problems, ...unread]));
}

/**
 * Several systems of a disk may be set up: the one that the boot loader would start, else the first whose files are
 * there.
 */
function findStatement(surveys: readonly Survey[]): PlacedStatement | undefined {
  const all = surveys.flatMap(({ statement }, partition) =>
    statement === undefined ? [] : [{ ...statement, partition }]
  );
  const whole = all.filter(({ missing }) => missing === undefined);
  const [first, second] = whole;
  if (second === undefined) return first ?? all[0];
  const starts = ({ system }: Statement): boolean =>
    listMenus(surveys, system)[0]?.candidates.find(({ problem }) => problem === undefined)?.owner === "ours";
  return whole.find(starts) ?? first;
}

/** The system that was set up; where its /boot is a partition of its own, the only one on the disk. */
function findSystem(surveys: readonly Survey[], statement: Statement | undefined): SystemIdentity | undefined {
  if (statement?.system !== undefined) return statement.system;
  const [only, ...others] = surveys.flatMap(({ systems }) => systems);
  return others.length === 0 ? only : undefined;
}

interface Wanted {
  readonly statement: PlacedStatement | undefined;
  readonly commandLine: string | undefined;
}

interface Chosen {
  readonly candidate: MenuCandidate;
  readonly notices: readonly string[];
}

function chooseCandidate(menus: readonly Menu[], { statement, commandLine }: Wanted): Chosen | undefined {
  const isUsable = (candidate: MenuCandidate): boolean =>
    // What belongs to another system is never given to the one that was set up. And without a command line the root is
    // found by means that a desktop does not have.
    candidate.problem === undefined && (statement === undefined ||
      (candidate.owner !== "foreign" && (commandLine !== undefined || candidate.commandLine !== "")));
  const best = (menu: Menu): MenuCandidate | undefined => {
    const usable = menu.candidates.filter(isUsable);
    return usable.find(({ owner }) => owner === "ours") ?? usable[0];
  };
  const order = (menu: Menu): readonly number[] => {
    const candidate = best(menu);
    return [menu.rank, candidate?.owner === "ours" ? 0 : 1, candidate?.partition === statement?.partition ? 0 : 1];
  };
  const sorted = menus.toSorted((a, b) => {
    const [left, right] = [order(a), order(b)];
    return left.map((value, index) => value - (right[index] ?? 0)).find((difference) => difference !== 0) ?? 0;
  });
  const at = sorted.findIndex((menu) => best(menu) !== undefined);
  const menu = sorted[at];
  const candidate = menu === undefined ? undefined : best(menu);
  if (menu === undefined || candidate === undefined) return undefined;
  const passedOver = sorted.slice(0, at).flatMap(({ problems }) => problems.slice(0, 1));
  const [first] = menu.candidates;
  const skipped = first === undefined || first === candidate
    ? []
    : [`${describeUnusable(first)}; another entry is taken`];
  return { candidate, notices: [...passedOver, ...skipped] };
}

function describeUnusable({ problem, owner, source, commandLine }: MenuCandidate): string {
  if (problem !== undefined) return problem;
  if (owner === "foreign") {
    return `"${source}" belongs to another system, by its machine-id or its root=${findRoot(commandLine) ?? ""}`;
  }
  return commandLine === "" ? `"${source}" names no command line` : `"${source}" is not known to belong to this system`;
}

/** For a statement that holds all a boot needs: no boot loader's menu is read. */
function takeStatement(statement: PlacedStatement): BootDecision | undefined {
  const { kernel, initrds, commandLine, partition } = statement;
  if (kernel === undefined || initrds === undefined || commandLine === undefined) return undefined;
  const source = { partition, path: statement.source };
  return {
    title: kernel,
    kernel: { partition, path: kernel },
    initrds: initrds.map((path) => ({ partition, path })),
    commandLine,
    loader: statement.loader,
    source,
    commandLineSource: source,
    notices: [],
    ...notedAbilities(statement),
  };
}

/** Without any boot loader's configuration: the command line that kernel-install(8) would write. */
function takeWritten(
  statement: PlacedStatement,
  system: SystemIdentity | undefined,
  problems: readonly string[],
): BootDecision | undefined {
  const { kernel, initrds = [], partition } = statement;
  const written = system?.commandLine;
  if (kernel === undefined || problems.length > 0 || (statement.commandLine ?? written) === undefined) return undefined;
  const decision = takeStatement({ ...statement, initrds, commandLine: statement.commandLine ?? written?.text ?? "" });
  if (decision === undefined || written === undefined || statement.commandLine !== undefined) return decision;
  return {
    ...decision,
    commandLineSource: { partition, path: written.path },
    notices: [`The command line is that of "${written.path}", as no boot loader's configuration was found`],
  };
}

/** What is stated, and the boot loader's entry for the rest. */
function merge(statement: PlacedStatement | undefined, chosen: Chosen, commandLine: string | undefined): BootDecision {
  const { candidate } = chosen;
  const { unified } = candidate;
  const source = { partition: candidate.partition, path: candidate.source };
  const partition = candidate.filesPartition ?? candidate.partition;
  const loaderEntry = {
    kernel: { partition, path: candidate.kernel, ...unified === undefined ? {} : { part: unified.kernel } },
    initrds: unified === undefined
      ? candidate.initrds.map((path) => ({ partition, path }))
      : unified.initrds.map((part) => ({ partition, path: candidate.kernel, part })),
  };
  const stated = statement === undefined ? undefined : { partition: statement.partition, path: statement.source };
  return {
    title: candidate.title,
    kernel: statement?.kernel === undefined
      ? loaderEntry.kernel
      : { partition: statement.partition, path: statement.kernel },
    initrds: statement?.initrds?.map((path) => ({ partition: statement.partition, path })) ?? loaderEntry.initrds,
    commandLine: commandLine ?? candidate.commandLine,
    loader: statement?.loader ?? candidate.loader,
    source: stated ?? source,
    commandLineSource: commandLine === undefined ? source : stated ?? source,
    notices: [...chosen.notices, ...candidate.notices],
    ...notedAbilities(statement),
  };
}

/** Of an initramfs that is stated; nothing is known of the boot loader's own. */
function notedAbilities(statement: Statement | undefined): Pick<BootDecision, "transports" | "canTunnel"> {
  const { transports, canTunnel, initrds } = statement ?? {};
  if (initrds === undefined) return {};
  return { ...transports === undefined ? {} : { transports }, ...canTunnel ? { canTunnel } : {} };
}

/** Undefined: it does not say. */
function joinWords(words: string | readonly string[] | undefined): string | undefined {
  if (words === undefined || words.length === 0) return undefined;
  return typeof words === "string" ? words : words.join(" ");
}

function refuse([first = "", ...others]: readonly string[]): BootError {
  return new BootError("no-boot-entry", first, { hints: [...new Set(others)] });
}

function refuseStatement({ source, kernel }: Statement, problems: readonly string[]): BootError {
  const what = kernel === undefined ? "no kernel" : "no command line";
  const [first, ...others] = problems;
  const why = first === undefined
    ? "no boot loader's configuration was found that does"
    : `the boot loader's cannot be used: ${first}`;
  return new BootError("no-boot-entry", `"${source}" names ${what}, and ${why}`, {
    hints: [
      ...new Set(others),
      setUpAgain,
    ],
  });
}

function raise(error: Error): never {
  throw error;
}
