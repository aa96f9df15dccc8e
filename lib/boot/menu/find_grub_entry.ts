/** Runs a grub.cfg with the files of the partitions it may reach. */

import { findMountOf, nameOf } from "../../formats/mount_tables.ts";
import type { BootFiles, Partition } from "./entry.ts";
import type { GrubPartition } from "./grub_devices.ts";
import { evaluateGrubConfig, type GrubResult } from "./grub_config.ts";
import { readTextOr } from "./read_text.ts";
import { fileKey, type FileQuestion, type GrubFile, isBlockList } from "./grub_files.ts";

export interface GrubSearch {
  /** Path of the configuration: "/boot/grub/grub.cfg". */
  readonly path: string;
  /** The directory that is /boot, of the same partition. */
  readonly bootDirectory: string;
  /** The first is the one with the configuration. */
  readonly partitions: readonly [Partition, ...Partition[]];
}

/** A menu that asks for more files than this is no menu. */
const maximumQuestions = 2000;
/** Characters of all files together that a menu may include. */
const maximumText = 16 * 1024 * 1024;
/**
 * Each round answers what the one before has asked; a file that includes a file that includes a file takes as many.
 */
const maximumRounds = 40;

/** Evaluates again and again with the files that were asked for, until nothing is asked any more. */
export async function runGrubConfig({ path, bootDirectory, partitions }: GrubSearch): Promise<GrubResult> {
  const described = await Promise.all(partitions.map((partition) => tellApart(partition)));
  const byName = new Map(partitions.map((partition) => [partition.name, partition]));
  const answers = new Map<string, GrubFile>();
  let characters = 0;
  for (let round = 0;; round++) {
    const result = evaluateGrubConfig({ path, bootDirectory, partitions: described, answers });
    const questions = result.open.slice(0, Math.max(0, maximumQuestions - answers.size));
    if (questions.length === 0 || round >= maximumRounds || characters > maximumText) return result;
    for (const question of questions) {
      const answer = await answerQuestion(byName.get(question.partition)?.files, question);
      if (answer.kind === "file") characters += answer.text?.length ?? 0;
      answers.set(fileKey(question), answer);
    }
  }
}

async function answerQuestion(files: BootFiles | undefined, question: FileQuestion): Promise<GrubFile> {
  if (files === undefined) return { kind: "missing" };
  const { path, wantsText } = question;
  if (isBlockList(path)) {
    const text = await files.readBlocks?.(path).catch(() => undefined);
    return text === undefined ? { kind: "missing" } : { kind: "file", sizeBytes: text.length, text };
  }
  const status = await lookAt(files, path);
  if (status === undefined) return { kind: "missing" };
  if (status.kind === "directory") return { kind: "directory", names: await files.list(path) };
  // What is too large to be a part of a menu is as good as empty.
  const text = wantsText ? await readTextOr(files, path, () => "") : undefined;
  return { kind: "file", sizeBytes: status.sizeBytes, ...text === undefined ? {} : { text } };
}

async function lookAt(files: BootFiles, path: string): ReturnType<NonNullable<BootFiles["status"]>> {
  if (files.status !== undefined) return await files.status(path);
  if (!await files.exists(path)) return undefined;
  if ((await files.list(path)).length > 0) return { kind: "directory", sizeBytes: 0 };
  const text = await readTextOr(files, path, () => "?");
  return { kind: "file", sizeBytes: text.length };
}

/** A directory alone has no UUID, but a root partition's fstab names it. */
async function tellApart(partition: Partition): Promise<GrubPartition> {
  const { files, ...known } = partition;
  if (known.uuid !== undefined || known.label !== undefined) return known;
  if (!await files.exists("/etc/fstab")) return known;
  const text = await files.readText("/etc/fstab").catch(() => "");
  const root = findMountOf("/", text);
  return root === undefined ? known : { ...known, ...nameOf(root), rootSource: root.device };
}
