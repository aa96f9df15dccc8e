/** Writes a file, or makes it what it shall be: content, mode and owner. Undone by restore_file.ts. */

import { encodeUtf8 } from "../../formats/text.ts";
import { commandToType } from "../../command_to_type.ts";
import { UserError } from "../../errors.ts";
import { decodeText, maximumDiffBytes } from "../diff.ts";
import type { FileState } from "../file_state.ts";
import type { Host } from "../host.ts";
import type { HostPath } from "../host_path.ts";
import { makeParents } from "../made_directories.ts";
import type { Described, OperationKind } from "../operation.ts";
import { replaceFile } from "../replace_file.ts";
import { hashFile, hashText } from "../../hash.ts";
import { changeFile, inspectFile, inTheWay } from "./change_file.ts";

export type FileContent =
  | { readonly kind: "text"; readonly text: string }
  | { readonly kind: "bytes"; readonly bytes: Uint8Array<ArrayBuffer> }
  /** A file of the machine we run on, copied as a stream: a kernel, an initrd, an agent. */
  | { readonly kind: "copy-of"; readonly source: string };

export interface WriteFile extends Described {
  readonly kind: "write-file";
  readonly path: HostPath;
  readonly content: FileContent;
  /** Permission bits; "any" where the file system has none of its own (FAT). */
  readonly mode: number | "any";
  /** The content is never shown. */
  readonly isSecret: boolean;
}

export const writeFile: OperationKind<WriteFile> = {
  kind: "write-file",
  isProgram: false,
  inspect: async (host, operation) => {
    const status = await host.tree.status(operation.path);
    if (status !== undefined && status.kind !== "file" && status.kind !== "symlink") throw inTheWay(operation);
    await demandFolders(host, operation);
    return await inspectFile(host, operation, {
      after: await stateAfter(host, operation),
      isSecret: operation.isSecret,
      readText: () => readContent(host, operation.content),
    });
  },
  perform: async (host, operation, inspection) => {
    const { path, isSecret } = operation;
    await changeFile(host, {
      path,
      isSecret,
      inspection,
      prepare: () => makeParents(host, path),
      change: (before, after) =>
        replaceFile(host, path, { before, after, write: (temporary) => writeContent(host, operation, temporary) }),
    });
  },
};

/** @throws {UserError} when something on the way to the file is no folder, and leads to none */
async function demandFolders({ tree }: Host, { what, path }: WriteFile): Promise<void> {
  for (let end = path.indexOf("/", 1); end > 0; end = path.indexOf("/", end + 1)) {
    const folder = path.slice(0, end);
    if (await tree.status(folder) === undefined) return;
    if ((await tree.statusFollowed(folder))?.kind === "directory") continue;
    throw new UserError(`Cannot ${what}: "${folder}" is no folder, nor a link to one`, {
      hints: ["Move it away, then run this again"],
    });
  }
}

/** The state a file will have; the mode of a file system that has none of its own is not known. */
async function stateAfter(host: Host, operation: WriteFile): Promise<FileState> {
  const { sha256, sizeBytes } = await measureContent(host, operation.content);
  if (operation.mode === "any") return { kind: "file", sha256, sizeBytes };
  return { kind: "file", sha256, sizeBytes, mode: operation.mode, ...host.tree.owner };
}

async function measureContent(
  { system }: Host,
  content: FileContent,
): Promise<{ readonly sha256: string; readonly sizeBytes: number }> {
  if (content.kind === "copy-of") {
    const status = await system.stat(content.source);
    if (status?.kind !== "file") {
      throw new UserError(`Cannot read "${content.source}": no such file`, {
        hints: [`Build the image first: ${commandToType("create-initrd")}`],
      });
    }
    return { sha256: await hashFile(system, content.source), sizeBytes: status.sizeBytes };
  }
  const bytes = contentBytes(content);
  return { sha256: hashText(bytes), sizeBytes: bytes.length };
}

/** The bytes of content that is given as a value. */
function contentBytes(content: Exclude<FileContent, { readonly kind: "copy-of" }>): Uint8Array<ArrayBuffer> {
  return content.kind === "text" ? encodeUtf8(content.text) : content.bytes;
}

/** The text of a diff; undefined for what is too long for one, or no text. */
async function readContent({ system }: Host, content: FileContent): Promise<string | undefined> {
  if (content.kind !== "copy-of") return decodeText(contentBytes(content));
  const status = await system.stat(content.source);
  return status !== undefined && status.sizeBytes <= maximumDiffBytes
    ? decodeText(await system.readFile(content.source))
    : undefined;
}

async function writeContent({ system, tree }: Host, operation: WriteFile, temporary: string): Promise<void> {
  const { content } = operation;
  // Until it is in place no other user may read it; the mode comes before the content.
  const mode = operation.mode === "any" ? 0o600 : operation.mode;
  const stream = content.kind === "copy-of"
    ? await system.openRead(content.source)
    : new Blob([contentBytes(content)]).stream();
  await system.writeStream(temporary, stream, { mode });
  await system.sync(temporary);
  if (operation.mode === "any") return;
  const status = await system.lstat(temporary);
  const { uid, gid } = tree.owner;
  if (status !== undefined && (status.uid !== uid || status.gid !== gid)) await system.chown(temporary, tree.owner);
}
