/** Values of the file -> `Config`: names as the program uses them, the module `debug` applied, everything frozen. */

import { hashText } from "../hash.ts";
import { parseCompressor } from "./compressor.ts";
import type {
  BootConfig,
  BootPartConfig,
  Compressor,
  Config,
  DebugModuleConfig,
  DriverConfig,
  EngineConfig,
  InitrdConfig,
  PassOn,
} from "./config.ts";
import { type DriverRecipe, findModule, formerModules, KBUILD_ARGUMENTS, MODULE_CATALOG } from "./module_catalog.ts";
import { currentPackageName } from "./renamed_packages.ts";
import type { RawConfig } from "./schema.ts";

/** @param raw checked, alone and together: see `load_config.ts` */
export function makeConfig(raw: RawConfig): Config {
  const alwaysOn = MODULE_CATALOG.filter(({ isAlwaysOn }) => isAlwaysOn).map(({ name }) => name);
  const modules = new Set([...alwaysOn, ...raw.modules].filter((name) => !formerModules.has(name)));
  const debug = makeDebug(raw["module-configs"].debug);
  const initrd = makeInitrd(raw.initrd);
  return freezeDeeply<Config>({
    modules,
    boot: makeBoot(raw.boot),
    autokexec: {
      broadcast: raw.autokexec.broadcast,
      macs: raw.autokexec.mac_detection ? raw.autokexec.macs.map((mac) => mac.toLowerCase()) : [],
      countdownSeconds: raw.autokexec.countdown_s,
      clientTimeoutMinutes: raw.autokexec.client_timeout_min,
    },
    serverSetup: {
      stiefelsystemKernel: raw["server-setup"]["stiefelsystem-kernel"],
      stiefelsystemInitrd: raw["server-setup"]["stiefelsystem-initrd"],
      cmdline: raw["server-setup"].cmdline,
    },
    initrd: modules.has("debug") ? applyDebug(initrd, debug) : initrd,
    image: {
      suite: raw.image.suite,
      architecture: raw.image.architecture,
      agents: raw.image.agents,
      firmware: raw.image.firmware,
      ...present({ mirror: raw.image.mirror, snapshot: raw.image.snapshot }),
    },
    block: {
      security: raw.block.security,
      transport: raw.block.transport,
      mode: raw.block.mode,
      ...raw.block.engine === undefined || raw.block.engine === null ? {} : { engine: makeEngine(raw.block.engine) },
    },
    server: { onEnd: raw.server["on-end"], ...present({ name: raw.server.name, passOn: makePassOn(raw.server) }) },
    network: present({ vlan: raw.network.vlan }),
    netboot: { links: raw.netboot.links.map((mac) => mac.toLowerCase()), cmdline: raw.netboot.cmdline },
    drivers: [...modules].flatMap((name) => makeDriver(name, raw["module-configs"])),
    paths: present({ cache: raw.paths.cache, workdir: raw.paths.workdir }),
  });
}

function makeBoot({ disk, part, load }: RawConfig["boot"]): BootConfig {
  return present({ disk, part: part ? makePart(part) : undefined, load: load ?? undefined });
}

function makeEngine(raw: NonNullable<RawConfig["block"]["engine"]>): EngineConfig {
  const { addresses, port, subsystem, host, namespace, desktop } = raw;
  const named = /:uuid:([0-9a-f-]{36})$/.exec(host)?.[1];
  // The kernel wants one, and always the same for a name.
  const hash = hashText(`stiefelsystem host ${host}`);
  const made = hash.replace(/^(.{8})(.{4}).(.{3}).(.{3})(.{12}).*$/, "$1-$2-4$3-8$4-$5");
  return {
    target: {
      ...{ addresses, port, subsystem, host, hostId: raw["host-id"] ?? named ?? made, namespaceId: namespace, desktop },
      ...present({ gateway: raw.gateway, mtu: raw.mtu }),
    },
    ...present({ secretFile: raw["secret-file"] }),
  };
}

function makePart({ type, block, luks_block }: NonNullable<RawConfig["boot"]["part"]>): BootPartConfig {
  const place = block ?? luks_block;
  if (place === undefined) throw new TypeError("A boot partition without any device was not checked");
  return type === "plain" || luks_block === undefined
    ? { type: "plain", block: place }
    : { type: "luks", block: place, luksBlock: luks_block };
}

function makeInitrd(raw: RawConfig["initrd"]): InitrdConfig {
  return {
    includePackages: raw["include-packages"].map(currentPackageName),
    shell: raw.shell,
    password: raw.password,
    ...(raw.keymap === undefined ? {} : { keymap: raw.keymap }),
    packing: {
      compressor: compressorOf(raw.packing.compressor),
      excludePaths: raw.packing["exclude-paths"].map((path) =>
        path.split("/").filter((name) => name !== "" && name !== ".").join("/")
      ),
      excludePackages: raw.packing["exclude-packages"],
    },
  };
}

function makeDebug(raw: RawConfig["module-configs"]["debug"]): DebugModuleConfig {
  return {
    betterShell: raw["better-shell"],
    dontExcludePackages: raw["dont-exclude-packages"],
    dontExcludePaths: raw["dont-exclude-paths"],
    fasterCompressor: compressorOf(raw["faster-compressor"]),
    extraPackages: raw["extra-packages"].map(currentPackageName),
  };
}

function applyDebug(initrd: InitrdConfig, debug: DebugModuleConfig): InitrdConfig {
  return {
    ...initrd,
    includePackages: [...new Set([...initrd.includePackages, ...debug.extraPackages])],
    shell: debug.betterShell,
    packing: {
      compressor: debug.fasterCompressor,
      excludePaths: debug.dontExcludePaths ? [] : initrd.packing.excludePaths,
      excludePackages: debug.dontExcludePackages ? [] : initrd.packing.excludePackages,
    },
  };
}

function makeDriver(name: string, configs: RawConfig["module-configs"]): DriverConfig[] {
  const module = findModule(name);
  const options = Object.hasOwn(configs, name) ? configs[name] : undefined;
  if (module !== undefined && module.driver === undefined) return [];
  const catalogSource = module?.driver?.source;
  const url = options?.url ?? catalogSource?.url;
  if (url === undefined) return [];
  // Another repository's commits are others.
  const commit = options?.commit ?? (options?.url === undefined ? catalogSource?.commit : undefined);
  const { makeArguments, moduleNames, files, service }: Omit<DriverRecipe, "source"> = module?.driver ??
    { makeArguments: KBUILD_ARGUMENTS, moduleNames: [name], files: [] };
  return [{
    name,
    url,
    ...present({ sha256: options?.sha256?.toLowerCase(), commit: commit?.toLowerCase(), service }),
    makeArguments: options?.make ?? makeArguments,
    moduleNames: options?.modules ?? moduleNames,
    files,
  }];
}

function compressorOf(text: string): Compressor {
  const compressor = parseCompressor(text);
  if (compressor === undefined) throw new TypeError(`Compressor ${JSON.stringify(text)} was not checked`);
  return compressor;
}

type Present<Value> = { [Key in keyof Value]?: Exclude<Value[Key], undefined> };

/** Drops the keys without a value, which the optional properties of `Config` do not allow. */
function present<Value extends object>(value: Value): Present<Value> {
  return Object.fromEntries(Object.entries(value).filter(([, entry]) => entry !== undefined)) as Present<Value>;
}

function freezeDeeply<Value>(value: Value): Value {
  if (typeof value === "object" && value !== null && !Object.isFrozen(value)) {
    Object.freeze(value);
    Object.values(value).forEach(freezeDeeply);
  }
  return value;
}

function makePassOn({ "pass-on-from": from, "pass-on-to": to }: RawConfig["server"]): PassOn | undefined {
  const lower = (macs: readonly string[]): readonly string[] => macs.map((mac) => mac.toLowerCase());
  return from.length === 0 ? undefined : { from: lower(from), to: lower(to) };
}
