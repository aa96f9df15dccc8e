/**
 * Fedora's blscfg: entry files by name, newest first; `$kernelopts` and the like come from the environment. Pure.
 * Source: grub-core/commands/blscfg.c of Fedora's GRUB.
 */

import { compareVersions } from "../../version_order.ts";
import { type BlsFile, parseBlsEntry } from "./bls.ts";
import { readGrubScript, type Statement } from "./grub_script.ts";

export interface BlsScript {
  readonly title: string;
  readonly id: string;
  readonly body: readonly Statement[];
}

/** @param valueOf of GRUB's variables; "" for one that is not set */
export function blsScripts(files: readonly BlsFile[], valueOf: (name: string) => string): readonly BlsScript[] {
  const sorted = files.toSorted((a, b) => compareVersions(b.fileName, a.fileName));
  return sorted.flatMap(({ fileName, text }) => {
    const entry = parseBlsEntry(text);
    if (entry.linux === undefined) return [];
    // As GRUB does: the entry becomes a script of its own, so quotes and variables in it mean what they mean there.
    const options = entry.options || valueOf("default_kernelopts");
    const initrds = [...earlyInitrds(entry.initrds[0] ?? entry.linux, valueOf("early_initrd")), ...entry.initrds];
    const script = [`linux ${entry.linux} ${options}`, ...initrds.length === 0 ? [] : [`initrd ${initrds.join(" ")}`]];
    const body: Statement[] = [];
    for (const piece of readGrubScript(script.join("\n"))) {
      // GRUB leaves out a broken entry, too.
      if (piece.kind === "mistake") return [];
      body.push(...piece.statements);
    }
    const id = fileName.replace(/\.conf$/, "");
    return [{ title: entry.title ?? entry.linux, id, body }];
  });
}

/** From `GRUB_EARLY_INITRD_LINUX_CUSTOM`: names without a directory, which is that of the entry's own files. */
function earlyInitrds(beside: string, names: string): readonly string[] {
  const [first = ""] = beside.split(" ", 1);
  const directory = first.slice(0, first.lastIndexOf("/") + 1);
  return names.split(" ").filter(Boolean).map((name) => directory + name);
}
