/**
 * The least of HTTP/1.1 (RFC 9112) that shows one page to browsers, curl and monitoring. The runtime's own HTTP
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

export interface Page {
  readonly status: 200 | 400 | 404 | 405 | 421;
  readonly contentType: string;
  readonly body: string;
}

export interface PageOptions {
  readonly port: number;
  /** What this machine is called. */
  readonly names: readonly string[];
  readonly answer: (request: PageRequest) => Page;
}

/** Answers one request and returns; the caller closes the stream. */
export async function servePage(stream: ByteStream, options: PageOptions): Promise<void> {
  const head = await readRequestHead(stream);
  if (head === undefined) return;
  const request = parseRequestHead(head);
  const page = answerRequest(request, { ...options, localAddress: stream.localAddress });
  await stream.write(formatResponse(page, request?.method !== "HEAD"));
  await stream.closeWrite();
}

function answerRequest(
  request: PageRequest | undefined,
  { answer, ...place }: PageOptions & { readonly localAddress: string },
): Page {
  const checks = request?.hosts.map((host) => checkHost(host, place)) ?? [];
  if (request === undefined || checks.includes("malformed")) return plain(400, "Bad request");
  // RFC 9110 section 15.5.20
  if (checks.includes("foreign")) return plain(421, "This machine has another name: ask by its address");
  if (request.method !== "GET" && request.method !== "HEAD") return plain(405, "Only GET");
  if (request.path !== "/") return plain(404, "Only /");
  return answer(request);
}

function plain(status: Page["status"], body: string): Page {
  return { status, contentType: "text/plain; charset=utf-8", body: `${body}\n` };
}

async function readRequestHead(stream: ByteStream): Promise<string | undefined> {
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
  400: "Bad Request",
  404: "Not Found",
  405: "Method Not Allowed",
  421: "Misdirected Request",
} as const;

function formatResponse(page: Page, withBody: boolean): Uint8Array {
  const body = encodeUtf8(page.body);
  const head = [
    `HTTP/1.1 ${page.status} ${reasons[page.status]}`,
    `Content-Type: ${page.contentType}`,
    `Content-Length: ${body.length}`,
    "Cache-Control: no-store",
    "X-Content-Type-Options: nosniff",
    "Connection: close",
  ];
  const text = encodeUtf8(head.join("\r\n") + "\r\n\r\n");
  return withBody ? new Uint8Array([...text, ...body]) : text;
}
