/**
 * The one screen before anything is sent: what this desktop is, and what the laptop says. Plain text that fits 80
 * columns and 25 lines. Pure.
 */
import type { KernelTrust } from "../../lib/boot/kernel_trust.ts";
import { formatBytes } from "../../lib/format_bytes.ts";
import type { WelcomeMessage } from "../../lib/protocol/boot_exchange.ts";
import { nameMissingFirmware } from "../shared/missing_firmware.ts";
import type { DesktopFacts, LinkFacts } from "./desktop_facts.ts";
import { describeKey, type WaitingKey } from "./waiting_page.ts";

export interface PageFacts {
  readonly desktop: DesktopFacts;
  readonly links: readonly LinkFacts[];
  /** By which the laptop was believed. */
  readonly key: WaitingKey;
  /** What the laptop calls itself, or the address it was found at. */
  readonly laptopName: string;
  readonly welcome: WelcomeMessage;
  readonly trust: KernelTrust;
}

const columns = 80;
const labelColumns = 16;
/** More of a kind are counted. */
const maximumLinks = 4;
const maximumMissing = 2;

/** @returns lines */
export function formatStartPage(facts: PageFacts): readonly string[] {
  const { desktop, links, welcome } = facts;
  const { disk } = welcome;
  return [
    "This desktop",
    ...row("firmware", describeFirmware(desktop)),
    ...row("memory", desktop.memoryBytes === undefined ? "?" : formatBytes(desktop.memoryBytes)),
    ...row("key", describeKey(facts.key)),
    ...rows(links.map(describeLink), maximumLinks, "network card"),
    ...describeMissing(desktop),
    ...wrap(`The laptop "${facts.laptopName}"`, 2),
    ...row("disk", `${disk.model === undefined ? "" : `${disk.model}, `}${formatBytes(disk.sizeBytes)} (${disk.name})`),
    ...row("its kernel", describeKernel(welcome, facts.trust)),
    ...row("passphrase", welcome.needsPassphrase ? "is needed for its disk" : "is not needed before the start"),
  ];
}

function describeFirmware({ firmware, isSecureBoot, lockdown }: DesktopFacts): string {
  const secureBoot = firmware === "BIOS"
    ? []
    : [`Secure Boot ${isSecureBoot === undefined ? "?" : isSecureBoot ? "on" : "off"}`];
  const locked = lockdown === undefined ? [] : [`kernel locked down (${lockdown})`];
  return [firmware ?? "?", ...secureBoot, ...locked].join(", ");
}

function describeLink({ name, hasCarrier, speed, driver }: LinkFacts): readonly [label: string, text: string] {
  const state = hasCarrier ? `${speed ?? "?"} Mbit/s` : "no cable";
  return [name, `${state}, driver ${driver ?? "?"}`];
}

function describeMissing({ missingFirmware }: DesktopFacts): readonly string[] {
  if (missingFirmware === undefined || missingFirmware.length === 0) return [];
  const entries = missingFirmware.map((missing) => ["no firmware", nameMissingFirmware(missing)] as const);
  return rows(entries, maximumMissing, "missing file");
}

function describeKernel({ kernelSignature: signature, needsPassphrase }: WelcomeMessage, trust: KernelTrust): string {
  if (signature === undefined) return needsPassphrase ? "not known before the passphrase" : "?";
  if (signature.kind === "none") return "not signed";
  if (signature.kind === "broken") return "changed after it was signed";
  const signer = `signed by "${signature.names.at(-1) ?? "?"}"`;
  switch (trust.kind) {
    case "trusted":
      return `${signer}, trusted here`;
    case "untrusted":
      return `${signer}, not trusted here`;
    default:
      return signer;
  }
}

function rows(
  entries: readonly (readonly [label: string, text: string])[],
  most: number,
  what: string,
): readonly string[] {
  const more = entries.length - most;
  return [
    ...entries.slice(0, most).flatMap(([label, text]) => row(label, text)),
    ...more > 0 ? row("", `and ${more} more ${what}${more === 1 ? "" : "s"}`) : [],
  ];
}

function row(label: string, text: string): readonly string[] {
  return wrap(`  ${`${label} `.padEnd(labelColumns - 2)}${text}`, labelColumns);
}

/** Lines of at most 80 columns; a word that is longer than a line is cut into pieces. */
function wrap(text: string, indent: number): readonly string[] {
  const lines: string[] = [];
  let rest = [...text];
  while (rest.length > columns) {
    const blank = rest.lastIndexOf(" ", columns);
    const end = blank > indent ? blank : columns;
    lines.push(rest.slice(0, end).join(""));
    rest = [..." ".repeat(indent), ...rest.slice(blank > indent ? end + 1 : end)];
  }
  return [...lines, rest.join("")];
}
