/** The address that a session adds to a link of the laptop, and the desktop's place on that link. Runs `ip`. */
import { describeError } from "../../lib/errors.ts";
import type { Arrival } from "../../lib/export/session_plan.ts";
import type { ExportState } from "../../lib/export/export_state.ts";
import type { Link } from "../../lib/system/facts.ts";
import type { System } from "../../lib/system/system.ts";
import type { Console } from "../shared/console.ts";

export type LinkAddress = NonNullable<ExportState["linkAddress"]>;

interface Machine {
  readonly system: System;
  readonly console: Console;
}

/** @throws {CommandError} when the link does not take it */
export async function addSessionAddress(machine: Machine, added: LinkAddress): Promise<void> {
  await machine.system.run(addArguments(added), { timeoutMs: 10_000 });
  await pinNeighbour(machine, added);
}

/** Gives the link its address again. Never rejects. */
export async function restoreSessionAddress(machine: Machine, missing: LinkAddress): Promise<void> {
  const { system, console } = machine;
  try {
    // 2: it is there again, or the link went away meanwhile
    const { exitCode } = await system.run(addArguments(missing), { timeoutMs: 10_000, acceptExitCodes: [0, 2] });
    if (exitCode !== 0) return;
    await pinNeighbour(machine, missing);
    console.say(`The link ${missing.link} has the desktop's address again`);
  } catch (error) {
    console.sayRarely(`The desktop's address could not be set again: ${describeError(error)}`);
  }
}

/** Never rejects: it may never have been added, or be gone with its link. */
export async function removeSessionAddress({ system }: Machine, removed: LinkAddress): Promise<void> {
  const { link, address, neighbour } = removed;
  const options = { timeoutMs: 10_000, isCleanup: true } as const;
  await system.run(["ip", "-6", "address", "del", address, "dev", link], options).catch(() => {});
  if (neighbour === undefined) return;
  await system.run(["ip", "-6", "neighbour", "del", neighbour.address, "dev", link], options).catch(() => {});
}

/** The address of a session, if the link that should have it is there without it. Pure. */
export function findMissingAddress(
  links: readonly Link[],
  wanted: LinkAddress | undefined,
): LinkAddress | undefined {
  const link = links.find(({ name }) => name === wanted?.link);
  if (wanted === undefined || link === undefined) return undefined;
  const isThere = link.addresses.some(({ address, prefixLength }) => `${address}/${prefixLength}` === wanted.address);
  return isThere ? undefined : wanted;
}

/** The link of ours that a desktop came by. Pure. */
export function findArrivalLink(links: readonly Link[], arrival: Arrival): Link | undefined {
  return links.find((link) =>
    arrival.kind === "link"
      ? link.name === arrival.link
      : link.addresses.some(({ address }) => address === arrival.localAddress)
  );
}

/** Who forges answers on the link does not get the desktop's packets. Not worth a session when it fails. */
async function pinNeighbour({ system, console }: Machine, { link, neighbour }: LinkAddress): Promise<void> {
  if (neighbour === undefined) return;
  const argv = ["ip", "-6", "neighbour", "replace", neighbour.address, "lladdr", neighbour.mac, "dev", link];
  await system.run([...argv, "nud", "permanent"], { timeoutMs: 10_000 })
    .catch((error) => console.sayRarely(`Cannot fix the desktop's address on the link: ${describeError(error)}`));
}

/** nodad: the prefix was made for this session, no other machine can have the address. */
function addArguments({ address, link }: LinkAddress): readonly string[] {
  return ["ip", "-6", "address", "add", address, "dev", link, "nodad"];
}
