/** The frames of a boot exchange as they come in over a stream. */
import { FrameReader, OPENING_MAX_BYTES } from "../../lib/protocol/frames.ts";
import type { ByteStream } from "../../lib/net/stream.ts";

export class FrameSource {
  readonly #stream: ByteStream;
  readonly #reader = new FrameReader({ maxBodyBytes: OPENING_MAX_BYTES });
  #frames: Generator<Uint8Array, void, void> | undefined;

  constructor(stream: ByteStream) {
    this.#stream = stream;
  }

  /** To be called after the handshake: before it, frames longer than an opening are refused. */
  expectSealedFrames(): void {
    this.#reader.liftBound();
  }

  /**
   * The body of the next frame, a view that is good until the next call; undefined when the other side has finished.
   * @param timeoutMs how long nothing may come in
   * @throws {ProtocolError} oversize, malformed, truncated; {IdleTimeout}; errors of the connection
   */
  async next(timeoutMs: number): Promise<Uint8Array | undefined> {
    for (;;) {
      const frame = this.#frames?.next();
      if (frame !== undefined && !frame.done) return frame.value;
      const bytes = await this.#stream.read(timeoutMs);
      if (bytes === undefined) {
        this.#reader.finish();
        return undefined;
      }
      this.#frames = this.#reader.push(bytes);
    }
  }
}
