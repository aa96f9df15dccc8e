/** Enables a unit of systemd for good; undone by disabling it, which stops it on the running system. */

import type { Host } from "../host.ts";
import { dropEntry, findUnit, putEntry } from "../journal.ts";
import { makeParents } from "../made_directories.ts";
import type { Described, OperationKind } from "../operation.ts";
import type { UndoAction, UndoKind } from "../undo_action.ts";
import { isEnabled } from "../unit_state.ts";

export interface EnableUnit extends Described {
  readonly kind: "enable-unit";
  readonly unit: string;
  /** The target of its `WantedBy=`, whose directory of links may have to be made. */
  readonly wantedBy: string;
}

export const enableUnit: OperationKind<EnableUnit> = {
  kind: "enable-unit",
  isProgram: true,
  inspect: async (host, { unit }) => ({
    status: await isEnabled(host, unit) ? "unchanged" : "needed",
    change: [],
    isForeign: false,
  }),
  perform: async (host, { unit, wantedBy }) => {
    await makeParents(host, `/etc/systemd/system/${wantedBy}.wants/${unit}`);
    if (findUnit(host.journal.current, unit) === undefined) {
      const wasEnabled = await isEnabled(host, unit);
      await host.journal.update((journal) => putEntry(journal, { kind: "unit", unit, wasEnabled }));
    }
    await host.tree.run(["systemctl", "enable", unit], { timeoutMs: 60_000 });
  },
};

type DisableUnit = Extract<UndoAction, { kind: "disable-unit" }>;

export const disableUnit: UndoKind<DisableUnit> = {
  kind: "disable-unit",
  propose: (_host, { entry, isStopped }) =>
    Promise.resolve({
      what: `disable ${entry.unit}`,
      why: isStopped ? "It is stopped, and no longer started at boot" : "It is no longer started at boot",
      effect: "",
      change: [],
    }),
  perform: async (host: Host, { entry, isStopped }) => {
    const now = isStopped ? ["--now"] : [];
    await host.tree.run(["systemctl", "disable", ...now, entry.unit], { timeoutMs: 2 * 60_000 });
    await host.journal.update((journal) => dropEntry(journal, entry));
  },
};
