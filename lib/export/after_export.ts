/** What becomes of a lease when its export is over. Pure. */
import type { ExportEnd } from "./transport.ts";

export type AfterExport =
  /** The server itself has ended it, for the same desktop or because it ends: what comes next is decided there. */
  | { readonly kind: "nothing" }
  /** Its desktop may believe that it has the disk: no other one gets it (doc/agents.md, "When the export breaks"). */
  | { readonly kind: "stay-lent"; readonly reason: string }
  /**
   * The disk is free.
   * @param isDone a desktop had it and said goodbye
   * @param because it came to nothing: why
   */
  | { readonly kind: "free"; readonly isDone: boolean; readonly because?: string };

/** @param isGuest what the desktop would still write is thrown away anyway */
export function decideAfterExport(end: ExportEnd, { isGuest }: { readonly isGuest: boolean }): AfterExport {
  switch (end.reason) {
    case "stopped":
      return { kind: "nothing" };
    case "lost":
      if (isGuest) return { kind: "free", isDone: false, because: end.message };
      return { kind: "stay-lent", reason: end.message };
    case "failed":
      return { kind: "free", isDone: false, because: end.message };
    case "disconnected":
      return { kind: "free", isDone: true };
  }
}
