/** What is known of a stage's result: the file stage.json in its directory. Format and parse. Pure. */
import * as v from "valibot";
import { readJson } from "../formats/json.ts";

const StageRecordSchema = v.strictObject({
  /** Hash of the content: the same result has the same one, whenever and wherever it was made. */
  fingerprint: v.pipe(v.string(), v.regex(/^[0-9a-f]{64}$/)),
  /** File of the archive in the directory, when the stage makes a part of the initrd. */
  part: v.optional(v.pipe(v.string(), v.regex(/^[\w.-]+$/))),
  /** Size of that file. */
  sizeBytes: v.optional(v.number()),
  /** Size of all files inside. */
  unpackedBytes: v.optional(v.number()),
  /** A few words for the progress line and the manifest. */
  summary: v.string(),
});

export type StageRecord = Readonly<v.InferOutput<typeof StageRecordSchema>>;

export function formatStageRecord(record: StageRecord): string {
  return JSON.stringify(record, null, 2) + "\n";
}

/** @returns undefined for anything else, which then counts as not cached */
export function parseStageRecord(text: string): StageRecord | undefined {
  return readJson(StageRecordSchema, text);
}
