/** The frames of a boot exchange as they come in over a stream. */
import type { ByteStream } from "../../lib/net/stream.ts";
import { FrameReader, OPENING_MAX_BYTES } from "../../lib/protocol/frames.ts";

export class FrameSource {
  readonly #stream: ByteStream;
  readonly #reader = new FrameReader(OPENING_MAX_BYTES);

  constructor(stream: ByteStream) {
    this.#stream = stream;
  }

  /** To be called after the handshake: before it, frames longer than an opening are refused. */
  expectSealedFrames(maxBodyBytes: number): void {
    this.#reader.expectUpTo(maxBodyBytes);
  }

  /**
   * The body of the next frame, a view that is good until the next call; undefined when the other side has finished.
   * @param timeoutMs how long nothing may come in
   * @throws {ProtocolError} oversize, malformed, truncated; {IdleTimeout}; errors of the connection
   */
  async next(timeoutMs: number): Promise<Uint8Array | undefined> {
    for (;;) {
      const frame = this.#reader.next();
      if (frame !== undefined) return frame;
      const bytes = await this.#stream.read({ timeoutMs, into: this.#reader.space() });
      if (bytes === undefined) {
        this.#reader.finish();
        return undefined;
      }
      this.#reader.added(bytes.length);
    }
  }
}
