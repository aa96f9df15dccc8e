/** Splits a byte stream into lines as they come. A line is cut at 64 KiB so that a peer cannot fill our memory. */

const maximumLineLength = 65_536;

/**
 * @param stream bytes of UTF-8 text; read to its end
 * @param onLine gets each line without its newline; a last line without newline counts
 */
export async function forEachLine(stream: ReadableStream<Uint8Array>, onLine: (line: string) => void): Promise<void> {
  const decoder = new TextDecoder();
  let rest = "";
  for await (const piece of stream) {
    rest += decoder.decode(piece, { stream: true });
    let end: number;
    while ((end = rest.indexOf("\n")) >= 0) {
      onLine(rest.slice(0, end).replace(/\r$/, ""));
      rest = rest.slice(end + 1);
    }
    if (rest.length > maximumLineLength) {
      onLine(rest);
      rest = "";
    }
  }
  rest += decoder.decode();
  if (rest !== "") onLine(rest);
}
