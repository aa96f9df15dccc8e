/**
 * What an initramfs for desktops needs: the list that its hooks read when it is built, which is installed on the
 * laptop. Data; pure.
 */

import text from "../../image/host/generic/usr/lib/stiefelsystem/needs" with { type: "text" };

/** One line of the list; its head says what the words mean. */
export interface InitramfsNeed {
  /** "attach", "link", …, "disk/NAME" for a transport. */
  readonly purpose: string;
  readonly kind: string;
  readonly name: string;
  /** The rest of the line; empty if there is none. */
  readonly more: string;
}

/** For tests: {@link initramfsNeeds} holds the result. */
export function parseNeeds(list: string): readonly InitramfsNeed[] {
  return list.split("\n").filter((line) => line !== "" && !line.startsWith("#")).map((line) => {
    const [purpose = "", kind = "", name = "", ...more] = line.split(" ");
    return { purpose, kind, name, more: more.join(" ") };
  });
}

export const initramfsNeeds: readonly InitramfsNeed[] = parseNeeds(text);

const transportPrefix = "disk/";

/** Names of the transports for which the list has lines. */
export function listedTransports(needs: readonly InitramfsNeed[] = initramfsNeeds): readonly string[] {
  const names = needs.filter(({ purpose }) => purpose.startsWith(transportPrefix))
    .map(({ purpose }) => purpose.slice(transportPrefix.length));
  return [...new Set(names)];
}

/** Programs that the laptop must have, whatever the transport. */
export function commonPrograms(needs: readonly InitramfsNeed[] = initramfsNeeds): readonly string[] {
  return needs.filter(({ purpose, kind }) => purpose === "attach" && (kind === "program" || kind === "tool"))
    .map(({ name }) => name);
}

/** Kernel modules without which a desktop cannot encrypt the disk's blocks. */
export const tunnelModules: readonly string[] = namesOf("tunnel", "module", initramfsNeeds).map(({ name }) => name);

/** The kernel module without which a desktop has no VLAN (`network.vlan`). */
export const vlanModule = "8021q";

/** Programs that the laptop must have for a transport. */
export function transportPrograms(
  transport: string,
  needs: readonly InitramfsNeed[] = initramfsNeeds,
): readonly string[] {
  return namesOf(transportPrefix + transport, "program", needs).map(({ name }) => name);
}

/** Kernel modules that a desktop loads for a transport, and the kernel's option for each. */
export function transportModules(
  transport: string,
  needs: readonly InitramfsNeed[] = initramfsNeeds,
): readonly { readonly name: string; readonly option: string }[] {
  return namesOf(transportPrefix + transport, "module", needs).map(({ name, more }) => ({ name, option: more }));
}

function namesOf(purpose: string, kind: string, needs: readonly InitramfsNeed[]): readonly InitramfsNeed[] {
  return needs.filter((need) => need.purpose === purpose && need.kind === kind);
}

export interface TransportChoice {
  /** Transports that have all they need. */
  readonly usable: readonly string[];
  /** Where there is none: what the one lacks that comes first in the list. */
  readonly lacking: readonly string[];
}

/**
 * A laptop needs all of one transport, not of each.
 * @param findLacking what a transport lacks
 */
export function chooseTransports(
  transports: readonly string[],
  findLacking: (transport: string) => readonly string[],
): TransportChoice {
  const usable = transports.filter((transport) => findLacking(transport).length === 0);
  const [first] = transports;
  return { usable, lacking: usable.length > 0 || first === undefined ? [] : findLacking(first) };
}
