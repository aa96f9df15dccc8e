/** What a laptop lacks of the programs that desktops need: all of the common ones, and all of one transport. Pure. */

import {
  chooseTransports,
  commonPrograms,
  type InitramfsNeed,
  initramfsNeeds,
  listedTransports,
  transportPrograms,
} from "../initramfs/needs.ts";

export interface LackingPrograms {
  /** What has to be installed; empty when desktops can be served. */
  readonly lacking: readonly string[];
  readonly transports: {
    readonly usable: readonly string[];
    /** Those that lack something, though others do not. */
    readonly unusable: readonly string[];
  };
}

/**
 * @param missing programs of the list that are not installed
 * @param options.withKexec the laptop turns into a server by itself
 */
export function lackingPrograms(
  missing: readonly string[],
  { withKexec = false, needs = initramfsNeeds }: {
    readonly withKexec?: boolean;
    readonly needs?: readonly InitramfsNeed[];
  } = {},
): LackingPrograms {
  const transports = listedTransports(needs);
  const { usable, lacking } = chooseTransports(
    transports,
    (transport) => transportPrograms(transport, needs).filter((program) => missing.includes(program)),
  );
  const common = [...commonPrograms(needs), ...withKexec ? ["kexec"] : []];
  return {
    lacking: [...lacking, ...common.filter((program) => missing.includes(program))],
    transports: { usable, unusable: transports.filter((transport) => !usable.includes(transport)) },
  };
}

/** @returns which transports desktops can use; undefined where there is no choice */
export function describeTransports({ usable, unusable }: LackingPrograms["transports"]): string | undefined {
  if (usable.length + unusable.length < 2 || usable.length === 0) return undefined;
  const others = unusable.length === 0 ? "" : ` (not by ${unusable.join(", ")}: its programs are not installed)`;
  return `Desktops attach the disk by ${usable.join(" or ")}${others}`;
}
