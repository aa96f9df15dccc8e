/** Requests for the status: which path gets what, in which form. Pure. */
import { listStatusRows } from "../../lib/describe_status.ts";
import { percentOf, type StoreLevel } from "../../lib/export/snapshot/plan_store.ts";
import { formatStatus, type Status } from "../../lib/formats/status.ts";
import type { Page, PageRequest } from "../../lib/net/status_page.ts";
import { contentSecurityPolicy, formatPage } from "./status_html.ts";
import { formatMetrics, METRICS_TYPE } from "./status_metrics.ts";

const paths = ["/", "/status.txt", "/status.json", "/metrics", "/favicon.ico"] as const;
type StatusPath = typeof paths[number];

/** What a desktop asks every 15 s: whether a person at the laptop wishes that it shuts down. Not for strangers. */
export const endPath = "/end";

/**
 * One line, which stiefel-end reads.
 * @param key what only laptop and desktop know; "-" where the session has no tunnel
 */
export function answerEnd(isWished: boolean, key: string | undefined): Page {
  return { status: 200, contentType: "text/plain", body: isWished ? `end ${key ?? "-"}\n` : "go on\n" };
}

/** What a guest asks every 5 s: how full the memory for its changes is. Not for strangers. */
export const storePath = "/store";

/** One line, which stiefel-guest reads: "store 34", in percent, or "store full". */
export function answerStore(store: StoreLevel | undefined): Page {
  const level = store === undefined ? "none" : store.isFull ? "full" : `${percentOf(store)}`;
  return { status: 200, contentType: "text/plain", body: `store ${level}\n` };
}

/** @returns undefined for a path that there is not; what stands behind "?" counts for nothing */
export function findStatusPath(target: string): StatusPath | undefined {
  const path = target.split("?", 1)[0];
  return paths.find((one) => one === path);
}

/** "/" is for people: HTML, or what the Accept header begins with (RFC 9110 section 12.5.1, the first one only). */
export async function answerStatus(
  status: Status,
  path: StatusPath,
  { accept }: Pick<PageRequest, "accept">,
): Promise<Page> {
  switch (path) {
    case "/":
      if (accept.startsWith("application/json")) return await answerStatus(status, "/status.json", { accept });
      if (accept.startsWith("text/plain")) return await answerStatus(status, "/status.txt", { accept });
      return {
        status: 200,
        contentType: "text/html; charset=utf-8",
        headers: { "Content-Security-Policy": await contentSecurityPolicy(), Vary: "Accept" },
        body: formatPage(status),
      };
    case "/status.txt":
      return { status: 200, contentType: "text/plain; charset=utf-8", body: formatText(status) };
    case "/status.json":
      return { status: 200, contentType: "application/json", body: formatStatus(status) };
    case "/metrics":
      return { status: 200, contentType: METRICS_TYPE, body: formatMetrics(status) };
    case "/favicon.ico":
      // The page has none; browsers ask for it all the same when they show text.
      return { status: 204 };
  }
}

function formatText(status: Status): string {
  const version = status.details === undefined ? "" : `, version ${status.details.version}`;
  const rows = listStatusRows(status).map(({ label, text }) => `${`${label}:`.padEnd(13)}${text}\n`);
  return `stiefelsystem server "${status.name}"${version}\n${rows.join("")}`;
}
