/** What a laptop lacks of the programs that desktops need: all of the common ones, and all of one transport. Pure. */

import { engineTransport } from "../formats/engine.ts";
import type { HostFacts } from "./host_facts.ts";
import {
  chooseTransports,
  commonPrograms,
  type InitramfsNeed,
  initramfsNeeds,
  listedTransports,
  transportModules,
  transportPrograms,
  tunnelModules,
} from "../initramfs/needs.ts";

export interface LackingPrograms {
  /** What has to be installed; empty when desktops can be served. */
  readonly lacking: readonly string[];
  readonly transports: {
    readonly usable: readonly string[];
    /** Those that lack something, though others do not. */
    readonly unusable: readonly string[];
  };
  /** Desktops can encrypt the disk's blocks. */
  readonly canTunnel: boolean;
}

/**
 * @param host what is not installed of the list, and modules that the kernel has not
 * @param options.withKexec the laptop turns into a server by itself
 */
export function lackingPrograms(
  { missing, missingModules }: Pick<HostFacts, "missing" | "missingModules">,
  { withKexec = false, needs = initramfsNeeds }: {
    readonly withKexec?: boolean;
    readonly needs?: readonly InitramfsNeed[];
  } = {},
): LackingPrograms {
  const transports = listedTransports(needs);
  const withModules = transports.filter((transport) =>
    transportModules(transport, needs).every(({ name }) => !missingModules.includes(name))
  );
  const { usable, lacking } = chooseTransports(
    withModules.length === 0 ? transports : withModules,
    (transport) => transportPrograms(transport, needs).filter((program) => missing.includes(program)),
  );
  const common = [...commonPrograms(needs), ...withKexec ? ["kexec"] : []];
  return {
    lacking: [...lacking, ...common.filter((program) => missing.includes(program))],
    canTunnel: !tunnelModules.some((name) => missingModules.includes(name)),
    transports: { usable, unusable: transports.filter((transport) => !usable.includes(transport)) },
  };
}

/** @returns which transports desktops can use; undefined where there is no choice */
export function describeTransports(transports: LackingPrograms["transports"]): string | undefined {
  // A storage system's disk is no choice of a laptop's.
  const [usable, unusable] = [transports.usable, transports.unusable].map((names) =>
    names.filter((name) => name !== engineTransport)
  );
  if (usable === undefined || unusable === undefined) return undefined;
  if (usable.length + unusable.length < 2 || usable.length === 0) return undefined;
  const others = unusable.length === 0 ? "" : ` (${unusable.join(", ")} lacks a program or kernel module)`;
  return `Desktops attach the disk by ${usable.join(" or ")}${others}`;
}
