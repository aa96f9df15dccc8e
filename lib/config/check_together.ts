/** What no single value shows: rules between keys, and values that are right but will disappoint. */

import { usualArchitecture } from "../architecture.ts";
import { encodeUtf8 } from "../formats/text.ts";
import { addressFamily } from "../formats/address.ts";
import { quoteText } from "./diagnostics.ts";
import { findModule, formerModules, MODULE_CATALOG } from "./module_catalog.ts";
import { nearestName } from "./nearest_name.ts";
import { currentPackageName } from "./renamed_packages.ts";
import type { Report } from "./report.ts";
import type { RawConfig } from "./schema.ts";

/** The sections that are right in themselves. */
export type RawSections = Partial<RawConfig>;

/**
 * The kernel's limit on x86 is 2048 bytes with the closing zero (COMMAND_LINE_SIZE); the agents add a few parameters
 * of their own.
 */
const MAX_COMMAND_LINE = 1900;

/** Debian's suites from the first that has all we need: `non-free-firmware` came with bookworm. */
const KNOWN_SUITES: readonly string[] = [
  "bookworm",
  "trixie",
  "forky",
  "duke",
  "sid",
  "stable",
  "testing",
  "unstable",
  "oldstable",
];
const OLD_SUITES: readonly string[] = ["wheezy", "jessie", "stretch", "buster", "bullseye", "oldoldstable"];

export function checkTogether(sections: RawSections, report: Report): void {
  checkModules(sections, report);
  checkBootPart(report);
  checkEngine(sections, report);
  checkDrivers(sections, report);
  checkAutokexec(sections, report);
  checkPassOn(sections, report);
  checkVlan(sections, report);
  checkCommandLines(sections, report);
  checkSuite(sections, report);
  checkArchitecture(sections, report);
  checkCompressor(sections, report);
  checkPackages(sections, report);
}

interface ChosenModule {
  readonly name: string;
  readonly index: number;
}

/** Names in `modules`, also when another entry of the list is wrong. */
function chosenModules(report: Report): readonly ChosenModule[] {
  const node = report.nodeAt(["modules"]);
  if (node?.kind !== "list") return [];
  return node.items.flatMap((item, index) =>
    item.kind === "scalar" && typeof item.value === "string" ? [{ name: item.value, index }] : []
  );
}

/** Names under `module-configs`. */
function configuredModules(report: Report): readonly string[] {
  const node = report.nodeAt(["module-configs"]);
  return node?.kind === "map" ? node.entries.map(({ key }) => key) : [];
}

function checkModules({ modules }: RawSections, report: Report): void {
  const chosen = chosenModules(report);
  const knownModules = [...MODULE_CATALOG.map(({ name }) => name), ...configuredModules(report)];
  const seen = new Set<string>();
  for (const { name, index } of chosen) {
    const former = formerModules.get(name);
    if (former !== undefined) {
      report.warning(["modules", index], `no such entry: ${former}`);
    } else if (!knownModules.includes(name)) {
      const near = nearestName(name, knownModules);
      const hint = near === undefined ? "" : ` ("${near}" perhaps)`;
      report.error(
        ["modules", index],
        near === undefined
          ? `one of ${
            [...new Set(knownModules)].join(", ")
          }, or its source below "module-configs: ${name}:" (doc/config.md, "Drivers from source")`
          : `one of ${[...new Set(knownModules)].join(", ")}${hint}`,
        `the unknown module ${quoteText(name)}`,
      );
    } else if (seen.has(name)) {
      report.warning(["modules", index], "it once", `${quoteText(name)} again`);
    }
    seen.add(name);
  }
  checkSystems(chosen, report);
  if (modules === undefined) return;
  for (const { name } of MODULE_CATALOG.filter(({ isAlwaysOn }) => isAlwaysOn)) {
    if (!modules.includes(name)) {
      report.warning(["modules"], `"${name}" in the list (it is used all the same)`, `no "${name}"`);
    }
  }
}

function checkSystems(chosen: readonly ChosenModule[], report: Report): void {
  const systems = chosen.filter(({ name }) => findModule(name)?.isPayloadSystem);
  for (const { name, index } of systems.filter(({ name }) => name !== systems[0]?.name)) {
    const found = `${quoteText(name)} as another system`;
    report.error(["modules", index], "one of the system-* modules at most", found);
  }
}

function checkBootPart(report: Report): void {
  const path = ["boot", "part", "luks_block"];
  const type = report.nodeAt(["boot", "part", "type"]);
  const isLuks = type?.kind === "scalar" && type.value === "luks";
  const isPlain = type?.kind === "scalar" && type.value === "plain";
  const hasContainer = report.nodeAt(path) !== undefined;
  const hasBlock = report.nodeAt(["boot", "part", "block"]) !== undefined;
  if (isPlain && !hasBlock) {
    report.error(["boot", "part", "block"], `the file system's block device, as "type" is plain`, "nothing");
  }
  if (isLuks && !hasContainer) report.error(path, `the LUKS container's path, as "type" is luks`);
  if (isPlain && hasContainer) report.warning(path, `no such key with "type: plain" (it is not used)`);
}

function checkEngine({ block }: RawSections, report: Report): void {
  const engine = block?.engine;
  if (engine === undefined || engine === null) return;
  const [first = ""] = engine.addresses;
  const isOther = (text: string | undefined): boolean =>
    text !== undefined && addressFamily(text.replace(/\/.*$/, "")) !== addressFamily(first);
  const wanted = "an address of the engine's kind (IPv4 or IPv6)";
  if (isOther(engine.desktop)) report.error(["block", "engine", "desktop"], wanted);
  if (isOther(engine.gateway)) report.error(["block", "engine", "gateway"], wanted);
  if (block?.transport !== "auto") {
    report.warning(["block", "transport"], `no such key beside "engine" (it is not used)`);
  }
}

function checkDrivers({ modules, "module-configs": configs }: RawSections, report: Report): void {
  const chosen = modules ?? chosenModules(report).map(({ name }) => name);
  for (const name of configuredModules(report)) {
    const module = findModule(name);
    if (module !== undefined && module.driver === undefined && name !== "debug") {
      report.warning(["module-configs", name], "no options for this module", "options");
    } else if (module === undefined && !chosen.includes(name)) {
      const near = nearestName(name, MODULE_CATALOG.map((entry) => entry.name));
      const hint = near === undefined ? "" : ` ("${near}" perhaps)`;
      report.warning(
        ["module-configs", name],
        `the name of a module that is in "modules"${hint}`,
        `${quoteText(name)}, which is not chosen`,
      );
    }
  }
  if (configs === undefined) return;
  for (const name of chosen) {
    const module = findModule(name);
    const driver = Object.hasOwn(configs, name) ? configs[name] : undefined;
    if (driver === undefined || (module !== undefined && module.driver === undefined)) continue;
    const { url, sha256, commit } = driver;
    const path = ["module-configs", name];
    if (url === undefined && (module === undefined || sha256 !== undefined)) {
      report.error(
        [...path, "url"],
        `the https:// or file:// address of its source, as the module "${name}" is chosen`,
      );
    } else if (sha256 !== undefined && commit !== undefined) {
      report.error([...path, "sha256"], `no hash of an archive beside the commit of a git repository`);
    } else if (url !== undefined && sha256 === undefined && commit === undefined) {
      const catalogHint = module === undefined ? "" : '; without "url" the source that is known is used';
      report.warning(
        [...path, "sha256"],
        `"sha256: …", the 64 hex digits that sha256sum prints for ${url} (create-initrd needs it${catalogHint})`,
      );
    }
  }
}

function checkAutokexec({ autokexec }: RawSections, report: Report): void {
  if (autokexec?.mac_detection && autokexec.macs.length === 0) {
    report.error(
      ["autokexec", "mac_detection"],
      `at least one address in "macs", or false here`,
      "true without any MAC address",
    );
  }
}

/** Each is of no use without the other, and no card passes its network on to itself. */
function checkPassOn({ server, netboot }: RawSections, report: Report): void {
  const [from, to] = [server?.["pass-on-from"] ?? [], server?.["pass-on-to"] ?? []];
  if (from.length > 0 && to.length === 0) {
    report.error(["server", "pass-on-from"], `at least one address in "pass-on-to", or none here`, "addresses alone");
  } else if (to.length > 0 && from.length === 0) {
    report.error(["server", "pass-on-to"], `at least one address in "pass-on-from", or none here`, "addresses alone");
  }
  const findIn = (others: readonly string[]): string | undefined =>
    to.find((mac) => others.some((other) => other.toLowerCase() === mac.toLowerCase()));
  const [itself, served] = [findIn(from), findIn(netboot?.links ?? [])];
  if (itself !== undefined) report.error(["server", "pass-on-to"], `other cards than in "pass-on-from"`, itself);
  // Two DHCP servers on one card.
  if (served !== undefined) report.error(["server", "pass-on-to"], `other cards than in "netboot.links"`, served);
}

/** Firmwares send no tags; and a network is passed on over the card, not over a VLAN on it. */
function checkVlan({ network, netboot, server }: RawSections, report: Report): void {
  if (network?.vlan === undefined) return;
  const served = (netboot?.links ?? []).length > 0 ? "netboot.links" : undefined;
  const passed = (server?.["pass-on-to"] ?? []).length > 0 ? "server.pass-on-to" : undefined;
  const other = served ?? passed;
  if (other !== undefined) report.error(["network", "vlan"], `no VLAN where "${other}" has cards`, `${network.vlan}`);
}

function checkCommandLines({ boot, netboot, "server-setup": serverSetup }: RawSections, report: Report): void {
  const lines = [
    { path: ["boot", "load", "cmdline"], words: boot?.load?.cmdline ?? [] },
    { path: ["server-setup", "cmdline"], words: serverSetup?.cmdline ?? [] },
    { path: ["netboot", "cmdline"], words: netboot?.cmdline ?? [] },
  ];
  for (const { path, words } of lines) {
    const length = encodeUtf8(words.join(" ")).length;
    if (length > MAX_COMMAND_LINE) {
      report.error(
        path,
        `at most ${MAX_COMMAND_LINE}, so that the kernel takes all of them`,
        `${length} bytes of parameters`,
      );
    }
  }
}

function checkSuite({ image }: RawSections, report: Report): void {
  if (image === undefined) return;
  const path = ["image", "suite"];
  if (OLD_SUITES.includes(image.suite)) report.error(path, `"bookworm" or a later Debian suite`);
  else if (!KNOWN_SUITES.includes(image.suite)) {
    const near = nearestName(image.suite, KNOWN_SUITES);
    const found = `${quoteText(image.suite)}, no Debian suite known here`;
    // A mirror may have suites of its own, but hardly one that differs from Debian's by a letter.
    if (near !== undefined) report.error(path, `"${near}" perhaps (of ${KNOWN_SUITES.join(", ")})`, found);
    else report.warning(path, `a suite that the mirror has, as in "trixie"`, found);
  }
}

/** Compilers run here, and what boots desktops over the network is for the usual firmware. */
function checkArchitecture({ image, netboot }: RawSections, report: Report): void {
  if (image === undefined || image.architecture === usualArchitecture) return;
  const described = configuredModules(report).filter((name) => findModule(name) === undefined);
  const driver = chosenModules(report).find(({ name }) =>
    findModule(name)?.driver !== undefined || described.includes(name)
  );
  const path = ["image", "architecture"];
  if (driver !== undefined) {
    report.error(path, `"${usualArchitecture}", or no module "${driver.name}", which is compiled for no other`);
  } else if (netboot !== undefined && netboot.links.length > 0) {
    report.error(path, `"${usualArchitecture}", or nothing in "netboot.links", which starts no other desktops`);
  }
}

function checkCompressor({ initrd, modules }: RawSections, report: Report): void {
  if (initrd === undefined || modules?.includes("debug")) return;
  if (/^pigz\b.*-11\b/.test(initrd.packing.compressor)) {
    report.warning(["initrd", "packing", "compressor"], `"zstd -19 -T0", which packs smaller in a tenth of the time`);
  }
}

function checkPackages({ initrd, modules, "module-configs": configs }: RawSections, report: Report): void {
  const lists = [
    { path: ["initrd", "include-packages"], names: initrd?.["include-packages"] ?? [] },
    {
      path: ["module-configs", "debug", "extra-packages"],
      names: modules?.includes("debug") ? configs?.debug["extra-packages"] ?? [] : [],
    },
  ];
  for (const { path, names } of lists) {
    names.forEach((name, index) => {
      const current = currentPackageName(name);
      if (current !== name) report.warning([...path, index], `"${current}", which took its place and is used instead`);
    });
  }
}
