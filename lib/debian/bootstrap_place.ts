/**
 * Where mmdebstrap puts together what it makes (its TMPDIR), so that nothing of it stays when it is killed.
 *
 * As root it works in the directory of the work itself, and goes with it. An ordinary user's mmdebstrap is one of the
 * user's subordinate ids, who may not look into a home directory, and so not into the cache (mmdebstrap(1), "TMPDIR"):
 * it gets a directory in /tmp, which a note in the directory of the work names before it is made.
 */
import type { System } from "../system/system.ts";
import { removeTree } from "../system/subordinate_ids.ts";
import type { BootstrapHost } from "./bootstrap_program.ts";

const noteName = "bootstrap-place";
/** A note that says anything else was not written by us. */
const placePattern = /^\/tmp\/stiefelsystem-[0-9a-f]{16}$/;

export interface BootstrapWork {
  readonly host: BootstrapHost;
  /** The directory of the work, which is removed when it fails. */
  readonly directory: string;
}

/** @returns what `work` returns; the place is gone then, and also when it fails */
export async function withBootstrapPlace<Result>(
  system: System,
  { host, directory }: BootstrapWork,
  work: (environment: { readonly TMPDIR: string }) => Promise<Result>,
): Promise<Result> {
  if (host.mode === "root") return await work({ TMPDIR: directory });
  const place = `/tmp/stiefelsystem-${system.randomBytes(8).toHex()}`;
  await system.writeFile(`${directory}/${noteName}`, place);
  try {
    await system.makeDirectory(place);
    await system.chmod(place, 0o1777); // as /tmp itself: the subordinate ids make their files there
    return await work({ TMPDIR: place });
  } finally {
    await removeBootstrapPlace(system, directory);
  }
}

/**
 * Removes what {@link withBootstrapPlace} has left in /tmp for this directory. Nothing there is fine. Runs `id`,
 * `unshare`, `rm`.
 */
export async function removeBootstrapPlace(system: System, directory: string): Promise<void> {
  const note = `${directory}/${noteName}`;
  if ((await system.lstat(note))?.kind !== "file") return;
  const place = await system.readText(note);
  if (placePattern.test(place)) await removeTree(system, place);
  await system.remove(note);
}
