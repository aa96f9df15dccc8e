/**
 * A log in memory or on a disk that does not grow: when it is full it becomes FILE.old, and the next one begins. What
 * cannot be written is lost without a word: a log is never in the way of what it tells about.
 */

/** @param maximumBytes of one file, of which there are two */
export function createBoundedLog(path: string, maximumBytes = 64 * 1024): (line: string) => void {
  const encoder = new TextEncoder();
  /** Of the file; unknown at first: it may be another agent's that went on before this one. */
  let sizeBytes: number | undefined;
  return (line) => {
    try {
      Deno.mkdirSync(path.slice(0, path.lastIndexOf("/")), { recursive: true, mode: 0o700 });
      sizeBytes ??= statSize(path);
      const bytes = encoder.encode(`${line}\n`);
      if (sizeBytes + bytes.length > maximumBytes) {
        Deno.renameSync(path, `${path}.old`);
        sizeBytes = 0;
      }
      Deno.writeFileSync(path, bytes, { append: true, mode: 0o600 });
      sizeBytes += bytes.length;
    } catch {
      sizeBytes = undefined;
    }
  };
}

function statSize(path: string): number {
  try {
    return Deno.statSync(path).size;
  } catch {
    return 0;
  }
}
