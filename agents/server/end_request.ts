/**
 * A person at the laptop asks its desktop to shut down in order: two keys, one after the other, because a closed laptop
 * may have something on its keyboard. Pure.
 */

export type EndRequest =
  | { readonly kind: "none" }
  /** The first key was pressed. */
  | { readonly kind: "confirming"; readonly sinceMs: number }
  | { readonly kind: "asked"; readonly sinceMs: number; readonly isHeard: boolean };

export type EndFact =
  | { readonly kind: "key"; readonly text: string }
  /** The desktop has looked, and read the wish. */
  | { readonly kind: "heard" }
  /** Time has passed, or who has the disk has changed. */
  | { readonly kind: "looked-at" };

export interface EndStep {
  readonly request: EndRequest;
  readonly say: readonly string[];
}

export const noEndRequest: EndRequest = { kind: "none" };

const confirmMs = 10_000;
/** The desktop looks every 15 s, and gives its users a minute. */
const askMs = 3 * 60_000;

/** @param desktop what the desktop that has the disk is called; undefined: no desktop has it */
export function stepEndRequest(
  request: EndRequest,
  fact: EndFact,
  { nowMs, desktop }: { readonly nowMs: number; readonly desktop: string | undefined },
): EndStep {
  if (desktop === undefined) return { request: noEndRequest, say: isKey(fact, "e") ? [withoutDesktop] : [] };
  const current = expire(request, nowMs);
  const isOver = request.kind === "asked" && current.kind === "none";
  const say = isOver ? [`"${desktop}" has not shut down: a person or a program there may have declined`] : [];
  switch (current.kind) {
    case "none":
      if (!isKey(fact, "e")) return { request: current, say };
      return {
        request: { kind: "confirming", sinceMs: nowMs },
        say: [...say, `Ask "${desktop}" to shut down? Press Y within ${confirmMs / 1000} s; any other key: no`],
      };
    case "confirming":
      if (fact.kind !== "key") return { request: current, say };
      if (!isKey(fact, "y")) return { request: noEndRequest, say: [`"${desktop}" is not asked`] };
      return {
        request: { kind: "asked", sinceMs: nowMs, isHeard: false },
        say: [`Asking "${desktop}" to shut down; it looks every 15 s`],
      };
    case "asked":
      if (fact.kind !== "heard" || current.isHeard) return { request: current, say };
      return {
        request: { ...current, isHeard: true },
        say: [`"${desktop}" has heard it: it shuts down in a minute, unless a person or a program there declines`],
      };
  }
}

const withoutDesktop = "No desktop has the disk: Ctrl-Alt-Del restarts this laptop";

function expire(request: EndRequest, nowMs: number): EndRequest {
  if (request.kind === "none") return request;
  return nowMs - request.sinceMs < (request.kind === "asked" ? askMs : confirmMs) ? request : noEndRequest;
}

function isKey(fact: EndFact, letter: string): boolean {
  return fact.kind === "key" && fact.text.toLowerCase() === letter;
}
