/**
 * What a GRUB script may know of the files around it: answers that are there, and questions that are still open. Pure.
 */

export type GrubFile =
  | { readonly kind: "missing" }
  | { readonly kind: "directory"; readonly names: readonly string[] }
  /** `text` is there once it was asked for. */
  | { readonly kind: "file"; readonly sizeBytes: number; readonly text?: string };

/** What is there. */
export type FoundFile = Exclude<GrubFile, { readonly kind: "missing" }>;

/**
 * A path on one partition; without a "/" at its start it is a block list like "512+1": sectors of 512 bytes, counted
 * from the partition's first.
 */
export interface FileQuestion {
  readonly partition: string;
  readonly path: string;
  readonly wantsText: boolean;
}

export type FileAnswers = ReadonlyMap<string, GrubFile>;

export function fileKey({ partition, path }: Pick<FileQuestion, "partition" | "path">): string {
  return `(${partition})${path}`;
}

export function isBlockList(path: string): boolean {
  return /^\d*\+\d+(?:,\d*\+\d+)*$/.test(path);
}

/** Answers what is known; what is not counts as missing until it was looked up. */
export class GrubFiles {
  readonly open = new Map<string, FileQuestion>();

  constructor(private readonly answers: FileAnswers) {}

  look(partition: string, path: string): FoundFile | undefined {
    const file = this.#answer({ partition, path, wantsText: false });
    return file === undefined || file.kind === "missing" ? undefined : file;
  }

  read(partition: string, path: string): string | undefined {
    const file = this.#answer({ partition, path, wantsText: true });
    return file?.kind === "file" ? file.text : undefined;
  }

  list(partition: string, path: string): readonly string[] | undefined {
    const file = this.look(partition, path);
    return file?.kind === "directory" ? file.names : undefined;
  }

  #answer(question: FileQuestion): GrubFile | undefined {
    const key = fileKey(question);
    const file = this.answers.get(key);
    const isOpen = file === undefined || (question.wantsText && file.kind === "file" && file.text === undefined);
    if (isOpen && !this.open.get(key)?.wantsText) this.open.set(key, question);
    return file;
  }
}
