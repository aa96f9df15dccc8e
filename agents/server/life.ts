/**
 * What a server lives through, decided: facts in, deeds out. agents/server/server.ts gathers the facts and carries the
 * deeds out, in their order; who may have the disk is decided in lib/export/lease.ts, one exchange in
 * lib/protocol/server_session.ts. Pure.
 */
import { describeDisk } from "../../lib/describe_status.ts";
import type { DiskReport } from "../../lib/disk/inspect_disk.ts";
import type { Lease } from "../../lib/export/lease.ts";
import type { OnEnd } from "../../lib/formats/kernel_command_line.ts";
import type { StatusDetails } from "../../lib/formats/status.ts";
import { describeServiceEnd } from "../../lib/service_end.ts";
import type { Step } from "../shared/console.ts";
import { describeLostExport } from "./lost_export.ts";
import { type ClientState, describePhase, type Phase } from "./state.ts";

/** What stays the same all the time. */
export interface LifeRules {
  /** What people call this server. */
  readonly name: string;
  readonly onEnd: OnEnd;
  /** 0: for ever. */
  readonly clientTimeoutSeconds: number;
}

export interface Life {
  readonly phase: Phase;
  readonly disk?: NonNullable<StatusDetails["disk"]>;
  /** When the agent began to look for its disk. */
  readonly startMs: number;
  /** Since when no desktop has had the disk, as of the last time that one gave it back. */
  readonly freeSinceMs: number;
  /** A person at the laptop knows what it is. */
  readonly isWelcomeSaid: boolean;
  /** A person at the laptop knows why the disk cannot be looked at. */
  readonly isAbsenceSaid: boolean;
}

/** What is so at the time of a fact. */
export interface Circumstances {
  /** Monotonic clock. */
  readonly nowMs: number;
  /** No desktop has the disk, and no exchange is on. */
  readonly isFree: boolean;
}

export type Fact =
  /**
   * What an agent before this one had lent: to whom, why its export is broken, whether its desktop said goodbye
   * meanwhile.
   */
  | { readonly kind: "adopted"; readonly lease?: Lease; readonly lostBecause?: string; readonly isDone: boolean }
  | { readonly kind: "disk-looked-at"; readonly disk: DiskReport }
  /** @param mayCome it is not there; disks may appear later than the agent */
  | {
    readonly kind: "disk-failed";
    readonly reason: string;
    readonly hints: readonly string[];
    readonly mayCome: boolean;
  }
  /** An exchange has looked at the disk. */
  | { readonly kind: "disk-shown"; readonly disk: DiskReport }
  | Extract<Phase, { readonly kind: "sending" | "lent" }>
  /** The export has ended under a desktop that did not say goodbye. */
  | { readonly kind: "lost"; readonly lease: Lease; readonly reason: string }
  /** @param isDone a desktop had the disk and said goodbye; else an exchange or export came to nothing */
  | { readonly kind: "freed"; readonly isDone: boolean }
  /** The time may be up that a server waits for desktops. */
  | { readonly kind: "time-passed" }
  /** Everything is closed after `close`. */
  | { readonly kind: "closed" };

export type Deed =
  | { readonly kind: "say"; readonly lines: readonly string[] }
  | { readonly kind: "mark"; readonly step: Step }
  /** Closes what a killed agent has left open on the disk. */
  | { readonly kind: "release-leftovers" }
  /**
   * What was known of the disk counts no more: kernel and initramfs that were handed over go, a prepared entry is
   * closed.
   */
  | { readonly kind: "drop-knowledge" }
  | { readonly kind: "look-at-disk" }
  /** After a while. */
  | { readonly kind: "look-again" }
  /** Opens the boot entry before a desktop asks. */
  | { readonly kind: "prepare"; readonly disk?: DiskReport }
  /** Ends all service, then tells `closed`. */
  | { readonly kind: "close" }
  /** Writes what is in memory, then ends this machine. */
  | { readonly kind: "end-machine"; readonly command: Exclude<OnEnd, "wait"> };

export interface LifeStep {
  readonly life: Life;
  readonly deeds: readonly Deed[];
}

/** How long a disk may take to appear before its absence is worth a word. */
export const PATIENCE_MS = 5_000;

export function startLife(nowMs: number): Life {
  return {
    phase: { kind: "starting" },
    startMs: nowMs,
    freeSinceMs: nowMs,
    isWelcomeSaid: false,
    isAbsenceSaid: false,
  };
}

export function stepLife(life: Life, fact: Fact, rules: LifeRules, circumstances: Circumstances): LifeStep {
  switch (fact.kind) {
    case "adopted":
      return adopt(life, fact, rules);
    case "disk-looked-at":
      return seeDisk(noteDisk(life, fact.disk), fact.disk, rules, circumstances);
    case "disk-failed":
      return missDisk(life, fact, circumstances);
    case "disk-shown":
      return { life: noteDisk(life, fact.disk), deeds: [] };
    case "sending":
      return { life: { ...life, phase: fact }, deeds: [] };
    case "lent":
      // Under a guest the disk stays as it is known.
      return { life: { ...life, phase: fact }, deeds: fact.isGuest ? [] : [{ kind: "drop-knowledge" }] };
    case "lost":
      return lose(life, fact);
    case "freed":
      return free(life, fact.isDone, rules, circumstances);
    case "time-passed":
      return countLeftMs(life, rules, circumstances) === 0
        ? { life, deeds: [say(`No desktop for ${rules.clientTimeoutSeconds} s`), { kind: "close" }] }
        : { life, deeds: [] };
    case "closed":
      return endMachine(life, rules);
  }
}

/** After how long to look whether the time for desktops is up, 0 when it is; undefined: this server waits for ever. */
export function countLeftMs(life: Life, rules: LifeRules, { nowMs, isFree }: Circumstances): number | undefined {
  if (rules.clientTimeoutSeconds === 0 || rules.onEnd === "wait") return undefined;
  const limitMs = rules.clientTimeoutSeconds * 1000;
  return isFree ? Math.max(0, life.freeSinceMs + limitMs - nowMs) : limitMs;
}

function adopt(
  life: Life,
  { lease, lostBecause, isDone }: Extract<Fact, { kind: "adopted" }>,
  rules: LifeRules,
): LifeStep {
  // That desktop may have written to the disk.
  const mayHaveChanged = lease === undefined ? isDone : lease.isGuest === undefined;
  const drop: readonly Deed[] = mayHaveChanged ? [{ kind: "drop-knowledge" }] : [];
  if (lease !== undefined) {
    // A disk that is lent is the desktop's: it is not even looked at.
    const step = lostBecause === undefined
      ? {
        life: { ...life, phase: phaseOf(lease) },
        deeds: [],
      }
      : lose(life, { lease, reason: lostBecause });
    return { ...step, deeds: [...step.deeds, ...drop] };
  }
  const isOver = isDone && rules.onEnd !== "wait";
  const look: Deed = { kind: "look-at-disk" };
  // What an agent before this one had open when it failed would look like a use of the disk.
  const deeds: readonly Deed[] = [{ kind: "release-leftovers" }, ...drop];
  return { life, deeds: [...deeds, ...isDone ? sayDone(rules) : [], ...isOver ? [] : [look]] };
}

function seeDisk(life: Life, disk: DiskReport, rules: LifeRules, { isFree }: Circumstances): LifeStep {
  const seen = say(`Disk: ${describeDisk(disk)}`, ...disk.notices);
  const [problem] = disk.problems;
  if (problem !== undefined) {
    const refused = refuse(life, problem.message, []);
    return { ...refused, deeds: [seen, ...refused.deeds] };
  }
  return {
    life: { ...life, isWelcomeSaid: true, ...isFree ? { phase: { kind: "waiting" } as const } : {} },
    deeds: [
      seen,
      { kind: "mark", step: "serving" },
      ...life.isWelcomeSaid ? [] : [sayWelcome(rules)],
      say("Waiting for a desktop with the same key"),
      // Not while a desktop has the disk: what is opened now would stay open beside its export.
      ...isFree ? [{ kind: "prepare", disk } as const] : [],
      { kind: "mark", step: "prepared" },
    ],
  };
}

/** Says what stands against serving before anybody asks, so that trouble is seen at once. */
function missDisk(life: Life, fact: Extract<Fact, { kind: "disk-failed" }>, { nowMs }: Circumstances): LifeStep {
  const again: Deed = { kind: "look-again" };
  if (life.isAbsenceSaid || (fact.mayCome && nowMs - life.startMs <= PATIENCE_MS)) return { life, deeds: [again] };
  const refused = refuse({ ...life, isAbsenceSaid: true }, fact.reason, fact.hints);
  return { ...refused, deeds: [...refused.deeds, again] };
}

function refuse(life: Life, reason: string, hints: readonly string[]): LifeStep {
  const phase: Phase = { kind: "refusing", reason };
  return { life: { ...life, phase }, deeds: [say(describePhase(phase), ...hints.map((hint) => `  ${hint}`))] };
}

function lose(life: Life, { lease, reason }: { readonly lease: Lease; readonly reason: string }): LifeStep {
  const phase: Phase = { kind: "lost", client: clientOf(lease), sinceMs: lease.sinceMs, reason };
  return { life: { ...life, phase }, deeds: [say(...describeLostExport({ lease, reason }))] };
}

export function phaseOf(lease: Lease): Extract<Phase, { kind: "lent" }> {
  const { sinceMs, isGuest } = lease;
  return { kind: "lent", client: clientOf(lease), sinceMs, ...isGuest ? { isGuest } : {} };
}

/** What is shown of a holder: what tells it apart from others is the server's alone. */
function clientOf({ holder: { name, mac, address } }: Lease): ClientState {
  return { name, mac, address };
}

function free(life: Life, isDone: boolean, rules: LifeRules, { nowMs }: Circumstances): LifeStep {
  const deeds = isDone ? sayDone(rules) : [];
  const isOver = isDone && rules.onEnd !== "wait";
  return {
    life: { ...life, phase: { kind: "waiting" }, freeSinceMs: nowMs },
    deeds: [...deeds, ...isOver ? [] : [{ kind: "prepare" } as const]],
  };
}

function sayDone({ onEnd }: LifeRules): readonly Deed[] {
  return [say("The desktop is done with the disk"), ...onEnd === "wait" ? [] : [{ kind: "close" } as const]];
}

/** For a person at the laptop: what has become of it, and how it comes back. */
function sayWelcome({ name, ...end }: LifeRules): Deed {
  return say(
    `This computer is the stiefelsystem server "${name}": desktops with the same key use its disk.`,
    ...describeServiceEnd(end),
  );
}

function endMachine(life: Life, { onEnd }: LifeRules): LifeStep {
  if (onEnd === "wait") return { life, deeds: [] };
  return {
    life: { ...life, phase: { kind: "ended" } },
    deeds: [
      say(onEnd === "reboot" ? "Starting this machine's own system" : "Switching off"),
      { kind: "end-machine", command: onEnd },
    ],
  };
}

function noteDisk(life: Life, { path, model, sizeBytes }: DiskReport): Life {
  return { ...life, disk: { path, sizeBytes, ...(model === undefined ? {} : { model }) } };
}

function say(...lines: readonly string[]): Deed {
  return { kind: "say", lines };
}
