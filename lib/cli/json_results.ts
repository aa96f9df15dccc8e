/**
 * What commands print with --json: one object on standard output, talk and errors on standard error as ever. Fields are
 * only added within a version. doc/doctor.schema.json, doc/create-initrd.schema.json and doc/setup-server.schema.json
 * are made from these schemas. Pure.
 */

import * as v from "valibot";

const text = v.string();
const described = <Schema extends v.GenericSchema>(schema: Schema, meaning: string): Schema =>
  v.pipe(schema, v.description(meaning)) as unknown as Schema;

/** `doctor --json` */
export const DoctorResultSchema = v.object({
  version: v.literal(1),
  isUsable: described(v.boolean(), "no check ended with an error; the exit status says the same"),
  checks: v.array(v.object({
    title: text,
    level: described(v.picklist(["ok", "unknown", "warning", "error"]), "unknown: doctor could not look"),
    found: text,
    cure: v.optional(described(text, "a concrete next step")),
  })),
});

/** `create-initrd --json` */
export const ImageResultSchema = v.object({
  version: v.literal(1),
  isMade: described(v.boolean(), "false: a dry run, or the stage that packs was left out"),
  stages: v.optional(
    described(
      v.array(v.object({
        name: text,
        title: text,
        state: described(
          v.picklist(["cached", "missing", "unknown"]),
          "unknown: depends on what is made before it",
        ),
      })),
      "of a dry run",
    ),
  ),
  artifacts: v.array(v.object({
    name: v.picklist(["kernel", "initrd", "manifest", "folder"]),
    path: described(text, "absolute"),
    sizeBytes: v.optional(described(v.number(), "of a file")),
    sha256: v.optional(described(text, "of a file, in hexadecimal digits")),
  })),
});

/** `setup-server --dry-run --json` */
export const SetupResultSchema = v.object({
  version: v.literal(1),
  title: text,
  root: described(text, "the system that would be set up; / is the running one"),
  operations: v.array(v.object({
    id: described(text, "unique in the plan; of a file, its path"),
    kind: text,
    what: text,
    why: text,
    needs: described(v.array(text), "ids of operations without which this one is skipped"),
    status: described(
      v.picklist(["unchanged", "new", "changed", "needed"]),
      "unchanged: nothing would be done; needed: a program would be run",
    ),
    isForeign: described(v.boolean(), "what an earlier run wrote has been changed since"),
    change: v.optional(described(v.array(text), "with --diff: lines that show the change")),
  })),
  obstacles: described(
    v.array(v.object({ found: text, cure: text })),
    "what setup-server would refuse, until it is put right",
  ),
  leftovers: described(v.array(text), "what an earlier run has installed and this plan does not need"),
  notices: v.array(text),
});

export type DoctorResult = v.InferOutput<typeof DoctorResultSchema>;
export type ImageResult = v.InferOutput<typeof ImageResultSchema>;
export type SetupResult = v.InferOutput<typeof SetupResultSchema>;

/** The object as text; lines of it are for people who look. */
export function formatJsonResult(result: DoctorResult | ImageResult | SetupResult): string {
  return JSON.stringify(result, null, 2);
}
