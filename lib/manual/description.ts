/** What manual pages and completions are made from: the commands and options as values. Data. */

export interface OptionDescription {
  /** As help shows it: "--config <file>", "-h, --help". */
  readonly flags: string;
  /** "-h" */
  readonly short?: string;
  /** "--config" */
  readonly long: string;
  /** Absent for an option that takes no value. */
  readonly value?: ValueDescription;
  readonly description: string;
  /** Absent where there is none, or where the description says it. */
  readonly fallback?: string;
}

export interface ValueDescription {
  /** As help shows it, without brackets: "file". */
  readonly name: string;
  readonly isVariadic: boolean;
  /** All that it may be; absent for free values. */
  readonly choices?: readonly string[];
}

export interface ArgumentDescription extends ValueDescription {
  readonly isRequired: boolean;
  readonly description: string;
}

export interface CommandDescription {
  readonly name: string;
  readonly description: string;
  readonly options: readonly OptionDescription[];
  readonly arguments: readonly ArgumentDescription[];
  /** Paragraphs below the options; lines that start with two blanks are examples. */
  readonly more?: string;
}

export interface ProgramDescription {
  readonly name: string;
  readonly description: string;
  readonly options: readonly OptionDescription[];
  readonly commands: readonly CommandDescription[];
  /** A sentence. */
  readonly exitStatus: string;
}

/** What a shell offers for a value. */
export type Offer =
  | { readonly kind: "choices"; readonly choices: readonly string[] }
  | { readonly kind: "files" | "directories" | "nothing" };

/** By the names that help shows. A name that is not here is a test's failure. */
const kinds: Readonly<Record<string, "files" | "directories" | "nothing">> = {
  file: "files",
  path: "files",
  // "sdb", but a name below /dev/disk/by-id as well
  device: "files",
  dir: "directories",
  MiB: "nothing",
  address: "nothing",
  name: "nothing",
  number: "nothing",
  text: "nothing",
};

/** @throws {RangeError} for a name that the table above does not have */
export function offerFor({ name, choices }: ValueDescription): Offer {
  if (choices !== undefined) return { kind: "choices", choices };
  const kind = kinds[name];
  if (kind === undefined) throw new RangeError(`No completion is known for values called "${name}"`);
  return { kind };
}
