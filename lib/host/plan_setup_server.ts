/** What has to be done to a laptop so that its disk can be used from a desktop. Pure: values in, a plan out. */

import { formatStiefelsystemJson } from "../formats/stiefelsystem_json.ts";
import { commandToType } from "../command_to_type.ts";
import type { Config } from "../config/config.ts";
import { UserError } from "../errors.ts";
import { type GeneratorId, separateInitramfs, separateKernel } from "../initramfs/generator.ts";
import { buildSeparateInitramfs, recordOutputs, separateOutputs } from "../initramfs/separate_initramfs.ts";
import { AUTOKEXEC_KEY_PATH, AUTOKEXEC_SETTINGS_PATH, formatAutokexecSettings } from "../formats/autokexec_settings.ts";
import { forDesktop } from "../formats/kernel_command_line.ts";
import { autokexecUnit, autokexecUnitPath, formatAutokexecUnit } from "./autokexec_unit.ts";
import { type GrubMenuFacts, planGrubEntry } from "./boot_menu.ts";
import { configPath, imageStartOf } from "./image_start.ts";
import { type HostFacts, networkUnits, originalInitramfsHooks, usualKernelImages } from "./host_facts.ts";
import { networkdRule, networkManagerRule, type NetworkRule } from "./network_rules.ts";
import type { HostPath } from "./host_path.ts";
import type { Operation } from "./operations/kinds.ts";
import type { RemoveFile } from "./operations/remove_file.ts";
import type { RunCommand } from "./operations/run_command.ts";
import type { WriteFile } from "./operations/write_file.ts";
import type { OverlayFile } from "./overlay.ts";
import { checkPlan, type Plan } from "./plan.ts";

/** What was built, and what comes with the project. */
export interface SetupArtifacts {
  /** Paths on the machine that runs us. */
  readonly kernel: string;
  readonly initrd: string;
  /** Text of the configuration. */
  readonly configText: string;
  readonly configHoldsPassword: boolean;
  readonly key: Uint8Array<ArrayBuffer>;
  /** Files of image/host/generic, of the generator's folders, and of those for updates. */
  readonly genericFiles: readonly OverlayFile[];
  readonly generatorFiles: readonly OverlayFile[];
  /** Of the folders that make the laptop's own initramfs fit the laptop when it is built on a desktop. */
  readonly ownInitramfsFiles?: readonly OverlayFile[];
  readonly kernelHookFiles: readonly OverlayFile[];
  /** Absent: it was not built; the laptop is then started as a server by hand. */
  readonly autokexec?: AutokexecArtifact;
}

export interface AutokexecArtifact {
  readonly files: readonly { readonly source: string; readonly path: HostPath; readonly mode: number }[];
  /** Program and arguments as they are on the laptop. */
  readonly command: readonly string[];
}

export interface SetupInputs {
  readonly config: Config;
  readonly facts: HostFacts;
  readonly artifacts: SetupArtifacts;
  readonly generator: GeneratorId;
  /** Absent: GRUB's menu gets no entry. */
  readonly grubMenu?: GrubMenuFacts | undefined;
}

export const stiefelsystemJsonPath: HostPath = "/boot/stiefelsystem.json";

/** @throws {UserError} when the host lacks what the plan cannot do without */
export function planSetupServer(inputs: SetupInputs): Plan {
  const { facts, artifacts, generator } = inputs;
  const overlay = planOverlay(artifacts, generator);
  const rules = planNetworkRules(facts);
  const removals = planRemovals(facts);
  return checkPlan({
    title: `Set up ${facts.distribution?.prettyName ?? "this system"} with ${generator}`,
    notices: planNotices(inputs),
    operations: [
      ...planImageFiles(inputs),
      ...planSettings(inputs),
      ...removals,
      ...planOwnInitramfs(removals),
      ...overlay,
      ...rules,
      ...planReloads(facts, rules),
      planBuild(facts, overlay),
      ...planKernelHooks(artifacts),
      ...planBootJson(inputs),
      ...planBootMenu(inputs),
      ...planAutokexec(inputs),
    ],
  });
}

function planBuild(facts: HostFacts, overlay: readonly WriteFile[]): RunCommand {
  if (facts.kernel === undefined) {
    const images = facts.distribution?.distribution.kernelImages ?? usualKernelImages;
    throw new UserError("No installed kernel was found that a desktop could boot", {
      hints: [`Looked in /usr/lib/modules and /lib/modules, and for images at: ${images.join(", ")}`],
    });
  }
  const ids = overlay.map((operation) => operation.id);
  return {
    kind: "run-command",
    id: "initramfs",
    what: `build ${separateInitramfs}`,
    why: "A desktop boots with it and attaches the disk; the laptop's own initramfs stays as it is",
    needs: ids,
    argv: buildSeparateInitramfs(facts.kernel),
    changedBy: ids,
    outputs: [
      ...separateOutputs.map((startsWith) => ({ directory: "/boot", startsWith, endsWith: "" })),
      ...recordOutputs.map((startsWith) => ({
        directory: "/etc/stiefelsystem",
        startsWith,
        endsWith: "",
        isOptional: true,
      })),
    ],
    undo: "nothing",
  };
}

const serveNow = commandToType("serve-now", { asRoot: true });

function planNotices(inputs: SetupInputs): readonly string[] {
  const { config, facts, artifacts } = inputs;
  const { distribution } = facts;
  return [
    ...distribution === undefined ? ["This distribution is not known; it is treated by what is installed"] : [],
    ...distribution?.isDerivative ? [`${distribution.prettyName} is treated as ${distribution.distribution.name}`] : [],
    ...config.boot.load === undefined && !facts.hasBootLoaderConfig && facts.commandLine === ""
      ? [
        "No boot loader's configuration with a command line for this system was found: see what boot-entry shows, or name boot.load in config.yaml",
      ]
      : [],
    ...artifacts.kernelHookFiles.length === 0
      ? ["What desktops boot is not built anew by kernel updates here: run setup-server again after each"]
      : [],
    ...artifacts.autokexec === undefined
      ? [
        `There is no autokexec agent: the laptop turns into a server only by hand (${serveNow})`,
      ]
      : [],
    ...artifacts.autokexec !== undefined && !isAutokexecWanted(config)
      ? [
        `The configuration switches autokexec off: the laptop turns into a server only by hand (${serveNow})`,
      ]
      : [],
    ...artifacts.autokexec !== undefined && !facts.hasSystemd
      ? [
        `This system does not run systemd: the autokexec agent is not installed; ${serveNow} names the commands that start a server`,
      ]
      : [],
    ...isStartedByHand(inputs) && facts.hasSystemdBoot && planBootMenu(inputs).length === 0
      ? [
        "systemd-boot's menu gets no entry for the image: it holds the key, and the EFI system partition is not encrypted (doc/agents.md)",
      ]
      : [],
  ];
}

function isStartedByHand({ config, facts, artifacts }: SetupInputs): boolean {
  return artifacts.autokexec === undefined || !isAutokexecWanted(config) || !facts.hasSystemd;
}

interface FileOptions {
  readonly mode?: number | "any";
  readonly isSecret?: boolean;
  readonly needs?: readonly string[];
}

function writeFile(path: HostPath, content: WriteFile["content"], why: string, options: FileOptions = {}): WriteFile {
  return {
    kind: "write-file",
    id: path,
    what: `write ${path}`,
    why,
    needs: options.needs ?? [],
    path,
    content,
    mode: options.mode ?? 0o644,
    isSecret: options.isSecret ?? false,
  };
}

function planImageFiles({ config, artifacts }: SetupInputs): readonly Operation[] {
  const { stiefelsystemKernel, stiefelsystemInitrd } = config.serverSetup;
  return [
    writeFile(
      stiefelsystemKernel,
      { kind: "copy-of", source: artifacts.kernel },
      "The image that turns this machine into a server: its kernel; it fits the initrd only that was built with it",
    ),
    writeFile(
      stiefelsystemInitrd,
      { kind: "copy-of", source: artifacts.initrd },
      "The image that turns this machine into a server: its initrd; the shared key is in it",
      { mode: 0o600, isSecret: true, needs: [stiefelsystemKernel] },
    ),
  ];
}

function planSettings({ artifacts }: SetupInputs): readonly Operation[] {
  return [
    writeFile(
      configPath,
      { kind: "text", text: artifacts.configText },
      "The configuration this machine was set up with",
      { mode: 0o600, isSecret: artifacts.configHoldsPassword },
    ),
    writeFile(
      AUTOKEXEC_KEY_PATH,
      { kind: "bytes", bytes: artifacts.key },
      "The shared key: the laptop answers only a desktop that holds it",
      { mode: 0o600, isSecret: true },
    ),
  ];
}

function planOverlay(artifacts: SetupArtifacts, generator: GeneratorId): readonly WriteFile[] {
  const generic = artifacts.genericFiles.map(({ path, text, mode }) =>
    writeFile(
      path,
      { kind: "text", text },
      "On a desktop: attaches the disk at boot unless the laptop is hibernated, and lets go of it at shutdown",
      {
        mode,
      },
    )
  );
  const needs = generic.map((operation) => operation.id);
  const specific = artifacts.generatorFiles.map(({ path, text, mode }) =>
    writeFile(path, { kind: "text", text }, `Puts the above into the initramfs that ${generator} builds`, {
      mode,
      needs,
    })
  );
  const own = (artifacts.ownInitramfsFiles ?? []).map(({ path, text, mode }) =>
    writeFile(
      path,
      { kind: "text", text },
      "When an update on a desktop builds the laptop's own initramfs: it has the drivers that start the laptop",
      { mode, needs },
    )
  );
  return [...generic, ...specific, ...own];
}

function planKernelHooks({ kernelHookFiles }: SetupArtifacts): readonly WriteFile[] {
  const why = "Builds what desktops boot anew after updates";
  return kernelHookFiles.map(({ path, text, mode }) =>
    writeFile(path, { kind: "text", text }, why, { mode, needs: ["initramfs"] })
  );
}

function planRemovals({ originalFiles, formerFiles }: HostFacts): readonly RemoveFile[] {
  const remove = (path: HostPath, why: string): RemoveFile => {
    return { kind: "remove-file", id: path, what: `remove ${path}`, why, needs: [], path };
  };
  return [
    ...originalFiles.map((path) => remove(path, "The original Stiefelsystem has installed it; ours takes its place")),
    ...formerFiles.map((path) =>
      remove(path, "An earlier setup-server has installed it; the laptop's own initramfs does without")
    ),
  ];
}

/**
 * The original had hooks in the laptop's own initramfs. For ours nothing is built: they do nothing there, and
 * undo-setup knows what was there before them.
 */
function planOwnInitramfs(removals: readonly RemoveFile[]): readonly RunCommand[] {
  const causes = removals.map(({ path }) => path).filter((path) => originalInitramfsHooks.includes(path));
  if (causes.length === 0) return [];
  return [{
    kind: "run-command",
    id: "own-initramfs",
    what: "rebuild the initramfs of every kernel",
    why: "The laptop's own: so that it is without what was removed",
    needs: causes,
    argv: ["update-initramfs", "-u", "-k", "all"],
    changedBy: causes,
    outputs: [
      { directory: "/boot", startsWith: "initrd.img-", endsWith: "" },
      // update-initramfs(8) keeps checksums of what it built.
      { directory: "/var/lib/initramfs-tools", startsWith: "", endsWith: "" },
    ],
    undo: "repeat",
  }];
}

function planNetworkRules(facts: HostFacts): readonly WriteFile[] {
  const write = ({ path, text, why }: NetworkRule): WriteFile => writeFile(path, { kind: "text", text }, why);
  return [
    ...facts.hasNetworkManager ? [write(networkManagerRule)] : [],
    ...facts.hasNetworkd ? [write(networkdRule)] : [],
  ];
}

/** Reloading keeps all connections. */
function planReloads(facts: HostFacts, rules: readonly WriteFile[]): readonly RunCommand[] {
  const reload = (unit: string, path: HostPath, argv: readonly string[]): readonly RunCommand[] => {
    if (!facts.activeUnits.includes(unit) || !rules.some((rule) => rule.id === path)) return [];
    const what = `reload the settings of ${unit.replace(".service", "")}`;
    const why = "So that it reads the file above; connections stay up";
    const id = `reload ${unit}`;
    return [{
      kind: "run-command",
      id,
      what,
      why,
      needs: [path],
      argv,
      changedBy: [path],
      outputs: [],
      undo: "repeat",
    }];
  };
  return [
    ...reload(networkUnits.networkManager, networkManagerRule.path, ["nmcli", "general", "reload", "conf"]),
    ...reload(networkUnits.networkd, networkdRule.path, ["networkctl", "reload"]),
  ];
}

/**
 * Of the command line only what the boot loader's configuration does not say, or what the user wants otherwise: a copy
 * would grow stale.
 */
function planBootJson({ config, facts }: SetupInputs): readonly Operation[] {
  const { load } = config.boot;
  const ownCommandLine = facts.hasBootLoaderConfig || facts.commandLine === ""
    ? undefined
    : forDesktop(facts.commandLine);
  const content = load !== undefined ? { kernel: load.kernel, initrd: load.initrd, cmdline: load.cmdline } : {
    kernel: separateKernel,
    initrd: separateInitramfs,
    cmdline: ownCommandLine,
    isCmdlineCopied: ownCommandLine !== undefined,
  };
  return [writeFile(
    stiefelsystemJsonPath,
    { kind: "text", text: formatStiefelsystemJson(content) },
    "Tells the server which kernel and initramfs a desktop gets, where the boot loader's configuration names others",
    { mode: facts.bootHasModes ? 0o644 : "any", needs: load === undefined ? ["initramfs"] : [] },
  )];
}

function planBootMenu({ config, grubMenu, facts }: SetupInputs): readonly Operation[] {
  const image = imageStartOf(config);
  const entry = grubMenu === undefined ? undefined : planGrubEntry(grubMenu, image);
  if (entry === undefined) return [];
  return [writeFile(
    entry.path,
    { kind: "text", text: entry.text },
    "Adds an entry to GRUB's menu that starts the image by hand; the laptop starts as before unless somebody chooses it",
    { mode: facts.bootHasModes ? 0o644 : "any", needs: [image.kernel, image.initrd] },
  )];
}

function isAutokexecWanted({ autokexec }: Config): boolean {
  return autokexec.broadcast || autokexec.macs.length > 0;
}

function planAutokexec({ config, facts, artifacts }: SetupInputs): readonly Operation[] {
  const { autokexec } = artifacts;
  if (autokexec === undefined || !facts.hasSystemd || !isAutokexecWanted(config)) return [];
  const { kernel, initrd, commandLine } = imageStartOf(config);
  const settings = formatAutokexecSettings({
    version: 1,
    listens: config.autokexec.broadcast,
    ...config.server.name === undefined ? {} : { name: config.server.name },
    macs: config.autokexec.macs,
    kernel,
    initrd,
    commandLine,
    countdownSeconds: config.autokexec.countdownSeconds,
  });
  const files = autokexec.files.map(({ source, path, mode }) =>
    writeFile(
      path,
      { kind: "copy-of", source },
      "The agent that turns this machine into a server when a desktop asks",
      {
        mode,
        needs: [kernel, initrd],
      },
    )
  );
  const settingsFile = writeFile(
    AUTOKEXEC_SETTINGS_PATH,
    { kind: "text", text: settings },
    "What the agent listens for and starts",
  );
  const read = [...files.map((file) => file.id), AUTOKEXEC_SETTINGS_PATH, AUTOKEXEC_KEY_PATH];
  const unit = writeFile(
    autokexecUnitPath,
    { kind: "text", text: formatAutokexecUnit(autokexec.command) },
    "Starts the agent at boot; not on a desktop",
    { needs: read },
  );
  const ours = { unit: autokexecUnit, needs: [unit.id] };
  return [
    ...files,
    settingsFile,
    unit,
    ...facts.isLive
      ? [
        {
          kind: "run-command",
          id: "reload systemd",
          what: "reload systemd",
          why: "So that it knows the unit",
          needs: [unit.id],
          argv: ["systemctl", "daemon-reload"],
          changedBy: [unit.id],
          outputs: [],
          undo: "repeat",
        } as const,
      ]
      : [],
    {
      ...ours,
      kind: "enable-unit",
      id: `enable ${autokexecUnit}`,
      what: `enable ${autokexecUnit}`,
      why: "So that it starts at each boot",
      wantedBy: "multi-user.target",
    },
    ...facts.isLive
      ? [
        {
          ...ours,
          kind: "restart-unit",
          id: `restart ${autokexecUnit}`,
          what: `start ${autokexecUnit}`,
          why:
            "From now on a desktop with the key can turn this machine into a server; it is announced and can be cancelled",
          changedBy: [unit.id, ...read],
          undo: "stop",
        } as const,
      ]
      : [],
  ];
}
