/** Splits bytes into lines as they come. A line is cut at 64 KiB so that a peer cannot fill our memory. */

const maximumLineLength = 65_536;

export interface LineSplitter {
  /** Takes the next bytes of UTF-8 text. */
  push(piece: Uint8Array): void;
  /** To be called at the end: a last line without newline counts. */
  end(): void;
}

/** @param onLine gets each line without its newline */
export function createLineSplitter(onLine: (line: string) => void): LineSplitter {
  const decoder = new TextDecoder();
  let rest = "";
  return {
    push: (piece) => {
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
    },
    end: () => {
      rest += decoder.decode();
      if (rest !== "") onLine(rest);
      rest = "";
    },
  };
}
