/**
 * Stage "overlay": our own start-up files (image/initrd) and what the configuration says about logging in. Runs `find`
 * and the compressor.
 */
import { encodeUtf8 } from "../../formats/text.ts";
import { listTree } from "../list_tree.ts";
import { writePart } from "../part_archive.ts";
import { listGeneratedFiles } from "../generated_files.ts";
import type { StageRecord } from "../stage_record.ts";
import { arrangeEntries, type TreeEntry } from "../tree_entry.ts";
import type { StageContext } from "./context.ts";

export async function buildOverlay(context: StageContext): Promise<StageRecord> {
  const { system, request, directory, places, signal } = context;
  const written = `${directory}/written`;
  const generated: TreeEntry[] = [];
  for (const { path, mode, content } of listGeneratedFiles(request)) {
    const source = `${written}/${path}`;
    await system.makeDirectory(source.slice(0, source.lastIndexOf("/")));
    const bytes = encodeUtf8(content);
    await system.writeFile(source, bytes);
    generated.push({ kind: "file", path, mode, source, sizeBytes: bytes.length });
  }
  const entries = arrangeEntries([...await listTree(system, `${places.project}/image/initrd`), ...generated]);
  const part = await writePart(system, entries, {
    directory,
    compressor: request.compressor,
    signal,
  });
  await system.remove(written);
  return { ...part, summary: `${entries.length} files` };
}
