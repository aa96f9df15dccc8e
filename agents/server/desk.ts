/** Who has the disk right now, and the export to it. The decision is lib/block/lease.ts; here it is kept and carried out. */
import { describeHolder, type Lease, type LeaseClient, requestLease } from "../../lib/block/lease.ts";
import { type NbdExport, type NbdExportEnd, startNbdExport } from "../../lib/block/nbd_export.ts";
import type { System } from "../../lib/system/system.ts";
import type { Console } from "../shared/console.ts";
import { describeError } from "../shared/links.ts";
import type { SessionPlan } from "./session_plan.ts";

/** A client's hold on the disk. It ends by `release`, by the end of its export, or by the same machine asking again. */
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
  nbd?: NbdExport;
  /** What to undo when it ends. */
  readonly cleanup: AsyncDisposableStack;
}

export interface DeskOptions {
  readonly system: System;
  readonly console: Console;
  /** The desktop said goodbye to the disk. */
  readonly onDone: (lease: Lease) => void;
  /** The disk is free again. */
  readonly onFree: () => void;
}

export class Desk {
  readonly #options: DeskOptions;
  #holding: Holding | undefined;

  constructor(options: DeskOptions) {
    this.#options = options;
  }

  get isFree(): boolean {
    return this.#holding === undefined;
  }

  /**
   * Gives the disk to the client if it may have it; ends what the same machine had before.
   * @param exchangeOver resolves when the client's exchange has let go of the disk
   */
  async admit(client: LeaseClient, exchangeOver: Promise<void>): Promise<Admission> {
    const answer = requestLease(this.#holding?.lease, client, this.#options.system.wallClockMs());
    if (answer.kind === "refused") {
      this.#options.console.sayRarely(`"${client.name}" (${client.mac}) was refused: ${describeHolder(answer)}`);
      return { kind: "refused", message: describeHolder(answer), holder: answer.holder.name };
    }
    const previous = this.#holding;
    const controller = new AbortController();
    const holding: Holding = {
      lease: answer.lease,
      controller,
      replaced: controller.signal,
      exchangeOver,
      cleanup: new AsyncDisposableStack(),
    };
    this.#holding = holding;
    if (previous !== undefined) {
      this.#options.console.say(`"${client.name}" (${client.mac}) starts anew: what it had is ended`);
      await end(previous);
    }
    return { kind: "granted", ticket: holding };
  }

  /** Starts the export. @throws {UserError} when it does not start; {Error} when the ticket is not valid any more */
  async startExport(ticket: Ticket, plan: SessionPlan): Promise<void> {
    const { system, console } = this.#options;
    const holding = this.#current(ticket);
    if (plan.linkAddress !== undefined) {
      const { link, address } = plan.linkAddress;
      // nodad: the prefix was made for this session, nobody else can have the address
      await system.run(["ip", "-6", "address", "add", address, "dev", link, "nodad"], { timeoutMs: 10_000 });
      holding.cleanup.defer(async () => {
        const argv = ["ip", "-6", "address", "del", address, "dev", link];
        await system.run(argv, { timeoutMs: 10_000, isCleanup: true }).catch(() => {}); // gone with its link
      });
    }
    const nbd = await startNbdExport(system, plan.exportSettings, {
      onConnected: (isConnected) => {
        const name = `"${holding.lease.holder.name}"`;
        console.say(
          isConnected ? `${name} is connected to the disk` : `${name} lost its connection, waiting for it to come back`,
        );
      },
    });
    holding.nbd = nbd;
    if (this.#holding !== holding) await nbd.stop();
    nbd.exited.then((exportEnd) => this.#onExportEnd(holding, exportEnd))
      .catch((error) => console.say(`The end of the export went wrong: ${describeError(error)}`));
    this.#current(ticket);
  }

  /** The exchange came to nothing: the disk is free again. */
  async release(ticket: Ticket): Promise<void> {
    if (this.#holding === ticket) await this.#free(this.#holding);
  }

  /** Ends everything, for the end of the agent. */
  async close(): Promise<void> {
    if (this.#holding !== undefined) await this.#free(this.#holding);
  }

  #current(ticket: Ticket): Holding {
    if (this.#holding !== ticket) throw new Error("The same machine has started a new exchange");
    return this.#holding;
  }

  async #onExportEnd(holding: Holding, exportEnd: NbdExportEnd): Promise<void> {
    if (this.#holding !== holding || exportEnd.reason === "stopped") return;
    if (exportEnd.reason === "failed") this.#options.console.say(`The export has ended: ${exportEnd.message}`);
    await this.#free(holding);
    if (exportEnd.reason === "disconnected") this.#options.onDone(holding.lease);
  }

  async #free(holding: Holding): Promise<void> {
    await end(holding);
    if (this.#holding !== holding) return;
    this.#holding = undefined;
    this.#options.onFree();
  }
}

async function end(holding: Holding): Promise<void> {
  holding.controller.abort(new Error("The same machine has started a new exchange"));
  await holding.exchangeOver;
  await holding.nbd?.stop();
  await holding.cleanup.disposeAsync();
}
