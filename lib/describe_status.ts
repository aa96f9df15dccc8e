/** The status of a laptop that serves, in words: the same on its screen, on its page and on its desktop. Pure. */
import { formatBytes } from "./format_bytes.ts";
import type { Status, StatusDetails } from "./formats/status.ts";

export interface StatusRow {
  readonly label: string;
  readonly text: string;
  /** A person should look at it. */
  readonly isAlarm?: boolean;
}

/** One row a fact, in the order of what matters. */
export function listStatusRows({ state, details }: Status): readonly StatusRow[] {
  if (details === undefined) {
    return [{ label: "State", text: state === "busy" ? "A desktop has the disk" : "Waiting for a desktop" }];
  }
  const { disk, desktop, guests = [], traffic, link, power, phase, diskErrors } = details;
  return [
    { label: "State", text: details.sentence, ...phase === "lost" || phase === "refusing" ? { isAlarm: true } : {} },
    { label: "Disk", text: disk === undefined ? "none yet" : describeDisk(disk) },
    ...desktop === undefined ? [] : describeDesktop(desktop),
    ...guests.map(describeGuest),
    ...traffic === undefined ? [] : describeTraffic(traffic),
    { label: "Disk errors", text: `${diskErrors}`, ...diskErrors > 0 ? { isAlarm: true } : {} },
    ...link === undefined ? [] : [describeLink(link)],
    describePower(power),
    // While a desktop has the disk, others that ask are refused.
    ...desktop === undefined ? [describeListening(details.listening)] : [],
  ];
}

function describeListening(places: readonly string[]): StatusRow {
  return { label: "Listens on", text: places.length === 0 ? "no link yet" : places.join(", ") };
}

/** "Samsung SSD 980 (/dev/nvme0n1), 1.0 TB" */
export function describeDisk({ path, model, sizeBytes }: NonNullable<StatusDetails["disk"]>): string {
  return `${model === undefined ? path : `${model} (${path})`}, ${formatBytes(sizeBytes)}`;
}

function describeDesktop(desktop: NonNullable<StatusDetails["desktop"]>): readonly StatusRow[] {
  const { forSeconds, isConnected, transport, isEncrypted } = desktop;
  return [
    { label: "Lent for", text: formatDuration(forSeconds) },
    {
      label: "Connection",
      text: `${isConnected ? "up" : "down"}, ${transport}, ${isEncrypted ? "encrypted" : "not encrypted"}`,
      ...isConnected ? {} : { isAlarm: true },
    },
  ];
}

/** From here on it is worth a look. */
const storeAlarmPercent = 70;

function describeGuest(
  { name, isConnected, store }: NonNullable<StatusDetails["guests"]>[number],
): StatusRow {
  const level = store === undefined
    ? ""
    : store.isFull
    ? ", NO ROOM for more changes: switch it off"
    : `, ${store.percent} % of ${formatBytes(store.sizeBytes)} for changes used`;
  const isAlarm = store !== undefined && store.percent >= storeAlarmPercent;
  return {
    label: "Guest",
    text: `"${name}"${isConnected ? "" : " (not connected)"}${level}`,
    ...isAlarm ? { isAlarm } : {},
  };
}

function describeTraffic(traffic: NonNullable<StatusDetails["traffic"]>): readonly StatusRow[] {
  const { readBytes, writtenBytes, readBytesPerSecond, writtenBytesPerSecond } = traffic;
  const amount = (bytes: number, perSecond: number | undefined): string =>
    `${formatBytes(bytes)}${perSecond === undefined ? "" : `, now ${formatBytes(perSecond)}/s`}`;
  return [
    { label: "Read", text: amount(readBytes, readBytesPerSecond) },
    { label: "Written", text: amount(writtenBytes, writtenBytesPerSecond) },
  ];
}

function describeLink({ name, speedMbps, ...errors }: NonNullable<StatusDetails["link"]>): StatusRow {
  const count = errors.receiveErrors + errors.transmitErrors;
  const speed = speedMbps === undefined ? "speed not known" : `${speedMbps} Mbit/s`;
  return { label: "Link", text: `${name}, ${speed}${count === 0 ? "" : `, ${count} error${count === 1 ? "" : "s"}`}` };
}

function describePower({ isOnBattery, batteryPercent }: StatusDetails["power"]): StatusRow {
  if (!isOnBattery) return { label: "Power", text: "mains" };
  const left = batteryPercent === undefined ? "" : `, ${batteryPercent} % left`;
  return { label: "Power", text: `battery${left}: plug it in`, isAlarm: true };
}

/** 7_500 -> "2 h 5 min" */
export function formatDuration(seconds: number): string {
  const minutes = Math.floor(seconds / 60);
  if (minutes === 0) return `${Math.floor(seconds)} s`;
  const hours = Math.floor(minutes / 60);
  if (hours === 0) return `${minutes} min`;
  const days = Math.floor(hours / 24);
  return days === 0 ? `${hours} h ${minutes % 60} min` : `${days} d ${hours % 24} h`;
}
