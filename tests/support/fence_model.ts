/**
 * A model of who may write to a laptop's disk: a laptop with its own system and as a server, two desktops, one dock,
 * and all that can happen to them, in any order. What the server decides comes from its own functions. A write is
 * wrong when its writer has not seen the last one: then two systems with stale caches destroy the file system.
 */
import { decideAdmission, decideAdoption, keepsNotes } from "../../agents/server/decide_lending.ts";
import { decideAfterExport } from "../../lib/export/after_export.ts";
import type { Lease, LeaseClient } from "../../lib/export/lease.ts";
import type { ExportEnd } from "../../lib/export/transport.ts";

/** What a server could do wrong; each one is found by the model. */
export const mistakes = [
  /** A dock's MAC address is taken for the desktop behind it. */
  "lease-by-mac",
  /** A takeover leaves the export of before running, with what it has still to write. */
  "takeover-beside-old-export",
  /** A server that was started anew lends under the names and keys of before. */
  "keys-outlive-restart",
  /** An agent that is started anew does not look at what the one before it has lent. */
  "forget-lease",
  /** The note is written when the export runs already. */
  "note-after-export",
  /** A goodbye that an earlier session left in the log counts for the present one. */
  "goodbye-of-any-session",
  /** An export that broke is over, like one that was given back. */
  "lost-is-free",
  /** An agent that ends takes its note along, also while a desktop has the disk. */
  "drop-note-at-end",
  /** The laptop's own system is started with a desktop still writing. */
  "own-system-beside-export",
  /** A guest does not count when a desktop asks that writes. */
  "writer-beside-guests",
  /** A guest gets in beside a desktop that writes. */
  "guest-beside-writer",
  /** What a guest writes reaches the disk. */
  "guest-writes-through",
  /** A guest of before is forgotten by an agent that is started anew, and its snapshot goes on. */
  "forget-guest",
] as const;
export type Mistake = typeof mistakes[number];

interface Session {
  /** Names and keys: what opens an export. */
  readonly key: number;
  readonly desktop: number;
}

interface Write {
  readonly before: number;
  readonly after: number;
}

interface Desktop {
  readonly client: LeaseClient;
  session: Session | undefined;
  /** The last write that its caches know; undefined before it has mounted. */
  base: number | undefined;
  /** In try mode; it may start anew in the other one. */
  isGuest: boolean;
}

interface ExportOfModel {
  readonly key: number;
  /** Of a snapshot: what is written is thrown away. */
  readonly isGuest: boolean;
  /** What has arrived and is not on the disk yet. */
  readonly arrived: Write[];
}

interface Note {
  readonly lease: Lease;
  readonly session: Session;
  wasUsed: boolean;
}

interface Holding extends Note {
  lostBecause?: string;
  /** The desktop has not got "ready" yet: the exchange may still come to nothing. */
  isExchanging: boolean;
}

/** Throws {@link Wrong} where something would be destroyed. */
export class Wrong extends Error {}

export class FenceModel {
  readonly #mistake: Mistake | undefined;
  readonly #choose: (choices: number) => number;
  /** The disk: its last write, and the last one that a power loss leaves. */
  #last = 0;
  #flushed = 0;
  #writes = 0;
  #keys = 0;
  #laptop: "off" | "own-system" | "server" = "own-system";
  /** Of the laptop's own system. */
  #ownBase = 0;
  #isCableIn = true;
  readonly #desktops: readonly Desktop[] = ["a", "b"].map((name) => ({
    client: { name, mac: "dock", machine: `machine ${name}`, address: name },
    session: undefined,
    base: undefined,
    isGuest: false,
  }));
  // The server's machine: what is gone when it restarts.
  #exports: ExportOfModel[] = [];
  #notes: Note[] = [];
  /** Sessions whose desktop has said goodbye, as the log has them. */
  #goodbyes: number[] = [];
  /** Its agent: undefined while none runs. */
  #agent: { holdings: Holding[] } | undefined;

  constructor(choose: (choices: number) => number, mistake?: Mistake) {
    this.#choose = choose;
    this.#mistake = mistake;
  }

  /** What leads somewhere happens more often than what cuts it off. */
  readonly #happenings: readonly (() => void)[] = [
    ...Array.from({ length: 5 }, () => [
      this.#desktopAsks,
      this.#desktopMounts,
      this.#desktopWrites,
      this.#exportWrites,
      this.#agentStarts,
      this.#laptopStarts,
      this.#ownSystemServes,
    ]).flat(),
    this.#cableComes,
    this.#cableComes,
    this.#cableGoes,
    this.#desktopFlushes,
    this.#desktopSaysGoodbye,
    this.#desktopCrashes,
    this.#exchangeFails,
    this.#agentIsKilled,
    this.#agentEnds,
    this.#exportBreaks,
    this.#noDesktopCame,
    this.#laptopLosesPower,
    this.#ownSystemWrites,
    this.#serverRestarts,
  ];

  /** Lets one thing happen. @throws {Wrong} */
  step(): void {
    this.#happenings[this.#choose(this.#happenings.length)]?.call(this);
    const guests = this.#exports.filter(({ isGuest }) => isGuest).length;
    const writers = this.#exports.length - guests;
    if (this.#mistake === "takeover-beside-old-export") return;
    if (writers > 1) throw new Wrong("two exports to write to");
    if (writers > 0 && guests > 0) throw new Wrong("a guest beside a desktop that writes");
  }

  // ---- the disk

  #write({ before, after }: Write): void {
    if (before !== this.#last) throw new Wrong("a write by a system that has not seen the last one");
    this.#last = after;
  }

  #nextWrite(before: number): Write {
    return { before, after: ++this.#writes };
  }

  // ---- desktops

  #someDesktop(): Desktop {
    const desktop = this.#desktops[this.#choose(this.#desktops.length)];
    if (desktop === undefined) throw new RangeError("No such desktop");
    return desktop;
  }

  #exportOf({ session }: Desktop): ExportOfModel | undefined {
    return this.#isCableIn ? this.#exports.find(({ key }) => key === session?.key) : undefined;
  }

  #desktopAsks(): void {
    const desktop = this.#someDesktop();
    const agent = this.#agent;
    if (desktop.session !== undefined || agent === undefined || !this.#isCableIn) return;
    desktop.isGuest = this.#choose(3) === 0;
    const { client, isGuest } = desktop;
    const seen = this.#mistake === "lease-by-mac" ? { ...client, machine: "behind the dock" } : client;
    const decision = decideAdmission(this.#standAgainst(agent.holdings, isGuest), { client: seen, isGuest, nowMs: 0 });
    if (decision.kind === "refuse") return;
    const previous = agent.holdings.find(({ lease }) => lease === decision.replaced);
    if (previous !== undefined && this.#mistake !== "takeover-beside-old-export") this.#endExport(previous);
    agent.holdings = agent.holdings.filter((holding) => holding !== previous);
    this.#notes = this.#notes.filter(({ session }) => session !== previous?.session);
    this.#checkBelief(desktop);
    const isStale = this.#mistake === "keys-outlive-restart";
    const session = { key: isStale ? 1 : ++this.#keys, desktop: this.#desktops.indexOf(desktop) };
    const holding: Holding = { lease: decision.lease, session, wasUsed: false, isExchanging: true };
    agent.holdings.push(holding);
    if (this.#mistake !== "note-after-export") this.#notes.push({ ...holding });
    this.#exports.push({ key: session.key, isGuest, arrived: [] });
    // An agent can be killed between any two steps.
    if (this.#choose(8) === 0) return this.#agentIsKilled();
    if (this.#mistake === "note-after-export") this.#notes.push({ ...holding });
    // "ready" may be lost on its way: then the desktop has nothing, and the server does not know.
    holding.isExchanging = this.#choose(4) === 0;
    if (this.#choose(8) > 0) desktop.session = session;
  }

  /** What the server sees of what is lent. */
  #standAgainst(holdings: readonly Holding[], isGuest: boolean): readonly Holding[] {
    if (this.#mistake === "writer-beside-guests" && !isGuest) return holdings.filter(({ lease }) => !lease.isGuest);
    if (this.#mistake === "guest-beside-writer" && isGuest) return holdings.filter(({ lease }) => lease.isGuest);
    return holdings;
  }

  /** No desktop gets the disk while another one believes that it has it, unless the laptop was started anew. */
  #checkBelief(asking: Desktop): void {
    for (const other of this.#desktops) {
      if (other === asking || other.base === undefined || other.session === undefined) continue;
      // A guest keeps no other one out; one whose export is over can do no harm.
      const { key } = other.session;
      if (other.isGuest && (asking.isGuest || !this.#exports.some((lent) => lent.key === key))) continue;
      if (this.#serverKeys.has(key)) throw new Wrong("lent to a second desktop");
    }
  }

  /** Keys that were given out since the server started. */
  readonly #serverKeys = new Set<number>();

  #desktopMounts(): void {
    const desktop = this.#someDesktop();
    const lent = this.#exportOf(desktop);
    if (lent === undefined || desktop.base !== undefined) return;
    // What it reads is behind what has arrived of it; of an earlier session nothing may be left.
    desktop.base = this.#last;
    this.#serverKeys.add(lent.key);
    for (const note of this.#notes) if (note.session.key === lent.key) note.wasUsed = true;
    const holding = this.#holdingOf(lent.key);
    if (holding !== undefined) [holding.wasUsed, holding.isExchanging] = [true, false];
  }

  #desktopWrites(): void {
    const desktop = this.#someDesktop();
    const lent = this.#exportOf(desktop);
    if (lent === undefined || desktop.base === undefined) return; // it stands still, and goes on when it can
    // What it has written itself lies in its store, over a disk that must be as when it mounted.
    if (lent.isGuest && desktop.base !== this.#last) throw new Wrong("the disk has changed under a guest");
    if (lent.isGuest && this.#mistake !== "guest-writes-through") return;
    const write = this.#nextWrite(desktop.base);
    desktop.base = write.after;
    lent.arrived.push(write);
  }

  #exportWrites(): void {
    const lent = this.#exports[this.#choose(Math.max(1, this.#exports.length))];
    const write = lent?.arrived.shift();
    if (write !== undefined) this.#write(write);
  }

  #desktopFlushes(): void {
    const lent = this.#exportOf(this.#someDesktop());
    if (lent === undefined) return;
    this.#drain(lent);
    this.#flushed = this.#last;
  }

  #desktopSaysGoodbye(): void {
    const desktop = this.#someDesktop();
    const lent = this.#exportOf(desktop);
    if (lent === undefined || desktop.base === undefined) return;
    this.#drain(lent);
    this.#flushed = this.#last;
    this.#goodbyes.push(lent.key);
    this.#switchOff(desktop);
    const holding = this.#holdingOf(lent.key);
    if (holding !== undefined) this.#afterExport(holding, { reason: "disconnected" });
  }

  #desktopCrashes(): void {
    this.#switchOff(this.#someDesktop());
  }

  #switchOff(desktop: Desktop): void {
    desktop.session = undefined;
    desktop.base = undefined;
  }

  #cableGoes(): void {
    this.#isCableIn = false;
  }

  #cableComes(): void {
    this.#isCableIn = true;
  }

  // ---- the server

  #holdingOf(key: number): Holding | undefined {
    return this.#agent?.holdings.find(({ session }) => session.key === key);
  }

  #someHolding(): Holding | undefined {
    const { holdings = [] } = this.#agent ?? {};
    return holdings[this.#choose(Math.max(1, holdings.length))];
  }

  #exchangeFails(): void {
    const holding = this.#someHolding();
    if (holding === undefined || !holding.isExchanging) return;
    // A desktop that got "ready" has it for good: then the server is in "serving".
    if (this.#desktops.some(({ session }) => session?.key === holding.session.key)) return;
    this.#free(holding);
  }

  #drain(lent: ExportOfModel): void {
    for (const write of lent.arrived.splice(0)) this.#write(write);
  }

  /** Ends it for good: what has arrived is on the disk, no more is taken. */
  #endExport({ session }: Holding): void {
    for (const lent of this.#exports) if (lent.key === session.key) this.#drain(lent);
    this.#exports = this.#exports.filter(({ key }) => key !== session.key);
    this.#flushed = this.#last;
  }

  #afterExport(holding: Holding, end: ExportEnd): void {
    this.#endExport(holding);
    const after = decideAfterExport(end, { isGuest: holding.lease.isGuest === true });
    if (after.kind === "stay-lent" && this.#mistake !== "lost-is-free") holding.lostBecause = after.reason;
    else if (after.kind !== "nothing") this.#free(holding, after.kind === "free" && after.isDone);
  }

  #free(holding: Holding, isDone = false): void {
    this.#endExport(holding);
    this.#notes = this.#notes.filter(({ session }) => session.key !== holding.session.key);
    const agent = this.#agent;
    if (agent !== undefined) {
      agent.holdings = agent.holdings.filter(({ session }) => session.key !== holding.session.key);
    }
    const isOver = isDone && (agent?.holdings ?? []).length === 0;
    if (isOver && this.#choose(2) === 0) this.#startOwnSystem();
  }

  /** nbdkit is killed, or the kernel's target fails. */
  #exportBreaks(): void {
    const broken = this.#exports[this.#choose(Math.max(1, this.#exports.length))];
    if (broken === undefined) return;
    this.#exports = this.#exports.filter((lent) => lent !== broken);
    const holding = this.#holdingOf(broken.key);
    if (holding !== undefined) this.#afterExport(holding, this.#endOf(holding));
  }

  #noDesktopCame(): void {
    const holding = this.#someHolding();
    if (holding === undefined || holding.wasUsed || holding.lostBecause !== undefined) return;
    this.#afterExport(holding, { reason: "failed", message: "no client connected" });
  }

  /** As the log shows it to an agent that was not there. */
  #endOf({ session, wasUsed }: Note): ExportEnd {
    const isAny = this.#mistake === "goodbye-of-any-session";
    const saidGoodbye = this.#goodbyes.some((key) => isAny || key === session.key);
    if (saidGoodbye) return { reason: "disconnected" };
    return wasUsed ? { reason: "lost", message: "it broke" } : { reason: "failed", message: "it broke" };
  }

  #agentIsKilled(): void {
    this.#agent = undefined;
  }

  /** SIGTERM: the exports are ended first. */
  #agentEnds(): void {
    const holdings = this.#agent?.holdings ?? [];
    this.#agent = undefined;
    for (const holding of holdings) {
      const { lostBecause, wasUsed, lease } = holding;
      const mayBeHeld = lostBecause === undefined && wasUsed && !lease.isGuest;
      const keeps = keepsNotes({ lostBecause, mayBeHeld });
      this.#endExport(holding);
      if (keeps && this.#mistake !== "drop-note-at-end") continue;
      this.#notes = this.#notes.filter(({ session }) => session.key !== holding.session.key);
    }
  }

  #agentStarts(): void {
    if (this.#laptop !== "server" || this.#agent !== undefined) return;
    this.#agent = { holdings: [] };
    if (this.#mistake === "forget-lease") return;
    // All at first: one that is over may start the laptop's own system.
    const held = this.#notes.filter(({ lease }) => this.#mistake !== "forget-guest" || !lease.isGuest)
      .map((note): Holding => ({ ...note, isExchanging: false }));
    this.#agent.holdings = held;
    for (const holding of held) if (this.#agent?.holdings.includes(holding)) this.#adopt(holding);
  }

  #adopt(holding: Holding): void {
    const { session: { key } } = holding;
    const isRunning = this.#exports.some((lent) => lent.key === key) && !this.#endOfRunning(key);
    const end = this.#endOf(holding);
    const decision = decideAdoption(holding.lease, isRunning ? { kind: "running" } : { kind: "over", end });
    if (decision.kind === "stay-lent") holding.lostBecause = decision.reason;
    if (decision.kind === "clear") this.#free(holding, decision.isDone);
  }

  /** Whether the desktop of an export that runs has said goodbye. */
  #endOfRunning(session: number): boolean {
    const isAny = this.#mistake === "goodbye-of-any-session";
    return this.#goodbyes.some((key) => isAny || key === session);
  }

  // ---- the laptop

  #leaveServer(): void {
    this.#exports = [];
    this.#notes = [];
    this.#goodbyes = [];
    this.#agent = undefined;
    this.#serverKeys.clear();
  }

  #laptopLosesPower(): void {
    if (this.#laptop === "off") return;
    this.#last = this.#flushed;
    this.#leaveServer();
    this.#laptop = "off";
  }

  #laptopStarts(): void {
    if (this.#laptop === "off") this.#startOwnSystem();
  }

  #startOwnSystem(): void {
    const stillLent = this.#mistake === "own-system-beside-export" ? this.#exports : [];
    this.#leaveServer();
    this.#exports = stillLent;
    this.#laptop = "own-system";
    this.#ownBase = this.#last;
    this.#ownSystemWrites(); // it replays the journal
  }

  #ownSystemWrites(): void {
    if (this.#laptop !== "own-system") return;
    const write = this.#nextWrite(this.#ownBase);
    this.#write(write);
    this.#ownBase = write.after;
  }

  /** It shuts down cleanly, and starts the image. */
  #ownSystemServes(): void {
    if (this.#laptop !== "own-system") return;
    this.#flushed = this.#last;
    this.#laptop = "server";
    this.#agentStarts();
  }

  /** Ctrl-Alt-Del: init ends the agent, which ends its export. */
  #serverRestarts(): void {
    if (this.#laptop !== "server") return;
    if (this.#mistake !== "own-system-beside-export") { for (const lent of this.#exports) this.#drain(lent); }
    this.#flushed = this.#last;
    this.#startOwnSystem();
  }
}
