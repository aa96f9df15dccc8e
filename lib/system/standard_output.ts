/** Standard output, written at once and whole: the last lines must not be lost at the exit. */
export function writeStandardOutput(text: string): void {
  const bytes = new TextEncoder().encode(text);
  for (let written = 0; written < bytes.length;) written += Deno.stdout.writeSync(bytes.subarray(written));
}

/** Of the terminal that standard output is; 80 columns and 25 rows where it does not say. */
export function readScreenSize(): { readonly columns: number; readonly rows: number } {
  try {
    const { columns, rows } = Deno.consoleSize();
    return columns > 0 && rows > 0 ? { columns, rows } : { columns: 80, rows: 25 };
  } catch {
    return { columns: 80, rows: 25 };
  }
}

/** Text that waits for a terminal; a few screens of it. */
const maximumQueued = 64 * 1024;
/** How long the end of a program waits for it. */
const flushMs = 1_000;

export interface OutputQueue {
  write(text: string): void;
  /** Resolves when all is written, or after a second: a stopped terminal does not keep the program from ending. */
  flush(): Promise<void>;
}

/**
 * Standard output in the background, for programs that must go on when a user stops the terminal (Ctrl-S, Scroll
 * Lock). When too much is waiting, the oldest text is lost.
 * @param write one piece; says how much of it was written
 */
export function createOutputQueue(
  write: (bytes: Uint8Array) => Promise<number> = (bytes) => Deno.stdout.write(bytes),
): OutputQueue {
  const encoder = new TextEncoder();
  const queue: Uint8Array[] = [];
  let queuedBytes = 0;
  let draining: Promise<void> | undefined;

  async function drain(): Promise<void> {
    try {
      for (let piece = queue.shift(); piece !== undefined; piece = queue.shift()) {
        queuedBytes -= piece.length;
        for (let written = 0; written < piece.length;) written += await write(piece.subarray(written));
      }
    } catch {
      // The terminal is gone: no place is left to print.
    } finally {
      draining = undefined;
    }
  }

  return {
    write: (text) => {
      const bytes = encoder.encode(text);
      queue.push(bytes);
      queuedBytes += bytes.length;
      while (queuedBytes > maximumQueued) queuedBytes -= queue.shift()?.length ?? queuedBytes;
      draining ??= drain();
    },
    flush: async () => {
      let timer: ReturnType<typeof setTimeout> | undefined;
      const late = new Promise<void>((resolve) => timer = setTimeout(resolve, flushMs));
      await Promise.race([draining, late]);
      clearTimeout(timer);
    },
  };
}
