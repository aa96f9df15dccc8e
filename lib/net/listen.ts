/** Accepting TCP connections, with a bound on how many there are at once. */
import { withScope } from "./address.ts";
import { type ByteStream, type StreamOptions, wrapConnection } from "./stream.ts";

export interface ListenOptions extends StreamOptions {
  /** Our own address; a link-local one needs `link`. */
  readonly address: string;
  readonly link?: string;
  /** 0 lets the kernel choose. */
  readonly port: number;
  /** Further connections are closed at once. Default 16. */
  readonly maximumConnections?: number;
}

export interface StreamListener extends AsyncDisposable {
  readonly address: string;
  readonly port: number;
  /** Resolves when nothing is accepted any more and every handler has returned. Never rejects. */
  readonly finished: Promise<void>;
  /** Stops accepting and closes what is open. */
  close(): void;
}

/**
 * Listens, and runs `handle` for each connection; the connection is closed when it returns or throws (its errors are its own).
 * Needs `--allow-net`.
 * @throws {Deno.errors.AddrNotAvailable} when the address is not ours (yet), {Deno.errors.AddrInUse} when the port is taken
 */
export function listenStream(options: ListenOptions, handle: (stream: ByteStream) => Promise<void>): StreamListener {
  const hostname = options.link === undefined ? options.address : withScope(options.address, options.link);
  const listener = Deno.listen({ hostname, port: options.port });
  const closing = new AbortController();
  const close = (): void => {
    if (closing.signal.aborted) return;
    closing.abort(new DOMException("Listener closed", "AbortError"));
    listener.close();
  };
  options.signal?.addEventListener("abort", close, { once: true });
  const finished = acceptAll(listener, closing.signal, options, handle)
    .finally(() => options.signal?.removeEventListener("abort", close));
  if (options.signal?.aborted) close();
  return {
    address: options.address,
    port: listener.addr.port,
    finished,
    close,
    async [Symbol.asyncDispose](): Promise<void> {
      close();
      await finished;
    },
  };
}

async function acceptAll(
  listener: Deno.TcpListener,
  signal: AbortSignal,
  options: ListenOptions,
  handle: (stream: ByteStream) => Promise<void>,
): Promise<void> {
  const running = new Set<Promise<void>>();
  const maximum = options.maximumConnections ?? 16;
  while (!signal.aborted) {
    const connection = await acceptOne(listener, signal);
    if (connection === undefined) continue;
    if (running.size >= maximum) {
      connection.close();
      continue;
    }
    const stream = openStream(connection, { ...options, signal });
    if (stream === undefined) continue;
    const task: Promise<void> = handle(stream)
      .catch(() => {})
      .finally(() => {
        stream.close();
        running.delete(task);
      });
    running.add(task);
  }
  await Promise.all(running);
}

/** A connection that failed between arriving and being accepted, or a moment without free file handles, must not end the listener. */
async function acceptOne(listener: Deno.TcpListener, signal: AbortSignal): Promise<Deno.TcpConn | undefined> {
  try {
    return await listener.accept();
  } catch {
    if (!signal.aborted) await new Promise((resolve) => setTimeout(resolve, 100)); // no busy loop while the reason lasts
    return undefined;
  }
}

/** A connection reset right after being accepted has no addresses to report any more. */
function openStream(connection: Deno.TcpConn, options: StreamOptions): ByteStream | undefined {
  try {
    return wrapConnection(connection, options);
  } catch {
    connection.close();
    return undefined;
  }
}
