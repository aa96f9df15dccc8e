/** What every function that looks at or changes a host is given. */

import type { Ui } from "../ui.ts";
import type { System } from "../system/system.ts";
import { type JournalStore, openJournalStore } from "./journal_store.ts";
import { type HostTree, openHostTree } from "./tree.ts";

export interface Host {
  readonly system: System;
  readonly tree: HostTree;
  readonly ui: Ui;
  readonly journal: JournalStore;
}

export interface OpenHostOptions {
  /** Directory of the tree to change. Default "/", the running system. */
  readonly root?: string;
  /** The same, opened already. */
  readonly tree?: HostTree;
}

/** @throws {UserError} when the root is no directory or its journal cannot be used */
export async function openHost(system: System, ui: Ui, options: OpenHostOptions = {}): Promise<Host> {
  const tree = options.tree ?? await openHostTree(system, options.root);
  return { system, tree, ui, journal: await openJournalStore(system, tree) };
}
