/**
 * A cable that outlives the machines at its ends: QEMU connects to a socket at each end, and may be started anew there.
 * What it sends while the other end has no machine is lost, as on a real cable.
 */

export interface RelayCable extends AsyncDisposable {
  /** Frames that have reached a machine at that end since the cable was made. */
  countTo(end: 0 | 1): number;
  /** Sends a frame to the machine at that end, as a third machine on the cable would. */
  inject(end: 0 | 1, frame: Uint8Array): Promise<void>;
}

export interface RelayOptions {
  /** Called with each frame that a machine sends, as it is on the cable, and the end it comes from. */
  readonly onFrame?: (frame: Uint8Array, from: 0 | 1) => void;
}

/** Of `-netdev stream`: each frame comes after its length, in network byte order (QEMU, net/stream.c). */
const lengthBytes = 4;
/** No frame is longer: net/net.h, NET_BUFSIZE. */
const frameMaxBytes = 4096 + 65536;

/** @param paths of the two unix sockets: at most 107 characters */
export function layRelayCable(paths: readonly [string, string], { onFrame }: RelayOptions = {}): RelayCable {
  const listeners = paths.map((path) => Deno.listen({ transport: "unix", path }));
  const ends: (Deno.Conn | undefined)[] = [undefined, undefined];
  const counts: [number, number] = [0, 0];

  async function accept(end: 0 | 1): Promise<void> {
    const listener = listeners[end];
    if (listener === undefined) return;
    for await (const connection of listener) {
      ends[end]?.close();
      ends[end] = connection;
      await carry(connection, end).catch(() => {}); // the machine was ended
      if (ends[end] === connection) ends[end] = undefined;
    }
  }

  /** Whole frames only: a machine that is ended in the middle of one must not confuse the other. */
  async function carry(connection: Deno.Conn, from: 0 | 1): Promise<void> {
    for await (const frame of readFrames(connection.readable)) {
      onFrame?.(frame.subarray(lengthBytes), from);
      await send(from === 0 ? 1 : 0, frame);
    }
  }

  /** One after the other: a frame may go in several pieces. */
  const queues: [Promise<void>, Promise<void>] = [Promise.resolve(), Promise.resolve()];
  async function send(to: 0 | 1, frame: Uint8Array): Promise<void> {
    const target = ends[to];
    if (target === undefined) return;
    counts[to]++;
    queues[to] = queues[to].then(() => writeAll(target, frame)).catch(() => {}); // it was ended meanwhile
    await queues[to];
  }

  const accepting = ([0, 1] as const).map((end) => accept(end).catch(() => {}));
  return {
    countTo: (end) => counts[end],
    inject: async (end, frame) => {
      const bytes = new Uint8Array(lengthBytes + frame.length);
      new DataView(bytes.buffer).setUint32(0, frame.length);
      bytes.set(frame, lengthBytes);
      await send(end, bytes);
    },
    [Symbol.asyncDispose]: async () => {
      for (const listener of listeners) listener.close();
      for (const connection of ends) {
        try {
          connection?.close();
        } catch {
          // its stream has closed it
        }
      }
      await Promise.all(accepting);
    },
  };
}

async function writeAll(connection: Deno.Conn, bytes: Uint8Array): Promise<void> {
  for (let done = 0; done < bytes.length;) done += await connection.write(bytes.subarray(done));
}

/** Each with its length before it. */
async function* readFrames(stream: ReadableStream<Uint8Array<ArrayBuffer>>): AsyncGenerator<Uint8Array> {
  let rest = new Uint8Array(0);
  for await (const piece of stream) {
    const bytes = new Uint8Array(rest.length + piece.length);
    bytes.set(rest);
    bytes.set(piece, rest.length);
    let start = 0;
    while (bytes.length - start >= lengthBytes) {
      const length = new DataView(bytes.buffer, start).getUint32(0);
      if (length > frameMaxBytes) throw new RangeError(`A frame of ${length} bytes`);
      if (bytes.length - start < lengthBytes + length) break;
      yield bytes.subarray(start, start + lengthBytes + length);
      start += lengthBytes + length;
    }
    rest = bytes.slice(start);
  }
}
