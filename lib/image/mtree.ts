/** An archive's table of contents in the mtree(5) format that bsdtar takes as input (`@FILE`). Pure. */
import type { TreeEntry } from "./tree_entry.ts";

/**
 * Describes entries so that the archive made from them depends on nothing but their names, modes and content: owner root, one time.
 * @param timeSeconds since 1970, for every entry
 */
export function formatMtree(entries: readonly TreeEntry[], timeSeconds: number): string {
  const lines = entries.map((entry) => `./${escape(entry.path)} ${describe(entry)}`);
  return ["#mtree", `/set uid=0 gid=0 time=${timeSeconds}.0 nlink=1`, ...lines, ""].join("\n");
}

function describe(entry: TreeEntry): string {
  switch (entry.kind) {
    case "directory":
      return `type=dir mode=${octal(entry.mode)}`;
    case "symlink":
      return `type=link mode=0777 link=${escape(entry.target)}`;
    case "file":
      return `type=file mode=${octal(entry.mode)} contents=${escape(entry.source)}`;
  }
}

function octal(mode: number): string {
  return `0${mode.toString(8)}`;
}

/** vis(3) octal escapes for everything but the plainest characters, byte by byte. */
function escape(text: string): string {
  return Array.from(
    new TextEncoder().encode(text),
    (byte) =>
      /[\w./:+@%,~-]/.test(String.fromCharCode(byte))
        ? String.fromCharCode(byte)
        : `\\${byte.toString(8).padStart(3, "0")}`,
  ).join("");
}
