/** The page of a desktop that waits for its laptop. Pure. */
import { formatDuration } from "../../lib/describe_status.ts";
import type { PageRow } from "../shared/screen.ts";

export interface WaitingFacts {
  readonly keyFingerprint: string;
  readonly waitedMs: number;
  /** Cards that may reach a laptop. */
  readonly links: readonly WaitingLink[];
  /** What to check next; absent in the beginning. */
  readonly advice?: string;
}

export interface WaitingLink {
  readonly name: string;
  readonly isUp: boolean;
  readonly hasCarrier: boolean;
  readonly speedMbps?: number;
}

/** Of more than these, a row counts the others. */
const maximumLinks = 6;

export function formatWaitingPage({ keyFingerprint, waitedMs, links, advice }: WaitingFacts): readonly PageRow[] {
  const shown = links.slice(0, maximumLinks);
  const others = links.length - shown.length;
  return [
    { text: "stiefelsystem desktop", weight: "heading" },
    { text: "This computer looks for the laptop whose disk it starts from." },
    { text: "" },
    { label: "Looks for", text: `a laptop with the key ${keyFingerprint}` },
    { label: "For", text: formatDuration(waitedMs / 1000) },
    ...links.length === 0 ? [{ label: "Links", text: "no network card found yet" }] : [],
    ...shown.map((link): PageRow => ({ label: link.name, text: describeLink(link) })),
    ...others > 0 ? [{ label: "", text: `and ${others} more` }] : [],
    { text: "" },
    ...advice === undefined ? [] : [{ label: "Check next", text: advice }, { text: "" }],
    { text: "It goes on by itself when the laptop answers. To leave: Ctrl-Alt-Del, or the power key." },
  ];
}

/** "eth0" is "2500 Mbit/s". */
export function describeLink({ isUp, hasCarrier, speedMbps }: WaitingLink): string {
  if (!isUp) return "being raised";
  if (!hasCarrier) return "no cable";
  return speedMbps === undefined ? "connected" : `${speedMbps} Mbit/s`;
}
