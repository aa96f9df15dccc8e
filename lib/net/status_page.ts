/**
 * The least of HTTP/1.1 (RFC 9112) that shows a few pages to browsers, curl and monitoring. The runtime's own HTTP
 * servers have no settings to keep few connections and to give up on slow ones, and every machine on the link can
 * reach this port.
 */
import { encodeUtf8 } from "../formats/text.ts";
import { checkHost } from "./page_host.ts";
import type { ByteStream } from "./stream.ts";

const maximumRequestBytes = 8 * 1024;

export interface PageRequest {
  readonly method: string;
  readonly path: string;
  /** The Accept header, lower case; "" when it is missing. */
  readonly accept: string;
  /** Whom it is for: the Host header, and the one of a target in absolute form. None only in HTTP/1.0. */
  readonly hosts: readonly string[];
}

/** The two ends of the connection, without a scope. */
export type PageEnds = Pick<ByteStream, "localAddress" | "remoteAddress">;

export type Page =
  | {
    readonly status: 200 | 400 | 404 | 405 | 421;
    readonly contentType: string;
    readonly body: string;
    readonly headers?: Readonly<Record<string, string>>;
  }
  /** Nothing to show. */
  | { readonly status: 204 };

export interface PageOptions {
  readonly port: number;
  /** What this machine is called. */
  readonly names: readonly string[];
  /** Of a GET or HEAD. @returns undefined for a path that there is not */
  readonly answer: (request: PageRequest, ends: PageEnds) => Promise<Page | undefined>;
}

/** From the connection to its end, for who sends or takes a byte at a time. */
const maximumMs = 15_000;

/** Answers one request and returns; the caller closes the stream. */
export async function servePage(stream: ByteStream, options: PageOptions): Promise<void> {
  const limit = setTimeout(() => stream.close(), maximumMs);
  try {
    const head = await readRequestHead(stream);
    if (head === undefined) return;
    const request = parseRequestHead(head);
    const page = await answerRequest(request, options, stream);
    await stream.write(formatResponse(page, request?.method !== "HEAD"));
    await stream.closeWrite();
  } finally {
    clearTimeout(limit);
  }
}

async function answerRequest(
  request: PageRequest | undefined,
  { answer, port, names }: PageOptions,
  ends: PageEnds,
): Promise<Page> {
  const place = { port, names, localAddress: ends.localAddress };
  const checks = request?.hosts.map((host) => checkHost(host, place)) ?? [];
  if (request === undefined || checks.includes("malformed")) return plain(400, "Bad request");
  // RFC 9110 section 15.5.20
  if (checks.includes("foreign")) return plain(421, "This machine has another name: ask by its address");
  if (request.method !== "GET" && request.method !== "HEAD") {
    return { ...plain(405, "Only GET"), headers: { Allow: "GET, HEAD" } };
  }
  return await answer(request, ends) ?? plain(404, "There is no such page");
}

function plain(status: 400 | 404 | 405 | 421, body: string): Exclude<Page, { readonly status: 204 }> {
  return { status, contentType: "text/plain; charset=utf-8", body: `${body}\n` };
}

/** @returns undefined when the other side has finished before its end */
export async function readRequestHead(stream: ByteStream): Promise<string | undefined> {
  const decoder = new TextDecoder("latin1"); // header bytes are not more than that
  let text = "";
  while (text.length <= maximumRequestBytes) {
    const bytes = await stream.read();
    if (bytes === undefined) return undefined;
    text += decoder.decode(bytes, { stream: true });
    const end = text.search(/\r?\n\r?\n/);
    if (end >= 0) return text.slice(0, end);
  }
  return text;
}

/** @returns undefined for what is not the head of an HTTP/1 request */
export function parseRequestHead(head: string): PageRequest | undefined {
  if (head.length > maximumRequestBytes) return undefined;
  const [requestLine = "", ...headers] = head.split(/\r?\n/);
  // RFC 9112 section 3.2: origin form, or absolute form ("http://host/path"), as for proxies
  const match = /^([A-Z]+) (?:http:\/\/([^\s/?#]*))?(\/\S*|(?<=\/\/[^\s/?#]+)) HTTP\/1\.([01])$/i.exec(requestLine);
  const [, method = "", target, path = "", minor] = match ?? [];
  if (match === null || method !== method.toUpperCase()) return undefined;
  // No blank before the colon, no line that goes on with the next (sections 5.1 and 5.2).
  if (headers.some((line) => !/^[!#$%&'*+.^_`|~\w-]+:/.test(line))) return undefined;
  const values = (name: string): readonly string[] =>
    headers.filter((line) => line.toLowerCase().startsWith(`${name}:`)).map((line) =>
      line.slice(name.length + 1).trim()
    );
  const hosts = values("host");
  // Section 3.2: exactly one; HTTP/1.0 knew none.
  if (hosts.length > 1 || (hosts.length === 0 && minor === "1")) return undefined;
  return {
    method,
    path: path === "" ? "/" : path,
    accept: values("accept")[0]?.toLowerCase() ?? "",
    hosts: [...hosts, ...(target === undefined ? [] : [target])],
  };
}

const reasons = {
  200: "OK",
  204: "No Content",
  400: "Bad Request",
  404: "Not Found",
  405: "Method Not Allowed",
  421: "Misdirected Request",
} as const;

function formatResponse(page: Page, withBody: boolean): Uint8Array {
  const body = page.status === 204 ? undefined : encodeUtf8(page.body);
  const head = [
    `HTTP/1.1 ${page.status} ${reasons[page.status]}`,
    // RFC 9110 section 8.6: no length with 204
    ...page.status === 204 ? [] : [`Content-Type: ${page.contentType}`, `Content-Length: ${body?.length}`],
    ...page.status === 204 ? [] : Object.entries(page.headers ?? {}).map(([name, value]) => `${name}: ${value}`),
    "Cache-Control: no-store",
    "X-Content-Type-Options: nosniff",
    "Referrer-Policy: no-referrer",
    "Cross-Origin-Resource-Policy: same-origin",
    "Connection: close",
  ];
  const text = encodeUtf8(head.join("\r\n") + "\r\n\r\n");
  return withBody && body !== undefined ? new Uint8Array([...text, ...body]) : text;
}
