/** Standard output, written at once and whole: what is said last must not be lost at the exit. */
export function writeStandardOutput(text: string): void {
  const bytes = new TextEncoder().encode(text);
  for (let written = 0; written < bytes.length;) written += Deno.stdout.writeSync(bytes.subarray(written));
}
