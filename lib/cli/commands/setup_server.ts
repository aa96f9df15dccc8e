/** `setup-server`: makes a laptop's system ready to be used from a desktop, one question per change. */

import type { Config } from "../../config/config.ts";
import { gatherGrubMenu } from "../../host/boot_menu.ts";
import { formatDiagnostic } from "../../config/diagnostics.ts";
import { findFormattedDevices } from "../../doctor/device_names.ts";
import { readCrypttab } from "../../doctor/names.ts";
import { holdsPassword } from "../../config/holds_password.ts";
import { readConfigFile } from "../../config_file.ts";
import { ExitCode, quoteCommand, UserError } from "../../errors.ts";
import { applyPlan, inspectOperations, previewPlan } from "../../host/apply.ts";
import { packagesFor } from "../../distro/distribution.ts";
import { findLeftovers } from "../../host/find_leftovers.ts";
import { journalPath } from "../../host/journal.ts";
import { type Host, openHost } from "../../host/host.ts";
import { lockTree } from "../../host/lock_tree.ts";
import { chooseGenerator, gatherHostFacts, type HostFacts } from "../../host/host_facts.ts";
import { findMountProblem, gatherMountFacts } from "../../host/mount_facts.ts";
import { type OverlayFile, readOverlay } from "../../host/overlay.ts";
import { planSetupServer } from "../../host/plan_setup_server.ts";
import type { AutokexecArtifact, SetupArtifacts } from "../../host/setup_inputs.ts";
import type { Plan } from "../../host/plan.ts";
import { type HostTree, openHostTree } from "../../host/tree.ts";
import { type GeneratorId, separateInitramfs } from "../../initramfs/generator.ts";
import { describeTransports, lackingPrograms } from "../../host/lacking_programs.ts";
import { generators, hookLayers, ownLayers } from "../../initramfs/registry.ts";
import { findUnusableImage } from "../../image/unusable_image.ts";
import { readKey } from "../../key_file.ts";
import { createReadOnlySystem } from "../../system/read_only.ts";
import type { System } from "../../system/system.ts";
import type { Ui } from "../../ui.ts";
import { commandToType } from "../../command_to_type.ts";
import { formatJsonResult } from "../json_results.ts";
import { needingRoot } from "../needing_root.ts";
import { sayOutcome } from "../outcome.ts";

export interface SetupServerOptions {
  /** Configuration; a file that is not there means the defaults. */
  readonly configPath: string;
  /** The shared key, 32 bytes. */
  readonly keyPath: string;
  /** Where create-initrd has put kernel and initrd. */
  readonly buildDirectory: string;
  /** The project's image/host. */
  readonly hostFilesDirectory: string;
  /** The system to set up. Default "/", the running one. */
  readonly root?: string;
  readonly dryRun?: boolean;
  /** A dry run shows every change, too. */
  readonly withDiffs?: boolean;
  /** A dry run prints the plan as JSON. */
  readonly isJson?: boolean;
  readonly autokexec?: AutokexecArtifact;
}

/**
 * Needs read access to the artifacts and the host, write access to the host, and the programs named in
 * doc/host-changes.md.
 * @throws {UserError} when something is missing that has to be there first
 * @throws {StoppedByUser} on "abort" and Ctrl-C
 */
export async function setupServer(system: System, ui: Ui, options: SetupServerOptions): Promise<void> {
  const isDryRun = options.dryRun ?? false;
  if (options.isJson && !isDryRun) {
    throw new UserError("--json shows a plan, and needs --dry-run", { exitCode: ExitCode.usage });
  }
  const work = isDryRun ? showSetup(createReadOnlySystem(system), ui, options) : changeSystem(system, ui, options);
  await needingRoot("setup-server", work, isDryRun ? { arguments: "--dry-run" } : {});
}

async function changeSystem(system: System, ui: Ui, options: SetupServerOptions): Promise<void> {
  const tree = await openHostTree(system, options.root);
  await demandRoot(system, tree, "setup-server");
  using _lock = await lockTree(system, ui, tree);
  const { host, config, plan, leftovers } = await preparePlan(system, ui, { ...options, tree, report: refuse });
  sayLeftovers(ui, leftovers);
  await applyPlan(host, plan);
  await sayEnd(ui, { config, tree });
}

/** The dry run: what setup-server would ask for. */
async function showSetup(system: System, ui: Ui, options: SetupServerOptions): Promise<void> {
  const tree = await openHostTree(system, options.root);
  const obstacles: Obstacle[] = [];
  const say = ({ found, cure }: Obstacle): void => ui.warn(`${found}. ${cure}`);
  const report = (obstacle: Obstacle): void => {
    obstacles.push(obstacle);
    say(obstacle);
  };
  const { host, plan, leftovers } = await preparePlan(system, ui, { ...options, tree, report });
  if (options.isJson) return ui.result(await formatJsonSetup({ host, plan, leftovers, obstacles, options }));
  await previewPlan(host, plan, { withDiffs: options.withDiffs ?? false });
  // What came before the plan has left the screen.
  sayLeftovers(ui, leftovers);
  for (const obstacle of obstacles) say(obstacle);
  const command = commandToType("setup-server", { asRoot: tree.isRunning });
  const diffs = commandToType("setup-server", { arguments: "--dry-run --diff" });
  const showDiffs = options.withDiffs ? [] : [{ command: diffs, why: "shows every change in full" }];
  sayOutcome(ui, { made: [], next: [{ command, why: "does it, asking first" }, ...showDiffs] });
}

async function formatJsonSetup(
  { host, plan, leftovers, obstacles, options }: Pick<PreparedPlan, "host" | "plan" | "leftovers"> & {
    readonly obstacles: readonly Obstacle[];
    readonly options: SetupServerOptions;
  },
): Promise<string> {
  const operations = (await inspectOperations(host, plan)).map(({ operation, inspection }) => ({
    id: operation.id,
    kind: operation.kind,
    what: operation.what,
    why: operation.why,
    needs: [...operation.needs],
    status: inspection.status,
    isForeign: inspection.isForeign,
    ...(options.withDiffs ? { change: [...inspection.change] } : {}),
  }));
  return formatJsonResult({
    version: 1,
    title: plan.title,
    root: options.root ?? "/",
    operations,
    obstacles: obstacles.map(({ found, cure }) => ({ found, cure })),
    leftovers: [...leftovers],
    notices: [...plan.notices],
  });
}

/** What has to be put right before anything is changed; a plan can be shown all the same. */
interface Obstacle {
  readonly found: string;
  readonly cure: string;
}

/** @throws {UserError} */
function refuse({ found, cure }: Obstacle): never {
  throw new UserError(found, { hints: [cure] });
}

interface PlanOptions extends SetupServerOptions {
  readonly tree: HostTree;
  readonly report: (obstacle: Obstacle) => void;
}

interface PreparedPlan {
  readonly host: Host;
  readonly config: Config;
  readonly plan: Plan;
  /** What an earlier run has installed and this plan does not have any more. */
  readonly leftovers: readonly string[];
}

/** Looks at the host and says what is to be done, without doing it. */
async function preparePlan(system: System, ui: Ui, options: PlanOptions): Promise<PreparedPlan> {
  const { tree, report } = options;
  const host = await openHost(system, ui, { tree });
  const { config, configText } = await readConfig(system, ui, options.configPath);
  const facts = await gatherHostFacts(system, tree);
  if (facts.hasBootLoaderConfig === undefined || facts.isKernelHidden) {
    throw new Deno.errors.PermissionDenied("its boot files are for root only");
  }
  const mountProblem = findMountProblem(await gatherMountFacts(system, tree));
  if (mountProblem !== undefined) {
    report({ ...mountProblem, found: `This system cannot be set up: ${mountProblem.found}` });
  }
  await demandSafeNames(tree);
  const unusable = await findUnusableImage(system, options.buildDirectory);
  if (unusable !== undefined) {
    report({ ...unusable, found: `The image in "${options.buildDirectory}" is ${unusable.found}` });
  }
  const generator = demandGenerator(facts, config);
  const artifacts = await gatherArtifacts(system, options, { generator, configText, facts });
  const missing = findMissingPrograms(facts, options);
  if (missing !== undefined) report(missing);
  sayTransports(ui, facts, config);
  const grubMenu = await gatherGrubMenu(system, tree, config.serverSetup.stiefelsystemKernel);
  const plan = planSetupServer({ config, facts, artifacts, generator, grubMenu });
  ui.say(`${plan.title}${options.root === undefined ? "" : ` in ${options.root}`}`);
  return { host, config, plan, leftovers: findLeftovers(host.journal.current, plan) };
}

/** What is there now, and what comes next. */
async function sayEnd(
  ui: Ui,
  { config, tree }: { readonly config: Config; readonly tree: HostTree },
): Promise<void> {
  const asRoot = tree.isRunning;
  const { stiefelsystemKernel, stiefelsystemInitrd } = config.serverSetup;
  const files = [
    ["kernel", stiefelsystemKernel],
    ["image", stiefelsystemInitrd],
    ["for desktops", separateInitramfs],
    ["journal", journalPath],
  ] as const;
  const found = await Promise.all(files.map(async ([what, path]) => {
    const status = await tree.status(path);
    return status?.kind === "file" ? [{ what, path: `${tree.prefix}${path}`, sizeBytes: status.sizeBytes }] : [];
  }));
  sayOutcome(ui, {
    made: found.flat(),
    next: [
      {
        command: commandToType("doctor"),
        why: `checks whether desktops can use ${tree.isRunning ? "this machine" : "that system"}`,
      },
      { command: commandToType("undo-setup", { asRoot }), why: "takes all of it back" },
    ],
  });
}

/** Where there is a choice. */
function sayTransports(ui: Ui, facts: HostFacts, { block }: Config): void {
  const words = describeTransports(lackingPrograms(facts).transports);
  if (words !== undefined) ui.say(words);
  if (block.security === "none" || lackingPrograms(facts).canTunnel) return;
  ui.warn(
    `block.security is ${block.security}, and desktops will attach the disk unencrypted: the kernel has no module ` +
      "wireguard",
  );
}

function sayLeftovers(ui: Ui, leftovers: readonly string[]): void {
  if (leftovers.length === 0) return;
  ui.warn("An earlier run installed files that this configuration does not need. They stay active:");
  for (const name of leftovers) ui.say(`    ${name}`);
  ui.say('To remove them, run "undo-setup", and then "setup-server" again.');
}

/**
 * A line that has the system format a device at each start costs a desktop its data, if the name is one of the
 * desktop's own there.
 * @throws {UserError}
 */
async function demandSafeNames(tree: HostTree): Promise<void> {
  const [first] = findFormattedDevices({
    fstab: await tree.readText("/etc/fstab"),
    crypttab: await readCrypttab(tree),
  });
  if (first === undefined) return;
  throw new UserError(
    `${first.setting} has this system format ${first.device} at each start: on a desktop that may be a partition of its own`,
    { hints: ["Name the device by PARTUUID= there (lsblk -o NAME,PARTUUID shows it), and run setup-server again"] },
  );
}

/** Writing to the running system takes root; saying so at once is better than at the first file. */
export async function demandRoot(system: System, tree: HostTree, command: string): Promise<void> {
  if (!tree.isRunning) return;
  const { stdout } = await system.run(["id", "-u"]);
  if (stdout.trim() === "0") return;
  throw new UserError("Changing this system takes root", {
    hints: [
      `Run it as root: ${commandToType(command, { asRoot: true })}`,
      `Or look at what it would do: ${commandToType(command, { arguments: "--dry-run" })}`,
    ],
    exitCode: 2,
  });
}

async function readConfig(
  system: System,
  ui: Ui,
  path: string,
): Promise<{ readonly config: Config; readonly configText: string }> {
  const { config, warnings } = await readConfigFile(system, path);
  for (const warning of warnings) ui.warn(formatDiagnostic(warning, path, { isLabelled: true }));
  const isThere = await system.stat(path) !== undefined;
  const configText = isThere ? await system.readText(path) : "# No configuration was given: all defaults.\n";
  return { config, configText };
}

function demandGenerator(facts: HostFacts, config: Config): GeneratorId {
  const generator = chooseGenerator(facts, config.modules);
  if (generator !== undefined) return generator;
  throw new UserError("No initramfs generator was found that we know", {
    hints: [`Known are ${Object.keys(generators).join(", ")}`],
  });
}

async function gatherArtifacts(
  system: System,
  options: SetupServerOptions,
  { generator, configText, facts }: {
    readonly generator: GeneratorId;
    readonly configText: string;
    readonly facts: HostFacts;
  },
): Promise<SetupArtifacts> {
  const read = async (layers: readonly string[]): Promise<readonly OverlayFile[]> =>
    (await Promise.all(layers.map((layer) => readOverlay(system, `${options.hostFilesDirectory}/${layer}`)))).flat();
  return {
    kernel: `${options.buildDirectory}/kernel`,
    initrd: `${options.buildDirectory}/initrd`,
    configText,
    configHoldsPassword: await holdsPassword(configText),
    key: await readKey(system, options.keyPath),
    genericFiles: await read(["generic"]),
    generatorFiles: await read(generators[generator].layers),
    ownInitramfsFiles: await read(ownLayers(facts.installedGenerators)),
    kernelHookFiles: await read(hookLayers(generator, facts.distribution?.distribution)),
    ...options.autokexec === undefined ? {} : { autokexec: options.autokexec },
  };
}

/** The hooks copy these programs into the initramfs; without them a desktop would find no disk. */
function findMissingPrograms(facts: HostFacts, { autokexec, root }: SetupServerOptions): Obstacle | undefined {
  const { lacking } = lackingPrograms(facts, { withKexec: autokexec !== undefined });
  if (lacking.length === 0) return undefined;
  return {
    found: `Programs are missing: ${lacking.join(", ")}`,
    cure: `Install them first: ${installHint(facts, lacking, root)}`,
  };
}

/** The command that installs what is missing, to be pasted. */
function installHint(facts: HostFacts, missing: readonly string[], root?: string): string {
  const distribution = facts.distribution?.distribution;
  if (distribution === undefined) return `the packages that bring ${missing.join(", ")}`;
  const chroot = root === undefined || root === "/" ? [] : ["chroot", root];
  return quoteCommand([
    ...chroot,
    ...distribution.installCommand,
    ...packagesFor(distribution, missing),
  ]);
}
