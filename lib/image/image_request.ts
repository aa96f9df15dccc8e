/** From the configuration to what the image is made from. Pure. */
import type { Config } from "../config/config.ts";
import { kernelKeymap } from "../config/keymap.ts";
import { findModule, type Module } from "../config/module_catalog.ts";
import type { AgentSettings } from "../formats/agent_settings.ts";
import { defaultSecurity } from "../formats/security.ts";
import { usualFirmwarePackages } from "../formats/firmware_packages.ts";
import { basePackages, kernelPackage, netbootPackages, partialPackages, unneededPackages } from "./base_packages.ts";
import { baseModulePatterns } from "./kernel_modules.ts";
import { passOnModulePatterns, passOnPackages } from "./pass_on.ts";
import type { FoundInputs, ImageRequest } from "./plan_image.ts";

/** What the configuration does not say: it was asked for on the command line or found on the build machine. */
export interface RequestContext {
  readonly mirror: string;
  readonly agentForm: "compile" | "bundle";
  /** What this machine's own console has; absent: its files name none. */
  readonly hostKeymap?: string | undefined;
  /** As crypt(3) makes it, for a debugging image. */
  readonly passwordHash?: string;
  readonly found: FoundInputs;
}

export function makeImageRequest(
  config: Config,
  { mirror, agentForm, hostKeymap, passwordHash, found }: RequestContext,
): ImageRequest {
  const modules = [...config.modules].map(findModule).filter((module) => module !== undefined);
  // What the configuration names comes whole.
  const { packing, includePackages: asked } = config.initrd;
  const isDebug = config.modules.has("debug");
  const wantsFirmware = config.image.firmware;
  const { passOn } = config.server;
  return {
    suite: config.image.suite,
    architecture: config.image.architecture,
    mirror,
    components: wantsFirmware || asked.some((name) => name.startsWith("firmware-"))
      ? ["main", "non-free-firmware"]
      : ["main"],
    packages: unique([
      kernelPackage(config.image.architecture),
      ...basePackages,
      ...modules.flatMap((module: Module) => module.packages),
      ...(wantsFirmware ? usualFirmwarePackages : []),
      ...(config.netboot.links.length > 0 ? netbootPackages : []),
      ...(passOn === undefined ? [] : passOnPackages),
      ...asked,
    ]),
    excludedPackages: unique([...unneededPackages.filter((name) => !asked.includes(name)), ...packing.excludePackages]),
    partialPackages: isDebug
      ? {}
      : Object.fromEntries(Object.entries(partialPackages).filter(([name]) => !asked.includes(name))),
    excludedPaths: packing.excludePaths,
    modulePatterns: unique([
      ...baseModulePatterns,
      ...modules.flatMap((module: Module) => module.kernelModules),
      ...(passOn === undefined ? [] : passOnModulePatterns),
    ]),
    drivers: config.drivers,
    compressor: packing.compressor,
    shell: config.initrd.shell,
    keymap: {
      name: config.initrd.keymap ?? hostKeymap ?? kernelKeymap,
      isConfigured: config.initrd.keymap !== undefined,
    },
    ...(passwordHash === undefined ? {} : { passwordHash }),
    isDebug,
    agentForm,
    ...(config.netboot.links.length > 0 ? { netboot: makeNetbootRequest(config) } : {}),
    agentSettings: makeAgentSettings(config),
    ...(passOn === undefined ? {} : { passOn }),
    found,
  };
}

/** A desktop that starts over the network gets no settings: what it has to know of them is in its menu. */
function makeNetbootRequest({ block, netboot }: Config): NonNullable<ImageRequest["netboot"]> {
  return { cmdline: [...block.mode === "write" ? [] : [`stiefel.mode=${block.mode}`], ...netboot.cmdline] };
}

/** What the agents need of the configuration; they never read YAML. */
export function makeAgentSettings({ block, boot, netboot, network, server }: Config): AgentSettings {
  return {
    version: 1,
    boot: {
      ...(boot.disk === undefined ? {} : { disk: boot.disk }),
      ...(boot.part === undefined ? {} : { part: boot.part }),
      ...(boot.load === undefined ? {} : { load: boot.load }),
    },
    ...(block.security === defaultSecurity ? {} : { security: block.security }),
    ...(block.transport === "auto" ? {} : { transport: block.transport }),
    ...(block.mode === "write" ? {} : { mode: block.mode }),
    ...(block.engine === undefined ? {} : { engine: block.engine.target }),
    ...(netboot.links.length === 0 ? {} : { netboot: { macs: netboot.links } }),
    ...(network.vlan === undefined ? {} : { vlan: network.vlan }),
    onEnd: server.onEnd,
    ...(server.name === undefined ? {} : { name: server.name }),
  };
}

function unique(values: readonly string[]): string[] {
  return [...new Set(values)];
}
