/** A search for bytes in a file of any size. */

import type { System } from "../system/system.ts";

/** Whether a file holds these bytes; it is read in pieces, and what is cut apart is looked at together. */
export async function fileContains(system: System, path: string, bytes: Uint8Array): Promise<boolean> {
  const needle = latin1(bytes);
  let rest = "";
  for await (const piece of await system.openRead(path)) {
    const text = rest + latin1(piece);
    if (text.includes(needle)) return true;
    rest = text.slice(-(needle.length - 1));
  }
  return false;
}

/** One character for each byte, so that the runtime's own text search can be used. */
function latin1(bytes: Uint8Array): string {
  return Array.from(
    { length: Math.ceil(bytes.length / 8192) },
    (_, index) => String.fromCharCode(...bytes.subarray(index * 8192, (index + 1) * 8192)),
  ).join("");
}
