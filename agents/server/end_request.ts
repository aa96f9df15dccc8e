/**
 * A person at the laptop asks its desktop to shut down in order: two keys, one after the other, because a closed laptop
 * may have something on its keyboard. Pure.
 */

export type EndRequest =
  | { readonly kind: "none" }
  /** The first key was pressed. */
  | { readonly kind: "confirming"; readonly sinceMs: number; readonly desktop: EndingDesktop }
  | { readonly kind: "asked"; readonly sinceMs: number; readonly desktop: EndingDesktop; readonly isHeard: boolean };

/** The desktop that has the disk, in this session: a wish is not for the next one, nor for the same one restarted. */
export interface EndingDesktop {
  readonly name: string;
  /** When it got the disk, by the wall clock. */
  readonly sinceMs: number;
}

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

/** @param desktop undefined: no desktop has the disk */
export function stepEndRequest(
  former: EndRequest,
  fact: EndFact,
  { nowMs, desktop }: { readonly nowMs: number; readonly desktop: EndingDesktop | undefined },
): EndStep {
  if (desktop === undefined) return { request: noEndRequest, say: isKey(fact, "e") ? [withoutDesktop] : [] };
  const request = isFor(former, desktop) ? former : noEndRequest;
  const current = expire(request, nowMs);
  const { name } = desktop;
  const isOver = request.kind === "asked" && current.kind === "none";
  const say = isOver ? [`"${name}" has not shut down: a person or a program there may have declined`] : [];
  switch (current.kind) {
    case "none":
      if (!isKey(fact, "e")) return { request: current, say };
      return {
        request: { kind: "confirming", sinceMs: nowMs, desktop },
        say: [...say, `Ask "${name}" to shut down? Press Y within ${confirmMs / 1000} s; any other key: no`],
      };
    case "confirming":
      if (fact.kind !== "key") return { request: current, say };
      if (!isKey(fact, "y")) return { request: noEndRequest, say: [`"${name}" is not asked`] };
      return {
        request: { kind: "asked", sinceMs: nowMs, desktop, isHeard: false },
        say: [`Asking "${name}" to shut down; it looks every 15 s`],
      };
    case "asked":
      if (fact.kind !== "heard" || current.isHeard) return { request: current, say };
      return {
        request: { ...current, isHeard: true },
        say: [`"${name}" has heard it: it shuts down in a minute, unless a person or a program there declines`],
      };
  }
}

const withoutDesktop = "No desktop has the disk: Ctrl-Alt-Del restarts this laptop";

function expire(request: EndRequest, nowMs: number): EndRequest {
  if (request.kind === "none") return request;
  return nowMs - request.sinceMs < (request.kind === "asked" ? askMs : confirmMs) ? request : noEndRequest;
}

function isFor(request: EndRequest, { name, sinceMs }: EndingDesktop): boolean {
  return request.kind === "none" || (request.desktop.name === name && request.desktop.sinceMs === sinceMs);
}

function isKey(fact: EndFact, letter: string): boolean {
  return fact.kind === "key" && fact.text.toLowerCase() === letter;
}
