/** SHA-256 as hex digits: to compare files, and inputs. */

import { createHash } from "node:crypto";
import type { System } from "./system/system.ts";

/** Of a text as UTF-8, or of bytes. */
export function hashText(text: string | Uint8Array): string {
  return createHash("sha256").update(text).digest("hex");
}

/** Of a file, read in pieces. @throws where it cannot be read */
export async function hashFile(system: Pick<System, "openRead">, path: string): Promise<string> {
  const hash = createHash("sha256");
  for await (const piece of await system.openRead(path)) hash.update(piece);
  return hash.digest("hex");
}
