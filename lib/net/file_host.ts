/**
 * The least of HTTP/1.1 (RFC 9110, RFC 9112) by which firmwares and boot loaders fetch files: GET and HEAD, one request
 * after the other, and the rest of a file from a byte on. Every machine on the link can reach it.
 */
import type { FilePart } from "../file_part.ts";
import { encodeUtf8 } from "../formats/text.ts";
import { parseRequestHead, readRequestHead } from "./status_page.ts";
import type { ByteStream } from "./stream.ts";

export interface HostedFile {
  readonly sizeBytes: number;
  open(part: FilePart): Promise<ReadableStream<Uint8Array>>;
}

export interface FileHostOptions {
  /** @param path as it was asked for. @returns undefined for a file that there is not */
  readonly find: (path: string) => Promise<HostedFile | undefined>;
}

/** Of one connection: a boot loader that tries names asks for a dozen. */
const maximumRequests = 64;
/** From the connection to its end, for who takes a byte at a time. */
const maximumMs = 10 * 60_000;

/** Answers what is asked over one connection, and returns; the caller closes the stream. */
export async function serveFiles(stream: ByteStream, options: FileHostOptions): Promise<void> {
  const limit = setTimeout(() => stream.close(), maximumMs);
  try {
    for (let count = 1; count <= maximumRequests; count++) {
      const head = await readRequestHead(stream);
      if (head === undefined) return;
      if (!await answer(stream, head, { ...options, isLast: count === maximumRequests })) return;
    }
  } finally {
    clearTimeout(limit);
  }
}

/** @returns whether another request may come */
async function answer(
  stream: ByteStream,
  head: string,
  { find, isLast }: FileHostOptions & { readonly isLast: boolean },
): Promise<boolean> {
  const request = parseRequestHead(head);
  const goesOn = request !== undefined && !isLast && !/^connection:\s*close\s*$/im.test(head) &&
    !/HTTP\/1\.0\s*$/.test(head.split(/\r?\n/, 1)[0] ?? "");
  const send = async (status: number, lines: readonly string[]): Promise<void> =>
    await stream.write(encodeUtf8([
      `HTTP/1.1 ${status} ${reasons[status] ?? ""}`,
      ...lines,
      ...goesOn ? [] : ["Connection: close"],
      "",
      "",
    ].join("\r\n")));
  const file = request?.method === "GET" || request?.method === "HEAD" ? await find(request.path) : undefined;
  if (file === undefined) {
    const refusal = request === undefined ? 400 : request.method === "GET" || request.method === "HEAD" ? 404 : 405;
    await send(refusal, ["Content-Length: 0", ...refusal === 405 ? ["Allow: GET, HEAD"] : []]);
    return goesOn && refusal === 404;
  }
  const start = findStart(head);
  if (start >= file.sizeBytes && start > 0) {
    await send(416, [`Content-Range: bytes */${file.sizeBytes}`, "Content-Length: 0"]);
    return goesOn;
  }
  const sizeBytes = file.sizeBytes - start;
  await send(start === 0 ? 200 : 206, [
    "Content-Type: application/octet-stream",
    `Content-Length: ${sizeBytes}`,
    ...start === 0 ? [] : [`Content-Range: bytes ${start}-${file.sizeBytes - 1}/${file.sizeBytes}`],
  ]);
  if (request?.method === "GET") {
    for await (const piece of await file.open({ offset: start, sizeBytes })) await stream.write(piece);
  }
  return goesOn;
}

const reasons: Readonly<Record<number, string>> = {
  200: "OK",
  206: "Partial Content",
  400: "Bad Request",
  404: "Not Found",
  405: "Method Not Allowed",
  416: "Range Not Satisfiable",
};

/** The only form of Range that boot loaders send: from a byte to the end. Any other may be ignored (RFC 9110, 14.2). */
function findStart(head: string): number {
  return Number(/^range:\s*bytes=(\d{1,15})-\s*$/im.exec(head)?.[1] ?? 0);
}
