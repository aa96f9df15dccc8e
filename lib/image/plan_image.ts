/** From what the image shall be to the stages that make it. Pure. */
import type { ArchitectureName } from "../architecture.ts";
import type { Compressor, DriverConfig, PassOn } from "../config/config.ts";
import { kernelKeymap, parseKeymap } from "../config/keymap.ts";
import { formatLoaderHook } from "../debian/boot_loaders.ts";
import { formatNetbootHook } from "../debian/netboot_loaders.ts";
import { treePackages } from "../debian/bootstrap_tree.ts";
import { recordPackagesHook } from "../debian/unpack_packages.ts";
import { agentGrants, autokexecFlags, type Grants } from "../grants.ts";
import { formatKeymapHook } from "./keymap_hook.ts";
import { unwantedModulePatterns } from "./kernel_modules.ts";
import { formatNetbootMenu, formatNetbootScript } from "./netboot_menu.ts";
import { listGeneratedFiles } from "./generated_files.ts";
import { formatDebugLogin } from "./login_files.ts";
import type { Json, Stage } from "./stage.ts";
import { hashText } from "../hash.ts";
import { loadedByName } from "./shared_libraries.ts";
import { busyboxApplets, busyboxSystemApplets, excludedPaths } from "./trim_rules.ts";
import { type AgentSettings, formatAgentSettings } from "../formats/agent_settings.ts";
import type { Role } from "../formats/kernel_command_line.ts";

/**
 * Time of every file in the image, and of the build for the programs that ask: the image must not depend on when it
 * was made.
 */
export const sourceDateEpoch = 1735689600; // 2025-01-01T00:00:00Z

/** Everything the image is made from, in values. */
export interface ImageRequest {
  readonly suite: string;
  readonly architecture: ArchitectureName;
  readonly mirror: string;
  readonly components: readonly string[];
  readonly packages: readonly string[];
  readonly excludedPackages: readonly string[];
  /** Package to patterns of the only paths that are taken of it. */
  readonly partialPackages: Readonly<Record<string, readonly string[]>>;
  readonly excludedPaths: readonly string[];
  readonly modulePatterns: readonly string[];
  readonly drivers: readonly DriverConfig[];
  readonly compressor: Compressor;
  readonly shell: string;
  /** The console's keymap. `isConfigured`: a name that Debian does not know is an error, not the kernel's keymap. */
  readonly keymap: { readonly name: string; readonly isConfigured: boolean };
  /** As crypt(3) makes it; absent: the account is locked. */
  readonly passwordHash?: string;
  readonly isDebug: boolean;
  readonly agentForm: "compile" | "bundle";
  readonly agentSettings: AgentSettings;
  /** Files for desktops that start over the network are in the image. */
  readonly netboot?: { readonly cmdline: readonly string[] };
  /** Absent: the laptop passes no network on. */
  readonly passOn?: PassOn;
  /** What was found on the build machine. */
  readonly found: FoundInputs;
}

/** Fingerprints of files the image is made from. */
export interface FoundInputs {
  /** Hash of image/initrd. */
  readonly overlay: string;
  /** Hash of the sources that the agents may be made of. */
  readonly agentSources: string;
  /** Hash of the Deno (or denort) program that goes into the image. */
  readonly runtime: string;
  readonly sharedKey: string;
  /** Hash of the keys by which a machine without mmdebstrap fetches one. Absent: it has its own. */
  readonly archiveKeys?: string;
  /** Absent: there is none. */
  readonly engineSecret?: string;
}

/** The stages in the order of their parts in the initrd; `pack` is the last. */
export function planImage(request: ImageRequest): Stage[] {
  const { compressor, found } = request;
  const compression: Json = [compressor.program, ...compressor.arguments];
  const tools = planTools(request);
  const needsTools = tools.map(({ name }) => name);
  const debugLogin = formatDebugLogin(request);
  return [
    ...tools,
    {
      name: "base",
      title: `Debian ${request.suite} packages`,
      needs: needsTools,
      inputs: {
        version: 1,
        suite: request.suite,
        mirror: request.mirror,
        components: request.components,
        packages: request.packages,
        hook: recordPackagesHook,
      },
    },
    {
      name: "trim",
      title: "programs and libraries",
      needs: ["base"],
      inputs: {
        version: 1,
        excludedPackages: request.excludedPackages,
        excludedPaths: [...excludedPaths, ...request.excludedPaths],
        loadedByName,
        partialPackages: request.partialPackages,
        applets: [busyboxApplets, busyboxSystemApplets],
        compression,
      },
    },
    ...planCompile(request),
    {
      name: "drivers",
      title: "kernel modules",
      needs: request.drivers.length > 0 ? ["base", "compile"] : ["base"],
      inputs: {
        version: 1,
        wanted: request.modulePatterns,
        unwanted: unwantedModulePatterns,
        compression,
      },
    },
    {
      name: "overlay",
      title: "start-up files",
      needs: [],
      inputs: {
        version: 1,
        files: found.overlay,
        generated: listGeneratedFiles(request).map((file) => ({ ...file })),
        compression,
      },
    },
    ...planKeymap(request),
    {
      name: "runtime",
      title: "Deno runtime",
      needs: [],
      inputs: { version: 2, form: request.agentForm, runtime: found.runtime, compression },
    },
    {
      name: "agents",
      title: `agents (${request.agentForm})`,
      needs: request.agentForm === "compile" ? ["runtime"] : [],
      inputs: {
        version: 3,
        form: request.agentForm,
        sources: found.agentSources,
        runtime: found.runtime,
        grants: agentGrants as unknown as Record<Role, Grants & Json>,
        compression,
      },
    },
    {
      name: "autokexec",
      title: `autokexec agent (${request.agentForm})`,
      needs: [],
      inputs: {
        version: 2,
        form: request.agentForm,
        sources: found.agentSources,
        runtime: found.runtime,
        flags: autokexecFlags,
      },
    },
    {
      name: "loaders",
      title: "boot loaders for a stick",
      needs: needsTools,
      inputs: {
        ...{ version: 1, suite: request.suite, mirror: request.mirror },
        hook: formatLoaderHook(request.suite, request.architecture),
      },
    },
    ...planNetboot(request),
    {
      name: "secrets",
      title: "key and settings",
      needs: [],
      // Only fingerprints: a key in the cache's index would be one more place to look after.
      inputs: {
        ...{ version: 1, key: found.sharedKey, settings: hashText(formatAgentSettings(request.agentSettings)) },
        ...found.engineSecret === undefined ? {} : { engineSecret: found.engineSecret },
        ...debugLogin.length === 0 ? {} : { login: hashText(JSON.stringify(debugLogin)) },
      },
    },
    {
      name: "pack",
      title: "kernel, initrd and manifest",
      needs: [
        ...["base", "trim", "drivers", "overlay"] as const,
        ...planKeymap(request).map(({ name }) => name),
        ...["runtime", "agents"] as const,
        ...planNetboot(request).map(({ name }) => name),
        "secrets",
      ],
      // The fingerprints of parts are those of their content before it was compressed.
      inputs: { version: 7, compression, form: request.agentForm, isDebug: request.isDebug },
    },
  ];
}

/** Only where mmdebstrap has to be fetched. */
function planTools({ found, mirror, suite }: ImageRequest): Stage[] {
  if (found.archiveKeys === undefined) return [];
  return [{
    name: "tools",
    title: "mmdebstrap, by debootstrap",
    needs: [],
    inputs: { version: 1, suite, mirror, packages: treePackages, keys: found.archiveKeys },
  }];
}

/** Only for other keys than the kernel's own. */
function planKeymap(request: ImageRequest): Stage[] {
  const { keymap, mirror, suite } = request;
  if (keymap.name === kernelKeymap) return [];
  const layouts = parseKeymap(keymap.name);
  const hook = layouts === undefined ? null : formatKeymapHook(layouts);
  return [{
    name: "keymap",
    title: "keys of the console",
    needs: planTools(request).map(({ name }) => name),
    inputs: { version: 1, suite, mirror, keymap, hook },
  }];
}

/** Only when the laptop starts desktops over the network. */
function planNetboot(request: ImageRequest): Stage[] {
  const { mirror, netboot, suite } = request;
  if (netboot === undefined) return [];
  return [{
    name: "netboot",
    title: "boot loaders for the network",
    needs: ["base", ...planTools(request).map(({ name }) => name)],
    inputs: {
      version: 1,
      suite,
      mirror,
      hook: formatNetbootHook(),
      menu: formatNetbootMenu(netboot) + formatNetbootScript(netboot),
    },
  }];
}

/** Only when drivers are to be compiled from source. */
function planCompile(request: ImageRequest): Stage[] {
  const { drivers, mirror, suite } = request;
  if (drivers.length === 0) return [];
  return [{
    name: "compile",
    title: "drivers from source",
    needs: ["base", ...planTools(request).map(({ name }) => name)],
    inputs: { version: 1, suite, mirror, drivers: drivers as unknown as Json },
  }];
}
