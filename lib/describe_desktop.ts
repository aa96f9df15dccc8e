/** What a desktop itself sees of the laptop's disk, in words, for its own `status`. Pure. */
import type { StatusRow } from "./describe_status.ts";
import type { NetworkState } from "./formats/network_state.ts";
import type { SessionState } from "./formats/session_state.ts";

export interface DesktopFacts {
  readonly session: SessionState;
  /** Of the link to the laptop; absent when it is not there. */
  readonly link?: {
    readonly hasCarrier: boolean;
    /** 10^6 bit/s. */
    readonly speedMbps?: number;
    /** Since this system's kernel has started. */
    readonly packetErrors: number;
    /** The same; absent where the kernel does not count. */
    readonly downCount?: number;
  };
  /** To the laptop's kernel and back, the best of several; absent when it did not answer. */
  readonly roundTripMs?: number;
  readonly network?: NetworkState;
  /** Swap on the disk is held back. */
  readonly isSwapOff: boolean;
  readonly isSleepOff: boolean;
  /** Something lies over the firmware's variables. */
  readonly isFirmwareHidden: boolean;
}

/** One row a fact. */
export function listDesktopRows(facts: DesktopFacts): readonly StatusRow[] {
  const { session, roundTripMs } = facts;
  return [
    ...session.disk === undefined ? [] : [{ label: "Disk here", text: describeDisk(session) }],
    ...roundTripMs === undefined ? [] : [{ label: "Round trip", text: formatMilliseconds(roundTripMs) }],
    describeErrors(facts),
    ...describeNetwork(facts.network),
    ...listDifferences(facts).map((text, index) => ({ label: index === 0 ? "Not as there" : "", text })),
  ];
}

function describeDisk({ disk, transport, tunnelName }: SessionState): string {
  const way = transport === undefined ? "" : ` by ${transport}`;
  return `${disk}${way}, ${tunnelName === undefined ? "not encrypted" : `encrypted (WireGuard, ${tunnelName})`}`;
}

/** 0.4321 -> "0.43 ms" */
function formatMilliseconds(milliseconds: number): string {
  return `${milliseconds < 10 ? milliseconds.toFixed(2) : Math.round(milliseconds)} ms`;
}

function describeErrors({ session, link }: DesktopFacts): StatusRow {
  const label = "Link here";
  const name = session.linkName ?? "the link";
  if (link === undefined) return { label, text: `${name} is not there`, isAlarm: true };
  if (!link.hasCarrier) return { label, text: `${name}, its cable is out`, isAlarm: true };
  const speed = link.speedMbps === undefined ? "" : `, ${link.speedMbps} Mbit/s`;
  // A card that was pulled out counts from the beginning.
  const [before = 0, now = before] = [session.linkDownCount ?? link.downCount, link.downCount];
  const losses = now < before ? now : now - before;
  const troubles = [
    ...link.packetErrors === 0 ? [] : [`${count(link.packetErrors, "error")}`],
    ...losses === 0 ? [] : [`${count(losses, "time")} without its cable`],
  ];
  const text = `${name}${speed}, ${troubles.length === 0 ? "no errors" : troubles.join(", ")} since boot`;
  return { label, text, ...troubles.length === 0 ? {} : { isAlarm: true } };
}

function count(number: number, word: string): string {
  return `${number} ${word}${number === 1 ? "" : "s"}`;
}

const networkReasons: Readonly<Record<NetworkState["reason"], string>> = {
  dhcp: "a DHCP server answers on the cable",
  router: "a router answers on the cable",
  alone: "none of its own on this cable, where no router answers (it is asked once a minute)",
  "no-carrier": "none of its own on this cable, which is out",
  unusable: "none of its own on this cable: this kernel lacks macvlan, bridge or veth",
};

function describeNetwork(network: NetworkState | undefined): readonly StatusRow[] {
  if (network === undefined) return [];
  const reason = networkReasons[network.reason];
  return [{ label: "Network", text: network.card === undefined ? reason : `${network.card}: ${reason}` }];
}

/** From the same system on the laptop itself. */
function listDifferences(facts: DesktopFacts): readonly string[] {
  return [
    ...facts.isSwapOff ? ["swap on the disk is off (touch /run/stiefelsystem/allow-swap allows it)"] : [],
    ...facts.isSleepOff ? ["sleep is off: it would cut off the disk"] : [],
    "an initramfs that is built here is one for any machine, until the next update on the laptop",
    ...facts.isFirmwareHidden ? ["this computer's firmware variables are hidden"] : [],
  ];
}
