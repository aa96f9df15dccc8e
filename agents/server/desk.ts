/**
 * Who has the disk right now, and the export to it. decide_lending.ts decides; here that is kept and carried out, and
 * written down for the agent that is started in our place should we fail.
 */
import { decideAfterExport } from "../../lib/export/after_export.ts";
import { transportOf } from "../../lib/export/export.ts";
import { type ExportState, formatExportState, parseExportState } from "../../lib/export/export_state.ts";
import type { Lease, LeaseClient } from "../../lib/export/lease.ts";
import { percentOf, WARN_PERCENT } from "../../lib/export/snapshot/plan_store.ts";
import { makeSnapshot, removeSnapshot, watchStore } from "../../lib/export/snapshot/snapshot.ts";
import { raiseTunnel, removeTunnel } from "../../lib/export/tunnel/raise_tunnel.ts";
import { maximumGuests } from "../../lib/protocol/session_groups.ts";
import type { Link } from "../../lib/system/facts.ts";
import type { System } from "../../lib/system/system.ts";
import type { Console } from "../shared/console.ts";
import { describeError } from "../../lib/errors.ts";
import {
  addSessionAddress,
  findMissingAddress,
  removeSessionAddress,
  restoreSessionAddress,
} from "./session_address.ts";
import { decideAdmission, decideAdoption, keepsNotes } from "./decide_lending.ts";
import type { SessionPlan } from "../../lib/export/session_plan.ts";
import type { ExportEnd, RunningExport } from "../../lib/export/transport.ts";
import {
  endHolding,
  findSlot,
  type Holding,
  type Lending,
  lendingOf,
  startHolding,
  stateOf,
  type Ticket,
} from "./holding.ts";

export type Admission =
  | { readonly kind: "granted"; readonly ticket: Ticket }
  | { readonly kind: "refused"; readonly message: string; readonly holder: string };

export interface DeskOptions {
  readonly system: System;
  readonly console: Console;
  /** A directory that lives as long as the export may: it is gone after a restart of the machine. */
  readonly directory: string;
  /** The disk is free again; `isDone` when a desktop that had it said goodbye. Not told by `close`. */
  readonly onFree: (isDone: boolean) => void;
  /** A guest has left, and another one is there still. */
  readonly onStay: (lease: Lease) => void;
  /** The export has ended under a desktop that may still believe it has the disk. The disk stays lent to it. */
  readonly onLost: (lost: LostExport) => void;
}

export interface LostExport {
  readonly lease: Lease;
  readonly reason: string;
}

/** What an agent before this one has left behind. */
export interface Adopted {
  readonly lease?: Lease;
  /** Its export is broken: why. */
  readonly lostBecause?: string;
  /** A desktop had the disk and said goodbye meanwhile. */
  readonly isDone: boolean;
}

export class Desk {
  readonly #options: DeskOptions;
  /** One that writes, or guests. */
  #holdings: readonly Holding[] = [];
  /** What machines had that have started anew, until it has ended. */
  readonly #replaced = new Set<Holding>();
  #restoring: Promise<void> | undefined;
  #keepsNotes = false;
  #diskErrors = 0;

  constructor(options: DeskOptions) {
    this.#options = options;
  }

  /** All exports that are on. */
  get lendings(): readonly Lending[] {
    return this.#holdings.flatMap(({ lending }) => lending === undefined ? [] : [lending]);
  }

  /** How many times the disk has failed a desktop. */
  get diskErrors(): number {
    return this.#diskErrors;
  }

  get isFree(): boolean {
    return this.#holdings.length === 0;
  }

  /** Whether there is a desktop that would get the disk if it asked. */
  get hasRoom(): boolean {
    return this.#holdings.length < maximumGuests && this.#holdings.every(({ lease }) => lease.isGuest);
  }

  /** What guests may still take of the memory, also those who have not got it yet. */
  get promisedBytes(): number {
    return this.#holdings.reduce((sum, { lending, promisedBytes }) => {
      const { store } = lending ?? {};
      return sum + (store === undefined ? promisedBytes : store.sizeBytes - store.usedBytes);
    }, 0);
  }

  /** @param bytes for what a guest changes */
  promise(ticket: Ticket, bytes: number): void {
    this.#current(ticket).promisedBytes = bytes;
  }

  /**
   * Gives the disk to the client if it may have it; ends what the same machine had before.
   * @param exchangeOver resolves when the client's exchange has let go of the disk
   * @throws {Error} when what was before cannot be ended
   */
  async admit(
    client: LeaseClient,
    { isGuest, exchangeOver }: { readonly isGuest: boolean; readonly exchangeOver: Promise<void> },
  ): Promise<Admission> {
    const { system, console } = this.#options;
    const decision = decideAdmission(this.#holdings, { client, isGuest, nowMs: system.wallClockMs() });
    if (decision.kind === "refuse") {
      const { message, holder } = decision;
      console.sayRarely(decision.say);
      return { kind: "refused", message, holder };
    }
    const previous = this.#holdings.find(({ lease }) => lease === decision.replaced);
    const others = this.#holdings.filter((holding) => holding !== previous);
    const holding = startHolding(decision.lease, isGuest ? findSlot(others) : 0, exchangeOver);
    this.#holdings = [...others, holding];
    if (decision.say !== undefined) console.say(decision.say);
    if (previous !== undefined) this.#replaced.add(previous);
    try {
      // A guest needs a disk that stays as it is, and the export that ends right now may still write to it.
      await this.#endReplaced();
    } catch (error) {
      // What the same machine had may be on still: then it stays the one that has the disk, and may ask again.
      if (previous === undefined) this.#holdings = this.#holdings.filter((held) => held !== holding);
      throw error;
    }
    return { kind: "granted", ticket: holding };
  }

  /** Tries again what has failed before. @throws when it fails: no desktop may get the disk then */
  async #endReplaced(): Promise<void> {
    await Promise.all([...this.#replaced].map(async (holding) => {
      await endHolding(holding);
      this.#replaced.delete(holding);
    }));
  }

  /**
   * Takes over what an agent before us has lent and left behind, or clears away what remains of it. To be called
   * before anybody is admitted.
   * @throws {ProtocolError} when it cannot be known to whom the disk is lent
   */
  async adopt(): Promise<Adopted> {
    const adopted: Adopted[] = [];
    for (let slot = 0; slot <= maximumGuests; slot++) adopted.push(await this.#adopt(slot));
    // Of several guests one stands for all; a desktop that writes has no others beside it.
    const held = adopted.find(({ lease }) => lease !== undefined);
    return held ?? { isDone: adopted.some(({ isDone }) => isDone) };
  }

  async #adopt(slot: number): Promise<Adopted> {
    const { system, console } = this.#options;
    if (await system.stat(this.#statePath(slot)) === undefined) return { isDone: false };
    const state = parseExportState(await system.readText(this.#statePath(slot)));
    const { lease } = state;
    const adoption = await transportOf(state.transport).adopt(system, state, {
      directory: this.#directory(slot),
      onConnected: (isConnected) => this.#noteConnected(lease, isConnected),
      onDiskError: (message) => this.#noteDiskError(lease, message),
    });
    const holding: Holding = {
      ...startHolding(lease, slot, Promise.resolve()),
      transport: state.transport,
      linkAddress: state.linkAddress,
      lending: lendingOf(state),
      cleanup: this.#createCleanup(slot, state),
    };
    if (adoption.kind === "running") {
      holding.running = adoption.running;
      this.#holdings = [...this.#holdings, holding];
      this.#watchStore(holding, state);
      this.#watchExport(holding, adoption.running);
    }
    const decision = decideAdoption(lease, adoption);
    console.say(decision.say);
    switch (decision.kind) {
      case "watch":
        return { lease, isDone: false };
      case "stay-lent":
        holding.lostBecause = decision.reason;
        holding.lending = { ...lendingOf(state), isConnected: false };
        this.#holdings = [...this.#holdings, holding];
        return { lease, lostBecause: decision.reason, isDone: false };
      case "clear":
        await endHolding(holding);
        return { isDone: decision.isDone };
    }
  }

  /** Starts the export. @throws {UserError} when it does not start; {Error} when the ticket is not valid any more */
  async startExport(ticket: Ticket, plan: SessionPlan): Promise<void> {
    const { system, console } = this.#options;
    const holding = this.#current(ticket);
    const state = stateOf(holding.lease, plan);
    const { slot } = holding;
    await this.#writeState(slot, state); // first: what is not written down would be lent twice
    holding.transport = state.transport;
    holding.cleanup.use(this.#createCleanup(slot, state));
    if (plan.snapshot !== undefined) await makeSnapshot(system, plan.snapshot);
    if (plan.linkAddress !== undefined) await addSessionAddress(this.#options, plan.linkAddress);
    if (plan.tunnel !== undefined) await raiseTunnel(system, plan.tunnel);
    // Not earlier: an address that is not there yet is not one that was taken away.
    holding.linkAddress = plan.linkAddress;
    holding.lending = lendingOf(state);
    this.#watchStore(holding, state);
    let noting: Promise<void> | undefined;
    holding.cleanup.defer(() => noting);
    const running = await transportOf(state.transport).start(system, plan.exportSettings, {
      directory: this.#directory(slot),
      onDiskError: (message) => this.#noteDiskError(holding.lease, message),
      onConnected: (isConnected) => {
        this.#noteConnected(holding.lease, isConnected);
        noting ??= this.#writeState(slot, { ...state, wasUsed: true })
          .catch((error) => console.say(`Cannot record that the disk is lent: ${describeError(error)}`));
      },
    });
    holding.running = running;
    if (!this.#holdings.includes(holding)) await running.stop();
    this.#watchExport(holding, running);
    this.#current(ticket);
  }

  /**
   * Gives a link the address that the desktop is connected to, where it is missing: a card on USB or Thunderbolt that
   * has come back, or an address that a program has taken away. The connection goes on. To be called after each change
   * of the links. Never rejects.
   */
  async restoreAddress(links: readonly Link[]): Promise<void> {
    const missing = this.#holdings.flatMap(({ linkAddress }) => findMissingAddress(links, linkAddress) ?? []);
    if (missing.length === 0) return;
    this.#restoring = Promise.all(missing.map((address) => restoreSessionAddress(this.#options, address)))
      .then(() => {});
    await this.#restoring;
  }

  #directory(slot: number): string {
    const { directory } = this.#options;
    return slot === 0 ? directory : `${directory}/guest-${slot}`;
  }

  #statePath(slot: number): string {
    return `${this.#directory(slot)}/export.json`;
  }

  async #writeState(slot: number, state: ExportState): Promise<void> {
    const { system } = this.#options;
    await system.makeDirectory(this.#directory(slot), { mode: 0o700 });
    await system.writeFile(this.#statePath(slot), formatExportState(state), { mode: 0o600 });
  }

  /** What to undo after an export: its address, then the note of it. */
  #createCleanup(slot: number, { linkAddress, transport, tunnel, snapshot }: ExportState): AsyncDisposableStack {
    const { system } = this.#options;
    const cleanup = new AsyncDisposableStack();
    cleanup.defer(async () => {
      if (this.#keepsNotes) return;
      await system.remove(this.#statePath(slot));
      await transportOf(transport).forget(system, { directory: this.#directory(slot) });
    });
    if (snapshot !== undefined) cleanup.defer(() => removeSnapshot(system, snapshot.name));
    if (tunnel !== undefined) cleanup.defer(() => removeTunnel(system, tunnel));
    if (linkAddress === undefined) return cleanup;
    cleanup.defer(async () => {
      await this.#restoring;
      await removeSessionAddress(this.#options, linkAddress);
    });
    return cleanup;
  }

  #noteDiskError({ holder }: Lease, message: string): void {
    this.#diskErrors++;
    this.#options.console.sayRarely(`THE DISK FAILS: "${holder.name}" got an error: ${message}`);
  }

  #noteConnected(lease: Lease, isConnected: boolean): void {
    const { holder } = lease;
    const holding = this.#holdings.find((held) => held.lease === lease);
    if (holding?.lending !== undefined) holding.lending = { ...holding.lending, isConnected };
    this.#options.console.say(
      isConnected
        ? `"${holder.name}" is connected to the disk`
        : `"${holder.name}" lost its connection, waiting for it to come back`,
    );
    if (!isConnected && holding !== undefined) this.#clearFull(holding);
  }

  /** A guest whose store is full has nothing to come back to. */
  #clearFull(holding: Holding): void {
    const { lending } = holding;
    if (lending?.store?.isFull !== true || lending.isConnected) return;
    this.#options.console.say(`"${holding.lease.holder.name}" is gone, whose changes had no room any more`);
    void this.#free(holding, false).catch((error) => this.#options.console.say(describeError(error)));
  }

  /** Until the session ends. */
  #watchStore(holding: Holding, { snapshot, lease: { holder } }: ExportState): void {
    if (snapshot === undefined) return;
    const { system, console } = this.#options;
    const over = new AbortController();
    let before = 0;
    const watching = watchStore(system, snapshot, {
      signal: over.signal,
      onLevel: (store) => {
        if (holding.lending !== undefined) holding.lending = { ...holding.lending, store };
        const percent = percentOf(store);
        if (before < WARN_PERCENT && percent >= WARN_PERCENT && !store.isFull) {
          console.say(`"${holder.name}" has used ${percent} % of the memory for what it changes`);
        }
        before = percent;
        if (!store.isFull) return;
        console.say(
          `THE MEMORY FOR THE CHANGES OF "${holder.name}" IS FULL: switch it off; this laptop's disk is as before`,
        );
        this.#clearFull(holding);
      },
    }).catch((error) => console.say(`The level of a store cannot be watched: ${describeError(error)}`));
    holding.cleanup.defer(async () => {
      over.abort();
      await watching;
    });
  }

  #watchExport(holding: Holding, running: RunningExport): void {
    running.exited.then((exportEnd) => this.#onExportEnd(holding, exportEnd))
      .catch((error) => this.#options.console.say(`Ending the export failed: ${describeError(error)}`));
  }

  /** The exchange came to nothing: the disk is free again. */
  async release(ticket: Ticket): Promise<void> {
    const holding = this.#holdings.find((held) => held === ticket);
    if (holding !== undefined) await this.#free(holding, false);
  }

  /**
   * Ends everything, for the end of the agent. What is known of an export stays written down when its desktop may
   * believe that it has the disk: an agent that is started in place of this one must know.
   */
  async close(): Promise<void> {
    const holdings = this.#holdings;
    this.#holdings = [];
    await Promise.all(holdings.map(async (holding) => {
      const { running, transport, lostBecause, slot, lease } = holding;
      const context = { directory: this.#directory(slot) };
      const mayBeHeld = running !== undefined && transport !== undefined && lease.isGuest === undefined &&
        await transportOf(transport).mayBeHeld(this.#options.system, context);
      // A guest that cannot come back has lost nothing that was to stay.
      this.#keepsNotes ||= keepsNotes({ lostBecause, mayBeHeld });
      await endHolding(holding);
    }));
  }

  #current(ticket: Ticket): Holding {
    const holding = this.#holdings.find((held) => held === ticket);
    if (holding === undefined) throw new Error("The same machine has started a new exchange");
    return holding;
  }

  async #onExportEnd(holding: Holding, exportEnd: ExportEnd): Promise<void> {
    if (!this.#holdings.includes(holding)) return;
    const after = decideAfterExport(exportEnd, { isGuest: holding.lease.isGuest === true });
    if (after.kind === "nothing") return;
    if (after.kind === "stay-lent") return this.#keepLost(holding, after.reason);
    if (after.because !== undefined) this.#options.console.say(`The export has ended: ${after.because}`);
    await this.#free(holding, after.isDone);
  }

  /** The note of the export stays, too: an agent that is started next must know. */
  #keepLost(holding: Holding, reason: string): void {
    holding.lostBecause = reason;
    if (holding.lending !== undefined) holding.lending = { ...holding.lending, isConnected: false };
    this.#options.onLost({ lease: holding.lease, reason });
  }

  async #free(holding: Holding, isDone: boolean): Promise<void> {
    await endHolding(holding);
    if (!this.#holdings.includes(holding)) return;
    this.#holdings = this.#holdings.filter((held) => held !== holding);
    const [stays] = this.#holdings;
    if (stays === undefined) this.#options.onFree(isDone);
    else this.#options.onStay(stays.lease);
  }
}
