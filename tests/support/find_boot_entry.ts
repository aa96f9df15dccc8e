/**
 * Which boot entry of one partition shall be started: the one its own boot loader would take, but never a recovery
 * one.
 */

import { type BootDecision, decideBoot } from "../../lib/boot/menu/decide_boot.ts";
import type { BootFiles } from "../../lib/boot/menu/entry.ts";
import { type SurveyOptions, surveyPartition } from "../../lib/boot/menu/survey.ts";

/**
 * @returns the entry, its files looked up; undefined when nothing on the partition looks like a boot configuration
 * @throws {BootError} when there is one that cannot be used
 */
export async function findBootEntry(
  files: BootFiles,
  options: Omit<SurveyOptions, "others"> = {},
): Promise<BootDecision | undefined> {
  return decideBoot([await surveyPartition({ name: "disk", files }, options)], options);
}
