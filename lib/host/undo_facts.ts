/** Looks at what the journal's entries are about. */

import type { FileState } from "./file_state.ts";
import type { Host } from "./host.ts";
import type { HostPath } from "./host_path.ts";
import type { JournalEntry } from "./journal.ts";
import { type UndoFacts, unitOf } from "./undo_plan.ts";
import { isActive, isEnabled } from "./unit_state.ts";

/** Runs `systemctl`. */
export async function gatherUndoFacts(host: Host, entries: readonly JournalEntry[]): Promise<UndoFacts> {
  // In a chroot, as in a rescue system, systemctl stops nothing and fails where it shall (host_facts.ts, isLive).
  const isRunning = host.tree.isRunning && await host.tree.exists("/run/systemd/system");
  const enabled = new Set<string>();
  const active = new Set<string>();
  for (const entry of entries) {
    const unit = unitOf(entry);
    if (unit === undefined) continue;
    const mayRun = entry.kind === "command" && entry.hasRun && isRunning;
    if (mayRun && await isActive(host, unit)) active.add(unit);
    if ((entry.kind === "unit" || active.has(unit)) && await isEnabled(host, unit)) enabled.add(unit);
  }
  return { isRunning, files: await readStates(host, entries.flatMap(pathsOf)), enabled, active };
}

function pathsOf(entry: JournalEntry): readonly HostPath[] {
  if (entry.kind === "file") return [entry.path];
  return entry.kind === "command" ? entry.ownPaths ?? [] : [];
}

export async function readStates(
  { tree }: Host,
  paths: readonly HostPath[],
): Promise<ReadonlyMap<HostPath, FileState>> {
  const states = new Map<HostPath, FileState>();
  for (const path of paths) states.set(path, await tree.state(path));
  return states;
}
