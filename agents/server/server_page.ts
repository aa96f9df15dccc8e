/** The page on the laptop's own screen while it serves. Pure. */
import { listStatusRows } from "../../lib/describe_status.ts";
import type { Status } from "../../lib/formats/status.ts";
import { describeServiceEnd, type ServiceEnd } from "../../lib/service_end.ts";
import type { PageRow } from "../shared/screen.ts";
import type { ShownPairing } from "./pairing.ts";

export interface ServerPageFacts {
  readonly status: Status;
  readonly end: ServiceEnd;
  /** Where the status is shown; absent while there is no link. */
  readonly addresses: readonly string[];
  /** For a desktop without a key. */
  readonly pairing?: ShownPairing | undefined;
}

export function formatServerPage({ status, end, addresses, pairing }: ServerPageFacts): readonly PageRow[] {
  return [
    { text: `stiefelsystem server "${status.name}"`, weight: "heading" },
    { text: "This computer lends its disk to a desktop. It does not run its own system now." },
    { text: "" },
    ...listStatusRows(status).map(({ label, text, isAlarm }): PageRow => ({
      label,
      text,
      ...isAlarm ? { weight: "alarm" } : {},
    })),
    ...addresses.map((text): PageRow => ({ label: "Status at", text })),
    ...pairing === undefined ? [] : describePairing(pairing),
    { text: "" },
    // One that is cut off cannot shut down in order any more.
    ...status.details?.phase === "lent"
      ? [{ text: "To end it: press E, then Y here: the desktop is asked to shut down in order." }]
      : [],
    ...describeServiceEnd(end).map((text): PageRow => ({ text })),
  ];
}

function describePairing(pairing: ShownPairing): readonly PageRow[] {
  if (pairing.kind === "over") {
    return [{ text: "" }, { text: "No code is taken from a desktop without a key any more. C makes a new one." }];
  }
  const { text, minutesLeft } = pairing;
  return [
    { text: "" },
    { label: "Code", text, weight: "heading" },
    { text: `A desktop without a key asks for it: type it there (${minutesLeft} min left).` },
  ];
}
