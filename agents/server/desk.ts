/**
 * Who has the disk right now, and the export to it. decide_lending.ts decides; here that is kept and carried out, and
 * written down for the agent that is started in our place should we fail.
 */
import { decideAfterExport } from "../../lib/export/after_export.ts";
import { transportOf } from "../../lib/export/export.ts";
import { type ExportState, formatExportState, parseExportState } from "../../lib/export/export_state.ts";
import type { Lease, LeaseClient } from "../../lib/export/lease.ts";
import { raiseTunnel, removeTunnel } from "../../lib/export/tunnel/raise_tunnel.ts";
import type { TransportName } from "../../lib/export/needs.ts";
import type { Link } from "../../lib/system/facts.ts";
import type { System } from "../../lib/system/system.ts";
import type { Console } from "../shared/console.ts";
import { describeError } from "../../lib/errors.ts";
import {
  addSessionAddress,
  findMissingAddress,
  type LinkAddress,
  removeSessionAddress,
  restoreSessionAddress,
} from "./session_address.ts";
import { decideAdmission, decideAdoption, keepsNotes } from "./decide_lending.ts";
import type { SessionPlan } from "../../lib/export/session_plan.ts";
import type { ExportEnd, RunningExport } from "../../lib/export/transport.ts";

/**
 * A client's hold on the disk. It ends by `release`, by the end of its export, or by the same machine asking again.
 */
export interface Ticket {
  readonly lease: Lease;
  /** Aborts when the same machine starts a new exchange. */
  readonly replaced: AbortSignal;
}

export type Admission =
  | { readonly kind: "granted"; readonly ticket: Ticket }
  | { readonly kind: "refused"; readonly message: string; readonly holder: string };

interface Holding extends Ticket {
  readonly controller: AbortController;
  /** Resolves when the exchange has let go of the disk. */
  readonly exchangeOver: Promise<void>;
  /** Known as soon as an export is written down. */
  transport?: TransportName;
  running?: RunningExport;
  /** What the desktop's connection goes to. */
  linkAddress: LinkAddress | undefined;
  /** Of the export, as soon as there is one. */
  lending?: Lending;
  /**
   * Why the desktop cannot reach the disk any more, though it may believe that it has it: no other desktop gets it.
   */
  lostBecause?: string;
  /** What to undo when it ends. */
  readonly cleanup: AsyncDisposableStack;
}

/** What is lent, for people. */
export interface Lending {
  readonly lease: Lease;
  readonly transport: TransportName;
  readonly isEncrypted: boolean;
  /** What only the two machines of this session know, for a wish of the laptop; absent without a tunnel. */
  readonly tunnelKey?: string;
  /** From which the desktop asks for the status: its own in this session. */
  readonly desktopAddress: string;
  /** The link, and the laptop's address on it in this session. Absent where the desktop has come by an address. */
  readonly linkName?: string;
  readonly linkAddress?: string;
  /** Path of the disk. */
  readonly disk: string;
  readonly isConnected: boolean;
}

export interface DeskOptions {
  readonly system: System;
  readonly console: Console;
  /** A directory that lives as long as the export may: it is gone after a restart of the machine. */
  readonly directory: string;
  /** The disk is free again; `isDone` when a desktop that had it said goodbye. Not told by `close`. */
  readonly onFree: (isDone: boolean) => void;
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
  #holding: Holding | undefined;
  #restoring: Promise<void> | undefined;
  #keepsNotes = false;
  #diskErrors = 0;

  constructor(options: DeskOptions) {
    this.#options = options;
  }

  /** Undefined while no export is on. */
  get lending(): Lending | undefined {
    return this.#holding?.lending;
  }

  /** How many times the disk has failed a desktop. */
  get diskErrors(): number {
    return this.#diskErrors;
  }

  get isFree(): boolean {
    return this.#holding === undefined;
  }

  /**
   * Gives the disk to the client if it may have it; ends what the same machine had before.
   * @param exchangeOver resolves when the client's exchange has let go of the disk
   */
  async admit(client: LeaseClient, exchangeOver: Promise<void>): Promise<Admission> {
    const { system, console } = this.#options;
    const decision = decideAdmission(this.#holding, client, system.wallClockMs());
    if (decision.kind === "refuse") {
      const { message, holder } = decision;
      console.sayRarely(decision.say);
      return { kind: "refused", message, holder };
    }
    const previous = this.#holding;
    const controller = new AbortController();
    const holding: Holding = {
      lease: decision.lease,
      controller,
      replaced: controller.signal,
      exchangeOver,
      linkAddress: undefined,
      cleanup: new AsyncDisposableStack(),
    };
    this.#holding = holding;
    if (decision.say !== undefined) console.say(decision.say);
    if (previous !== undefined) await end(previous);
    return { kind: "granted", ticket: holding };
  }

  /**
   * Takes over what an agent before us has lent and left behind, or clears away what remains of it. To be called
   * before anybody is admitted.
   * @throws {ProtocolError} when it cannot be known to whom the disk is lent
   */
  async adopt(): Promise<Adopted> {
    const { system, console } = this.#options;
    if (await system.stat(this.#statePath) === undefined) return { isDone: false };
    const state = parseExportState(await system.readText(this.#statePath));
    const { lease } = state;
    const adoption = await transportOf(state.transport).adopt(system, state, {
      directory: this.#options.directory,
      onConnected: (isConnected) => this.#noteConnected(lease, isConnected),
      onDiskError: (message) => this.#noteDiskError(lease, message),
    });
    const controller = new AbortController();
    const replaced = controller.signal;
    const cleanup = this.#createCleanup(state);
    const { linkAddress, transport } = state;
    const holding: Holding = {
      lease,
      controller,
      replaced,
      exchangeOver: Promise.resolve(),
      transport,
      linkAddress,
      lending: lendingOf(state),
      cleanup,
    };
    if (adoption.kind === "running") {
      this.#holding = { ...holding, running: adoption.running };
      this.#watchExport(this.#holding, adoption.running);
    }
    const decision = decideAdoption(lease, adoption);
    console.say(decision.say);
    switch (decision.kind) {
      case "watch":
        return { lease, isDone: false };
      case "stay-lent":
        this.#holding = {
          ...holding,
          lostBecause: decision.reason,
          lending: { ...lendingOf(state), isConnected: false },
        };
        return { lease, lostBecause: decision.reason, isDone: false };
      case "clear":
        await end(holding);
        return { isDone: decision.isDone };
    }
  }

  /** Starts the export. @throws {UserError} when it does not start; {Error} when the ticket is not valid any more */
  async startExport(ticket: Ticket, plan: SessionPlan): Promise<void> {
    const { system, console } = this.#options;
    const holding = this.#current(ticket);
    const state = stateOf(holding.lease, plan);
    await this.#writeState(state); // first: what is not written down would be lent twice
    holding.transport = state.transport;
    holding.cleanup.use(this.#createCleanup(state));
    if (plan.linkAddress !== undefined) await addSessionAddress(this.#options, plan.linkAddress);
    if (plan.tunnel !== undefined) await raiseTunnel(system, plan.tunnel);
    // Not earlier: an address that is not there yet is not one that was taken away.
    holding.linkAddress = plan.linkAddress;
    holding.lending = lendingOf(state);
    let noting: Promise<void> | undefined;
    holding.cleanup.defer(() => noting);
    const running = await transportOf(state.transport).start(system, plan.exportSettings, {
      directory: this.#options.directory,
      onDiskError: (message) => this.#noteDiskError(holding.lease, message),
      onConnected: (isConnected) => {
        this.#noteConnected(holding.lease, isConnected);
        noting ??= this.#writeState({ ...state, wasUsed: true })
          .catch((error) => console.say(`Cannot record that the disk is lent: ${describeError(error)}`));
      },
    });
    holding.running = running;
    if (this.#holding !== holding) await running.stop();
    this.#watchExport(holding, running);
    this.#current(ticket);
  }

  /**
   * Gives a link the address that the desktop is connected to, where it is missing: a card on USB or Thunderbolt that
   * has come back, or an address that a program has taken away. The connection goes on. To be called after each change
   * of the links. Never rejects.
   */
  async restoreAddress(links: readonly Link[]): Promise<void> {
    const missing = findMissingAddress(links, this.#holding?.linkAddress);
    if (missing === undefined) return;
    this.#restoring = restoreSessionAddress(this.#options, missing);
    await this.#restoring;
  }

  get #statePath(): string {
    return `${this.#options.directory}/export.json`;
  }

  async #writeState(state: ExportState): Promise<void> {
    const { system, directory } = this.#options;
    await system.makeDirectory(directory, { mode: 0o700 });
    await system.writeFile(this.#statePath, formatExportState(state), { mode: 0o600 });
  }

  /** What to undo after an export: its address, then the note of it. */
  #createCleanup({ linkAddress, transport, tunnel }: ExportState): AsyncDisposableStack {
    const { system, directory } = this.#options;
    const cleanup = new AsyncDisposableStack();
    cleanup.defer(async () => {
      if (this.#keepsNotes) return;
      await system.remove(this.#statePath);
      await transportOf(transport).forget(system, { directory });
    });
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
    const holding = this.#holding;
    if (holding?.lease === lease && holding.lending !== undefined) {
      holding.lending = { ...holding.lending, isConnected };
    }
    this.#options.console.say(
      isConnected
        ? `"${holder.name}" is connected to the disk`
        : `"${holder.name}" lost its connection, waiting for it to come back`,
    );
  }

  #watchExport(holding: Holding, running: RunningExport): void {
    running.exited.then((exportEnd) => this.#onExportEnd(holding, exportEnd))
      .catch((error) => this.#options.console.say(`Ending the export failed: ${describeError(error)}`));
  }

  /** The exchange came to nothing: the disk is free again. */
  async release(ticket: Ticket): Promise<void> {
    if (this.#holding === ticket) await this.#free(this.#holding, false);
  }

  /**
   * Ends everything, for the end of the agent. What is known of an export stays written down when its desktop may
   * believe that it has the disk: an agent that is started in place of this one must know.
   */
  async close(): Promise<void> {
    const holding = this.#holding;
    this.#holding = undefined;
    if (holding === undefined) return;
    const { running, transport, lostBecause } = holding;
    const mayBeHeld = running !== undefined && transport !== undefined &&
      await transportOf(transport).mayBeHeld(this.#options.system, this.#options);
    this.#keepsNotes = keepsNotes({ lostBecause, mayBeHeld });
    await end(holding);
  }

  #current(ticket: Ticket): Holding {
    if (this.#holding !== ticket) throw new Error("The same machine has started a new exchange");
    return this.#holding;
  }

  async #onExportEnd(holding: Holding, exportEnd: ExportEnd): Promise<void> {
    if (this.#holding !== holding) return;
    const after = decideAfterExport(exportEnd);
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
    await end(holding);
    if (this.#holding !== holding) return;
    this.#holding = undefined;
    this.#options.onFree(isDone);
  }
}

function stateOf(lease: Lease, { exportSettings, linkAddress, tunnel, session }: SessionPlan): ExportState {
  const publicKey = session.tunnel?.publicKey;
  const { transport, disk, exportName } = exportSettings;
  return {
    version: 1,
    lease,
    transport,
    disk,
    exportName,
    ...(linkAddress === undefined ? {} : { linkAddress }),
    ...(tunnel === undefined ? {} : {
      tunnel: {
        namespace: tunnel.namespace,
        name: tunnel.name,
        ...(publicKey === undefined ? {} : { publicKey }),
      },
    }),
    wasUsed: false,
  };
}

/** An export that is adopted was in use, unless its log tells otherwise. */
function lendingOf({ lease, transport, tunnel, linkAddress, disk, wasUsed }: ExportState): Lending {
  return {
    lease,
    transport,
    isEncrypted: tunnel !== undefined,
    ...tunnel?.publicKey === undefined ? {} : { tunnelKey: tunnel.publicKey },
    desktopAddress: linkAddress?.neighbour?.address ?? lease.holder.address,
    ...linkAddress === undefined
      ? {}
      : { linkName: linkAddress.link, linkAddress: linkAddress.address.replace(/\/\d+$/, "") },
    disk,
    isConnected: wasUsed,
  };
}

async function end(holding: Holding): Promise<void> {
  holding.controller.abort(new Error("The same machine has started a new exchange"));
  await holding.exchangeOver;
  await holding.running?.stop();
  // What is taken away now must not be given back.
  holding.linkAddress = undefined;
  await holding.cleanup.disposeAsync();
}
