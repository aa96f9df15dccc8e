/**
 * The kinds of operation that a plan may have: one file and one row each.
 * The union of their types is made from the rows.
 */

import type { Described, OperationKind } from "../operation.ts";
import { enableUnit } from "./enable_unit.ts";
import { removeFile } from "./remove_file.ts";
import { restartUnit } from "./restart_unit.ts";
import { runCommand } from "./run_command.ts";
import { writeFile } from "./write_file.ts";

const operationKinds = [
  writeFile,
  removeFile,
  runCommand,
  enableUnit,
  restartUnit,
] as const;

type OperationOf<Kind> = Kind extends OperationKind<infer Op> ? Op : never;

export type Operation = OperationOf<typeof operationKinds[number]>;

/** How an operation is inspected, noted and performed. */
export function kindOf<Op extends Operation>({ kind }: Op): OperationKind<Op> {
  const kindRow = operationKinds.find((row) => row.kind === kind);
  if (kindRow === undefined) throw new TypeError(`There is no kind of operation "${kind}"`);
  // The row of this kind takes operations of this kind, which TypeScript cannot follow through a search.
  return kindRow as OperationKind<Described> as OperationKind<Op>;
}
