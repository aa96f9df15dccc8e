/**
 * The least of HTTP/1.1 (RFC 9112) that shows one page to browsers, curl and monitoring. The runtime's own HTTP servers cannot be
 * told to keep few connections and to give up on slow ones, and this port is open to everybody on the link.
 */
import type { ByteStream } from "./stream.ts";

const maximumRequestBytes = 8 * 1024;

export interface PageRequest {
  readonly method: string;
  readonly path: string;
  /** The Accept header, lower case; "" when there is none. */
  readonly accept: string;
}

export interface Page {
  readonly status: 200 | 400 | 404 | 405;
  readonly contentType: string;
  readonly body: string;
}

/** Answers one request and returns; the caller closes the stream. */
export async function servePage(stream: ByteStream, answer: (request: PageRequest) => Page): Promise<void> {
  const head = await readRequestHead(stream);
  if (head === undefined) return;
  const request = parseRequestHead(head);
  const page = request === undefined ? plain(400, "Bad request") : answerWithin(request, answer);
  await stream.write(formatResponse(page, request?.method !== "HEAD"));
  await stream.closeWrite();
}

function answerWithin(request: PageRequest, answer: (request: PageRequest) => Page): Page {
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
  const match = /^([A-Z]+) (\/\S*) HTTP\/1\.[01]$/.exec(requestLine);
  if (match === null) return undefined;
  const accept = headers.find((line) => /^accept:/i.test(line))?.slice("accept:".length).trim().toLowerCase() ?? "";
  return { method: match[1] ?? "", path: match[2] ?? "", accept };
}

const reasons = { 200: "OK", 400: "Bad Request", 404: "Not Found", 405: "Method Not Allowed" } as const;

function formatResponse(page: Page, withBody: boolean): Uint8Array {
  const body = new TextEncoder().encode(page.body);
  const head = [
    `HTTP/1.1 ${page.status} ${reasons[page.status]}`,
    `Content-Type: ${page.contentType}`,
    `Content-Length: ${body.length}`,
    "Cache-Control: no-store",
    "X-Content-Type-Options: nosniff",
    "Connection: close",
  ];
  const text = new TextEncoder().encode(head.join("\r\n") + "\r\n\r\n");
  return withBody ? new Uint8Array([...text, ...body]) : text;
}
