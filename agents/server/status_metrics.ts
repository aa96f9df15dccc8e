/** The status as Prometheus reads it (its "Exposition formats", text format version 0.0.4). Pure. */
import type { Status, StatusDetails } from "../../lib/formats/status.ts";

export const METRICS_TYPE = "text/plain; version=0.0.4; charset=utf-8";

interface Metric {
  readonly name: string;
  readonly help: string;
  readonly type: "counter" | "gauge";
  readonly value?: number | undefined;
  readonly labels?: Readonly<Record<string, string>>;
  /** In place of `value` and `labels`: several of one name. */
  readonly samples?: readonly { readonly value: number; readonly labels: Readonly<Record<string, string>> }[];
}

/** Names carry base units; what is not known is left out. */
export function formatMetrics(status: Status): string {
  const { details } = status;
  const metrics: readonly Metric[] = [
    {
      name: "stiefelsystem_busy",
      help: "Whether a desktop has the disk.",
      type: "gauge",
      value: status.state === "busy" ? 1 : 0,
      labels: { name: status.name },
    },
    ...details === undefined ? [] : listDetails(details),
  ];
  return metrics.map(formatMetric).join("");
}

function listDetails(details: StatusDetails): readonly Metric[] {
  const { desktop, guests = [], disk, traffic, link, power } = details;
  const stores = guests.flatMap(({ name, mac, store }) =>
    store === undefined ? [] : [{ labels: { guest: name, mac }, store }]
  );
  const flag = (value: boolean): number => value ? 1 : 0;
  return [
    {
      name: "stiefelsystem_info",
      help: "What serves here; the value is always 1.",
      type: "gauge",
      value: 1,
      labels: {
        version: details.version,
        phase: details.phase,
        ...desktop === undefined ? {} : { desktop: desktop.name, transport: desktop.transport },
      },
    },
    {
      name: "stiefelsystem_session_start_timestamp_seconds",
      help: "When the desktop got the disk, since 1970, by the laptop's clock.",
      type: "gauge",
      value: desktop && Date.parse(desktop.since) / 1000,
    },
    {
      name: "stiefelsystem_desktop_connected",
      help: "Whether the desktop that has the disk is connected to it.",
      type: "gauge",
      value: desktop && flag(desktop.isConnected),
    },
    {
      name: "stiefelsystem_desktop_encrypted",
      help: "Whether the blocks of the disk are encrypted on the cable.",
      type: "gauge",
      value: desktop && flag(desktop.isEncrypted),
    },
    {
      name: "stiefelsystem_guest_store_size_bytes",
      help: "Memory for what a guest changes.",
      type: "gauge",
      samples: stores.map(({ labels, store }) => ({ labels, value: store.sizeBytes })),
    },
    {
      name: "stiefelsystem_guest_store_used_bytes",
      help: "How much of it is used.",
      type: "gauge",
      samples: stores.map(({ labels, store }) => ({ labels, value: store.usedBytes })),
    },
    { name: "stiefelsystem_disk_size_bytes", help: "Size of the disk.", type: "gauge", value: disk?.sizeBytes },
    {
      name: "stiefelsystem_disk_read_bytes_total",
      help: "Read from the disk since the laptop serves.",
      type: "counter",
      value: traffic?.readBytes,
    },
    {
      name: "stiefelsystem_disk_written_bytes_total",
      help: "Written to the disk since the laptop serves.",
      type: "counter",
      value: traffic?.writtenBytes,
    },
    {
      name: "stiefelsystem_disk_errors_total",
      help: "Errors of the disk that a desktop got, since the agent was started.",
      type: "counter",
      value: details.diskErrors,
    },
    {
      name: "stiefelsystem_link_speed_bits_per_second",
      help: "Speed of the link to the desktop.",
      type: "gauge",
      value: link?.speedMbps === undefined ? undefined : link.speedMbps * 1e6,
    },
    {
      name: "stiefelsystem_link_receive_errors_total",
      help: "Packets that came damaged over the link to the desktop.",
      type: "counter",
      value: link?.receiveErrors,
    },
    {
      name: "stiefelsystem_link_transmit_errors_total",
      help: "Packets that could not be sent over the link to the desktop.",
      type: "counter",
      value: link?.transmitErrors,
    },
    {
      name: "stiefelsystem_power_on_battery",
      help: "Whether the laptop runs on its battery.",
      type: "gauge",
      value: flag(power.isOnBattery),
    },
    {
      name: "stiefelsystem_power_battery_ratio",
      help: "What is left of the battery, from 0 to 1, while the laptop runs on it.",
      type: "gauge",
      value: power.batteryPercent === undefined ? undefined : power.batteryPercent / 100,
    },
  ];
}

function formatMetric({ name, help, type, value, labels = {}, samples }: Metric): string {
  const all = samples ?? (value === undefined || !Number.isFinite(value) ? [] : [{ value, labels }]);
  if (all.length === 0) return "";
  const lines = all.map((sample) => {
    const pairs = Object.entries(sample.labels).map(([label, text]) => `${label}="${escapeLabel(text)}"`).join(",");
    return `${name}${pairs === "" ? "" : `{${pairs}}`} ${sample.value}\n`;
  });
  return `# HELP ${name} ${help}\n# TYPE ${name} ${type}\n${lines.join("")}`;
}

function escapeLabel(text: string): string {
  return text.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("\n", "\\n");
}
