/** What the server tells about itself, and to whom. Pure. */
import type { Status, StatusDetails } from "../../lib/formats/status.ts";
import { percentOf } from "../../lib/export/snapshot/plan_store.ts";
import type { OnEnd } from "../../lib/formats/kernel_command_line.ts";
import { toPrintable } from "../../lib/formats/text.ts";
import type { Power } from "./battery.ts";
import type { Lending } from "./holding.ts";
import type { Life } from "./life.ts";
import type { Reading } from "./meter.ts";
import { describePhase } from "./state.ts";

/** "here": a person or program at the laptop itself. */
export type Audience = "stranger" | "desktop" | "here";

/**
 * @param ends of the connection, without a scope
 * @param desktopAddress that of the desktop in its session
 */
export function judgeAudience(
  { localAddress, remoteAddress }: { readonly localAddress: string; readonly remoteAddress: string },
  desktopAddress: string | undefined,
): Audience {
  const isLoopback = (address: string): boolean => address === "::1" || address.startsWith("127.");
  // No packet of a link has such an address (RFC 1122 section 3.2.1.3, RFC 4291 section 2.5.3).
  if (isLoopback(localAddress) && isLoopback(remoteAddress)) return "here";
  return remoteAddress === desktopAddress ? "desktop" : "stranger";
}

export interface StatusFacts {
  readonly name: string;
  readonly version: string;
  /** No desktop has the disk, and no exchange is on. */
  readonly isFree: boolean;
  readonly life: Pick<Life, "phase" | "disk">;
  /** To the desktop that asks, or the first of all. */
  readonly lending: Lending | undefined;
  readonly guests: readonly Lending[];
  readonly diskErrors: number;
  readonly reading: Reading;
  readonly power: Power;
  readonly listening: readonly string[];
  readonly onEnd: OnEnd;
  readonly wallClockMs: number;
}

/** What a stranger learns. */
export function reportInShort({ name, isFree }: Pick<StatusFacts, "name" | "isFree">): Status {
  return { version: 1, name: clean(name, 256), state: isFree ? "serving" : "busy" };
}

export function reportInFull(facts: StatusFacts): Status {
  const { life, lending, reading: { measures, rates }, power } = facts;
  const { disk } = life;
  const linkName = lending?.linkName;
  return {
    ...reportInShort(facts),
    details: {
      version: clean(facts.version, 64),
      phase: life.phase.kind,
      sentence: clean(describePhase(life.phase), 4096),
      ...disk === undefined ? {} : { disk: cleanDisk(disk) },
      ...lending === undefined ? {} : { desktop: reportDesktop(lending, facts.wallClockMs) },
      ...facts.guests.length === 0 ? {} : { guests: facts.guests.map(reportGuest) },
      ...measures.disk === undefined ? {} : { traffic: { ...measures.disk, ...rates } },
      diskErrors: facts.diskErrors,
      ...linkName === undefined || measures.link === undefined
        ? {}
        : { link: { name: clean(linkName, 64), ...measures.link } },
      whenDone: facts.onEnd,
      power: power.kind === "mains"
        ? { isOnBattery: false }
        : { isOnBattery: true, ...power.percent === undefined ? {} : { batteryPercent: clampPercent(power.percent) } },
      listening: facts.listening.map((place) => clean(place, 128)),
    },
  };
}

function reportDesktop(lending: Lending, wallClockMs: number): NonNullable<StatusDetails["desktop"]> {
  const { lease: { holder, sinceMs }, transport, isEncrypted, isConnected } = lending;
  return {
    name: clean(holder.name, 256),
    mac: clean(holder.mac, 64),
    since: `${new Date(sinceMs).toISOString().slice(0, 19)}Z`,
    // Somebody may have set the clock meanwhile.
    forSeconds: Math.max(0, Math.floor((wallClockMs - sinceMs) / 1000)),
    isConnected,
    transport,
    isEncrypted,
  };
}

function reportGuest({ lease: { holder }, isConnected, store }: Lending): NonNullable<StatusDetails["guests"]>[number] {
  return {
    name: clean(holder.name, 256),
    mac: clean(holder.mac, 64),
    isConnected,
    ...store === undefined ? {} : {
      store: {
        usedBytes: store.usedBytes,
        sizeBytes: store.sizeBytes,
        percent: percentOf(store),
        isFull: store.isFull,
      },
    },
  };
}

function cleanDisk({ path, model, sizeBytes }: NonNullable<Life["disk"]>): NonNullable<StatusDetails["disk"]> {
  return { path: clean(path, 4096), sizeBytes, ...model === undefined ? {} : { model: clean(model, 256) } };
}

function clampPercent(percent: number): number {
  return Math.min(100, Math.max(0, Math.round(percent)));
}

/** One line, as long as it may be. */
function clean(text: string, maximumBytes: number): string {
  return toPrintable(text.replaceAll(/[\t\n]+/g, " "), maximumBytes);
}
