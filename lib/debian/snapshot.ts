/** Where snapshot.debian.org has a state of Debian's archive. Runs `timeout`, `rm`. */
import { CommandError, UserError } from "../errors.ts";
import type { System } from "../system/system.ts";
import { fetchRelease } from "./check_mirror.ts";
import { formatSnapshot, formatTime, parseTime } from "./snapshot_name.ts";

/**
 * The service takes states some hours after they were made, and answers for any time with the last state before it: so
 * many hours later the one that is looked for is the last.
 */
const delaysHours = [0, 1, 3, 6, 9, 12, 18, 24, 36, 48] as const;

/**
 * Finds the folder of a state.
 * @param mirror the service's folder, then the state's name
 * @param parent a folder of ours, where what is fetched lies for a moment
 * @throws {UserError} when the service does not have it
 */
export async function findSnapshot(
  system: System,
  { mirror, suite }: { readonly mirror: string; readonly suite: string },
  parent: string,
): Promise<string> {
  const path = mirror.replace(/\/$/, "");
  const snapshot = path.slice(path.lastIndexOf("/") + 1);
  const service = path.slice(0, path.lastIndexOf("/"));
  const seen: string[] = [];
  for (const hours of delaysHours) {
    const candidate = `${service}/${formatTime(parseTime(snapshot) + hours * 3_600_000)}`;
    const found = await readState(system, { mirror: candidate, suite }, parent);
    if (found === snapshot) return candidate;
    if (found !== undefined) seen.push(found);
    // A later state: the one that is looked for was never taken.
    if (found !== undefined && found > snapshot) break;
  }
  throw new UserError(`The state ${snapshot} of Debian's "${suite}" was not found at ${service}`, {
    hints: [
      seen.length === 0
        ? "It gave no list of packages: is it reached, and is the suite right?"
        : `Around that time it has ${[...new Set(seen)].join(", ")}`,
      'A manifest.json names the state that its image was made from: "debian", "snapshot"',
    ],
  });
}

/** @returns undefined where there is none */
async function readState(
  system: System,
  question: { readonly mirror: string; readonly suite: string },
  parent: string,
): Promise<string | undefined> {
  try {
    const date = /^Date: *(.*)$/m.exec(await fetchRelease(system, question, parent))?.[1];
    return date === undefined ? undefined : formatSnapshot(date);
  } catch (error) {
    if (error instanceof CommandError) return undefined;
    throw error;
  }
}
