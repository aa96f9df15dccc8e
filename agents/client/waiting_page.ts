/** The page of a desktop that waits for its laptop. Pure. */
import { formatDuration } from "../../lib/describe_status.ts";
import type { PageRow } from "../shared/screen.ts";

export interface WaitingFacts {
  readonly keys: readonly WaitingKey[];
  readonly waitedMs: number;
  /** Cards that may reach a laptop. */
  readonly links: readonly WaitingLink[];
  /** What to check next; absent in the beginning. */
  readonly advice?: string;
}

export interface WaitingKey {
  readonly fingerprint: string;
  /** Of its laptop; absent: the client's own key. */
  readonly name?: string;
}

export interface WaitingLink {
  readonly name: string;
  readonly isUp: boolean;
  readonly hasCarrier: boolean;
  readonly speedMbps?: number;
}

/** Of more than these, a row counts the others. */
const maximumLinks = 6;
const maximumKeys = 4;

export function formatWaitingPage({ keys, waitedMs, links, advice }: WaitingFacts): readonly PageRow[] {
  const shown = links.slice(0, maximumLinks);
  const others = links.length - shown.length;
  return [
    { text: "stiefelsystem desktop", weight: "heading" },
    { text: "This computer looks for the laptop whose disk it starts from." },
    { text: "" },
    ...describeKeys(keys).map((text, index): PageRow => ({ label: index === 0 ? "Looks for" : "", text })),
    { label: "For", text: formatDuration(waitedMs / 1000) },
    ...links.length === 0 ? [{ label: "Links", text: "no network card found yet" }] : [],
    ...shown.map((link): PageRow => ({ label: link.name, text: describeLink(link) })),
    ...others > 0 ? [{ label: "", text: `and ${others} more` }] : [],
    { text: "" },
    ...advice === undefined ? [] : [{ label: "Check next", text: advice }, { text: "" }],
    { text: "It goes on by itself when the laptop answers. To leave: Ctrl-Alt-Del, or the power key." },
  ];
}

function describeKeys(keys: readonly WaitingKey[]): readonly string[] {
  const [own] = keys;
  if (own !== undefined && keys.length === 1) return [`a laptop with the key ${own.fingerprint}`];
  const shown = keys.slice(0, maximumKeys).map(describeKey);
  const others = keys.length - shown.length;
  return ["a laptop with one of these keys", ...shown, ...others > 0 ? [`and ${others} more`] : []];
}

/** "1a2b-3c4d-5e6f-7081 (bell)" */
export function describeKey({ fingerprint, name }: WaitingKey): string {
  return name === undefined ? fingerprint : `${fingerprint} (${name})`;
}

/** "eth0" is "2500 Mbit/s". */
export function describeLink({ isUp, hasCarrier, speedMbps }: WaitingLink): string {
  if (!isUp) return "being raised";
  if (!hasCarrier) return "no cable";
  return speedMbps === undefined ? "connected" : `${speedMbps} Mbit/s`;
}
