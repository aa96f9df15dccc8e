/** Child processes: ending them, and their input and output. */

import { createLineSplitter } from "./lines.ts";

const maximumCapturedBytes = 64 * 1024 * 1024;

/** Sends a signal; without effect when the process has ended. */
export function sendSignal(child: Deno.ChildProcess, signal: Deno.Signal): void {
  try {
    child.kill(signal);
  } catch {
    // The process has ended already.
  }
}

export interface Ender {
  end(): void;
  cancel(): void;
  /** Aborts when the child's output is of no interest any more. */
  readonly signal: AbortSignal;
}

/** Ends a child politely, then for good. What the child has started may live on and hold its output open. */
export function createEnder(child: Deno.ChildProcess, graceMs: number): Ender {
  const controller = new AbortController();
  let timer: ReturnType<typeof setTimeout> | undefined;
  return {
    signal: controller.signal,
    end: () => {
      if (timer !== undefined) return;
      sendSignal(child, "SIGTERM");
      timer = setTimeout(() => {
        sendSignal(child, "SIGKILL");
        controller.abort();
      }, graceMs);
    },
    cancel: () => clearTimeout(timer),
  };
}

/** Hands out pieces until the stream ends or the signal aborts. */
export async function readPieces(
  stream: ReadableStream<Uint8Array<ArrayBuffer>>,
  onPiece: (piece: Uint8Array<ArrayBuffer>) => void,
  signal: AbortSignal,
): Promise<void> {
  const reader = stream.getReader();
  const onAbort = (): void => void reader.cancel().catch(() => {});
  signal.addEventListener("abort", onAbort, { once: true });
  try {
    for (let next = await reader.read(); !next.done; next = await reader.read()) onPiece(next.value);
  } finally {
    signal.removeEventListener("abort", onAbort);
  }
}

/** Hands out lines until the stream ends or the signal aborts. */
export async function readLines(
  stream: ReadableStream<Uint8Array<ArrayBuffer>>,
  onLine: (line: string) => void,
  signal: AbortSignal,
): Promise<void> {
  const lines = createLineSplitter(onLine);
  await readPieces(stream, lines.push, signal);
  lines.end();
}

/** The stream's text, up to 64 MiB; hands out its lines as they come. */
export async function capture(
  stream: ReadableStream<Uint8Array<ArrayBuffer>>,
  onLine: ((line: string) => void) | undefined,
  signal: AbortSignal,
): Promise<string> {
  const lines = onLine && createLineSplitter(onLine);
  const pieces: Uint8Array<ArrayBuffer>[] = [];
  let total = 0;
  await readPieces(stream, (piece) => {
    lines?.push(piece);
    total += piece.length;
    if (total <= maximumCapturedBytes) pieces.push(piece);
  }, signal);
  lines?.end();
  return new TextDecoder().decode(await new Blob(pieces).arrayBuffer());
}

/** Writes a program's whole input and closes it. */
export async function feed(stdin: WritableStream<Uint8Array>, content: string | Uint8Array): Promise<void> {
  const writer = stdin.getWriter();
  try {
    await writer.write(typeof content === "string" ? new TextEncoder().encode(content) : content);
    await writer.close();
  } catch {
    // The program closed its input early; its exit status tells whether that was right.
  }
}
