/**
 * TCP with an end to every wait: reads and writes give up after the idle time, and all of it ends when the signal
 * aborts.
 */
import { plainAddress } from "./address.ts";

/** A read without a buffer of the caller's returns at most this much. */
const readBytes = 16 * 1024;

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
   * The next bytes (at least one), or undefined when the other side has finished. They are the start of `into`, else a
   * view of a buffer that the next read fills again.
   * @throws {IdleTimeout} and closes the stream when nothing came in time
   */
  read(options?: ReadOptions): Promise<Uint8Array<ArrayBuffer> | undefined>;
  /**
   * Sends all of it; returns when the kernel has taken it.
   * @throws {IdleTimeout} and closes the stream when the other side did not take a piece in time
   */
  write(bytes: Uint8Array): Promise<void>;
  /** Says that nothing more will be sent; reading goes on. */
  closeWrite(): Promise<void>;
  close(): void;
}

export interface ReadOptions {
  /** Instead of the stream's idle time. */
  readonly timeoutMs?: number;
  /** Where the bytes are put; not empty. */
  readonly into?: Uint8Array<ArrayBuffer>;
}

/** A connection from outside, perhaps from a stranger. */
export interface AcceptedStream extends ByteStream {
  /** The peer has shown that it belongs here: from now on the connection is not closed in favour of a new one. */
  keep(): void;
  readonly isKept: boolean;
  /** Sends this, if nothing was sent yet, and closes. */
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
 * @throws {IdleTimeout} when the other side did not answer in time
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
  readonly #reading = new IdleWatch(() => this.close());
  readonly #writing = new IdleWatch(() => this.close());
  #buffer: Uint8Array<ArrayBuffer> | undefined;
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

  async read({ timeoutMs, into }: ReadOptions = {}): Promise<Uint8Array<ArrayBuffer> | undefined> {
    const buffer = into ?? (this.#buffer ??= new Uint8Array(readBytes));
    this.#reading.begin(timeoutMs ?? this.#idleTimeoutMs);
    try {
      const count = await this.#connection.read(buffer);
      return count === null ? undefined : buffer.subarray(0, count);
    } catch (error) {
      throw this.#explain(error, this.#reading, "sent");
    } finally {
      this.#reading.end();
    }
  }

  async write(bytes: Uint8Array): Promise<void> {
    this.#hasWritten = true;
    try {
      for (let offset = 0; offset < bytes.length;) {
        this.#writing.begin(this.#idleTimeoutMs);
        offset += await this.#connection.write(bytes.subarray(offset));
      }
    } catch (error) {
      throw this.#explain(error, this.#writing, "took");
    } finally {
      this.#writing.end();
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
    this.#reading.close();
    this.#writing.close();
    this.#connection.close();
  }

  [Symbol.dispose](): void {
    this.close();
  }

  /** What a failed read or write means. */
  #explain(error: unknown, { expiredMs }: IdleWatch, verb: "sent" | "took"): unknown {
    if (expiredMs !== undefined) {
      return new IdleTimeout(`The other side ${verb} nothing for ${expiredMs / 1000} s`, { cause: error });
    }
    return this.#signal?.aborted ? this.#signal.reason : error;
  }
}

/**
 * Ends a wait that lasts too long; Deno's reads and writes take no timeout. One timer serves many waits, one after the
 * other: to set one for each of them costs more than a short wait itself.
 */
class IdleWatch {
  readonly #onExpired: () => void;
  #timeoutMs = 0;
  /** Infinity while nothing is waited for. */
  #endMs = Infinity;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #timerEndMs = Infinity;
  /** How long the wait was that did not end in time, if there was one. */
  expiredMs: number | undefined;

  constructor(onExpired: () => void) {
    this.#onExpired = onExpired;
  }

  begin(timeoutMs: number): void {
    this.#timeoutMs = timeoutMs;
    this.#endMs = performance.now() + timeoutMs;
    if (this.#endMs < this.#timerEndMs) this.#setTimer(timeoutMs);
  }

  end(): void {
    this.#endMs = Infinity;
  }

  close(): void {
    clearTimeout(this.#timer);
    this.#timerEndMs = -Infinity; // none is set any more
  }

  #setTimer(ms: number): void {
    clearTimeout(this.#timer);
    this.#timerEndMs = performance.now() + ms;
    this.#timer = setTimeout(() => this.#onTimer(), ms);
  }

  #onTimer(): void {
    this.#timerEndMs = Infinity;
    const leftMs = this.#endMs - performance.now();
    if (leftMs === Infinity) return;
    if (leftMs > 0) return this.#setTimer(leftMs);
    this.expiredMs = this.#timeoutMs;
    this.#onExpired();
  }
}
