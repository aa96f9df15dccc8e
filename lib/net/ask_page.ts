/** Asks a server of ours for a page, and takes no more of the answer than it may have. */
import { decodeUtf8 } from "../formats/text.ts";
import { ProtocolError } from "../errors.ts";
import { describeEndpoint, withoutScope } from "./address.ts";
import { connectStream, IdleTimeout } from "./stream.ts";

const timeoutMs = 5_000;
const maximumBytes = 128 * 1024;
/** From the connection to its end, for who gives a byte at a time. */
const maximumMs = 20_000;

/**
 * @param place.address may carry a scope: `fe80::1%eth0`
 * @returns the body
 * @throws {ProtocolError} for an answer that is no page
 * @throws {IdleTimeout}, {Deno.errors.ConnectionRefused} and its siblings
 */
export async function askPage(
  place: { readonly address: string; readonly port: number },
  path: string,
  limitMs = maximumMs,
): Promise<string> {
  const late = AbortSignal.timeout(limitMs);
  try {
    return await askUntil(place, path, late);
  } catch (error) {
    if (late.aborted) throw new IdleTimeout(`No whole answer in ${limitMs / 1000} s`, { cause: error });
    throw error;
  }
}

async function askUntil(
  { address, port }: { readonly address: string; readonly port: number },
  path: string,
  signal: AbortSignal,
): Promise<string> {
  using stream = await connectStream({ host: address, port, timeoutMs, idleTimeoutMs: timeoutMs, signal });
  const host = describeEndpoint(withoutScope(address), port);
  await stream.write(new TextEncoder().encode(`GET ${path} HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`));
  const pieces: Uint8Array<ArrayBuffer>[] = [];
  let size = 0;
  for (let piece = await stream.read(); piece !== undefined; piece = await stream.read()) {
    size += piece.length;
    if (size > maximumBytes) throw new ProtocolError("oversize", "The page is too long");
    // The next read fills the same buffer.
    pieces.push(piece.slice());
  }
  signal.throwIfAborted();
  return parseAnswer(new Uint8Array(await new Blob(pieces).arrayBuffer()));
}

/** @throws {ProtocolError} */
function parseAnswer(bytes: Uint8Array): string {
  const text = decodeUtf8(bytes, "The page");
  const end = text.indexOf("\r\n\r\n");
  const status = /^HTTP\/1\.1 (\d{3}) /.exec(text)?.[1];
  if (end < 0 || status === undefined) throw new ProtocolError("malformed", "The answer is no page");
  if (status !== "200") throw new ProtocolError("malformed", `The answer is HTTP status ${status}`);
  return text.slice(end + 4);
}
