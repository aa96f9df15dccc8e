/**
 * Accepting TCP connections, with a bound on how many there are at once that strangers cannot use to keep others out.
 */
import { withScope } from "./address.ts";
import { type AcceptedStream, type StreamOptions, wrapConnection } from "./stream.ts";

export interface ListenOptions extends StreamOptions {
  /** Our own address; a link-local one needs `link`. */
  readonly address: string;
  readonly link?: string;
  /** 0 lets the kernel choose. */
  readonly port: number;
  /**
   * One more than this closes another one whose handler has not called `keep`: the oldest of the address that has most
   * of them. When all are kept, it is closed itself. Default 16.
   */
  readonly maximumConnections?: number;
  /**
   * Whether a client of ours is expected from this address: it is closed only when all others are kept or expected,
   * too. Default: none.
   */
  readonly isExpected?: (remoteAddress: string) => boolean;
  /** Sent to a connection that is closed for want of room, if it was sent nothing yet. A few bytes. */
  readonly farewell?: Uint8Array;
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
 * Listens, and runs `handle` for each connection; the connection is closed when it returns or throws (its errors are
 * its own). Needs `--allow-net`.
 * @throws {Deno.errors.AddrNotAvailable} when the address is not ours (yet), {Deno.errors.AddrInUse} when the port is
 *   taken
 */
export function listenStream(
  options: ListenOptions,
  handle: (stream: AcceptedStream) => Promise<void>,
): StreamListener {
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
  handle: (stream: AcceptedStream) => Promise<void>,
): Promise<void> {
  const open = new Set<AcceptedStream>();
  const running = new Set<Promise<void>>();
  const maximum = options.maximumConnections ?? 16;
  // A handler may still compute for a moment after its connection was closed for want of room. Who connects faster
  // than that waits.
  const maximumRunning = 2 * maximum;
  while (!signal.aborted) {
    const connection = await acceptOne(listener, signal);
    const stream = connection && openStream(connection, { ...options, signal });
    if (stream === undefined) continue;
    if (open.size >= maximum) {
      const turnedAway = chooseTurnedAway([...open, stream], options.isExpected);
      open.delete(turnedAway);
      await turnedAway.turnAway(options.farewell ?? new Uint8Array());
      if (turnedAway === stream) continue;
    }
    open.add(stream);
    const task: Promise<void> = handle(stream)
      .catch(() => {})
      .finally(() => {
        stream.close();
        open.delete(stream);
        running.delete(task);
      });
    running.add(task);
    while (running.size >= maximumRunning) await Promise.race(running);
  }
  await Promise.all(running);
}

/**
 * Chooses the connection to close. Of those not kept, one from an address where no client is expected, if there is
 * one: a stranger with many addresses cannot keep a client out. Of these the oldest of the address that has most: an
 * address that fills the places with many connections loses its own, and a single connection from elsewhere stays.
 * Pure.
 * @param streams oldest first; the last one has just come and is not kept
 */
export function chooseTurnedAway<Stream extends Pick<AcceptedStream, "isKept" | "remoteAddress">>(
  streams: readonly Stream[],
  isExpected: (remoteAddress: string) => boolean = () => false,
): Stream {
  const open = streams.filter(({ isKept }) => !isKept);
  const strangers = open.filter(({ remoteAddress }) => !isExpected(remoteAddress));
  const byAddress = Map.groupBy(strangers.length > 0 ? strangers : open, ({ remoteAddress }) => remoteAddress);
  const [busiest = []] = [...byAddress.values()].toSorted((one, other) => other.length - one.length);
  const [oldest] = busiest;
  if (oldest === undefined) throw new TypeError("The newest connection cannot be kept already");
  return oldest;
}

/**
 * A connection that failed between arriving and being accepted, or a moment without free file handles, must not end
 * the listener.
 */
async function acceptOne(listener: Deno.TcpListener, signal: AbortSignal): Promise<Deno.TcpConn | undefined> {
  try {
    return await listener.accept();
  } catch {
    if (!signal.aborted) await new Promise((resolve) => setTimeout(resolve, 100)); // no busy loop while the reason lasts
    return undefined;
  }
}

/** A connection reset right after being accepted has no addresses to report any more. */
function openStream(connection: Deno.TcpConn, options: StreamOptions): AcceptedStream | undefined {
  try {
    return wrapConnection(connection, options);
  } catch {
    connection.close();
    return undefined;
  }
}
