/** TCP with an end to every wait: reads and writes give up after the idle time, and all of it ends when the signal aborts. */
import { plainAddress } from "./address.ts";

/** A read returns at most this much. */
const readBytes = 128 * 1024;

/** The other side did not say or take anything for too long. */
export class IdleTimeout extends Error {
  override readonly name = "IdleTimeout";
}

export interface ByteStream extends Disposable {
  /** Ours, without a scope. */
  readonly localAddress: string;
  readonly remoteAddress: string;
  readonly remotePort: number;
  /**
   * The next bytes (at least one), or undefined when the other side has finished. They are a view of a buffer that the next read
   * fills again.
   * @param timeoutMs instead of the stream's idle time
   * @throws {IdleTimeout} and closes the stream when nothing came in time
   */
  read(timeoutMs?: number): Promise<Uint8Array<ArrayBuffer> | undefined>;
  /**
   * Sends all of it; returns when the kernel has taken it.
   * @throws {IdleTimeout} and closes the stream when the other side did not take a piece in time
   */
  write(bytes: Uint8Array): Promise<void>;
  /** Says that nothing more will be sent; reading goes on. */
  closeWrite(): Promise<void>;
  close(): void;
}

/** A connection from outside, whose peer may be anybody. */
export interface AcceptedStream extends ByteStream {
  /** The peer has shown that it belongs here: from now on the connection is not closed in favour of a new one. */
  keep(): void;
  readonly isKept: boolean;
  /** Says this, if nothing was said yet, and closes. */
  turnAway(farewell: Uint8Array): Promise<void>;
}

export interface StreamOptions {
  /** How long the other side may stay silent, or take nothing. Default 30 s. */
  readonly idleTimeoutMs?: number;
  /** Closes the stream when it aborts. */
  readonly signal?: AbortSignal;
}

export interface ConnectOptions extends StreamOptions {
  /** May carry a scope: `fe80::1%eth0`. */
  readonly host: string;
  readonly port: number;
  /** How long to try. Default 10 s. */
  readonly timeoutMs?: number;
}

/**
 * Opens a TCP connection. Needs `--allow-net`.
 * @throws {IdleTimeout} when nobody answered in time
 * @throws {Deno.errors.ConnectionRefused} and its siblings
 */
export async function connectStream(options: ConnectOptions): Promise<ByteStream> {
  const { host, port, timeoutMs = 10_000 } = options;
  const timeout = AbortSignal.timeout(timeoutMs);
  const signal = options.signal === undefined ? timeout : AbortSignal.any([timeout, options.signal]);
  try {
    return new TcpByteStream(await Deno.connect({ hostname: host, port, signal }), options);
  } catch (error) {
    options.signal?.throwIfAborted();
    if (timeout.aborted) throw new IdleTimeout(`No answer in ${timeoutMs / 1000} s`, { cause: error });
    throw error;
  }
}

/** Wraps an accepted connection; for `listen.ts`. */
export function wrapConnection(connection: Deno.TcpConn, options: StreamOptions): AcceptedStream {
  return new TcpByteStream(connection, options);
}

class TcpByteStream implements AcceptedStream {
  readonly localAddress: string;
  readonly remoteAddress: string;
  readonly remotePort: number;
  readonly #connection: Deno.TcpConn;
  readonly #idleTimeoutMs: number;
  readonly #signal: AbortSignal | undefined;
  readonly #onAbort = (): void => this.close();
  readonly #buffer = new Uint8Array(readBytes);
  #isClosed = false;
  #isKept = false;
  #hasWritten = false;

  constructor(connection: Deno.TcpConn, options: StreamOptions) {
    this.#connection = connection;
    this.#idleTimeoutMs = options.idleTimeoutMs ?? 30_000;
    this.#signal = options.signal;
    this.localAddress = plainAddress(connection.localAddr.hostname);
    this.remoteAddress = plainAddress(connection.remoteAddr.hostname);
    this.remotePort = connection.remoteAddr.port;
    connection.setNoDelay(true);
    connection.setKeepAlive(true);
    if (this.#signal?.aborted) this.close();
    else this.#signal?.addEventListener("abort", this.#onAbort, { once: true });
  }

  async read(timeoutMs = this.#idleTimeoutMs): Promise<Uint8Array<ArrayBuffer> | undefined> {
    const count = await this.#within(timeoutMs, "sent", () => this.#connection.read(this.#buffer));
    return count === null ? undefined : this.#buffer.subarray(0, count);
  }

  async write(bytes: Uint8Array): Promise<void> {
    this.#hasWritten = true;
    for (let offset = 0; offset < bytes.length;) {
      offset += await this.#within(this.#idleTimeoutMs, "took", () => this.#connection.write(bytes.subarray(offset)));
    }
  }

  async closeWrite(): Promise<void> {
    if (!this.#isClosed) await this.#connection.closeWrite().catch(() => {}); // it may be gone already, which is as good
  }

  get isKept(): boolean {
    return this.#isKept;
  }

  keep(): void {
    this.#isKept = true;
  }

  async turnAway(farewell: Uint8Array): Promise<void> {
    // What is short fits into the socket's buffer, whatever the peer does.
    if (!this.#hasWritten) await this.write(farewell).catch(() => {});
    this.close();
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#signal?.removeEventListener("abort", this.#onAbort);
    this.#connection.close();
  }

  [Symbol.dispose](): void {
    this.close();
  }

  /** Deno's reads take no timeout: closing the connection is what ends them. */
  async #within<T>(timeoutMs: number, verb: "sent" | "took", operation: () => Promise<T>): Promise<T> {
    let isTooLate = false;
    const timer = setTimeout(() => {
      isTooLate = true;
      this.close();
    }, timeoutMs);
    try {
      return await operation();
    } catch (error) {
      if (isTooLate) {
        throw new IdleTimeout(`The other side ${verb} nothing for ${timeoutMs / 1000} s`, { cause: error });
      }
      this.#signal?.throwIfAborted();
      throw error;
    } finally {
      clearTimeout(timer);
    }
  }
}
