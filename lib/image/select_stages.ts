/** Which stages of a plan run, from `--skip` and `--only`. Pure. */
import { nearestName } from "../config/nearest_name.ts";
import { ExitCode, UserError } from "../errors.ts";
import { type Stage, type StageName, stageNames } from "./stage.ts";

/** Without these there is no image (`tools` is planned where it takes them); `pack` can be left out with `--only`. */
const indispensable: readonly StageName[] = ["tools", "base", "pack"];

export interface StageSelection {
  /** The image is made without the part of these. */
  readonly skip: readonly string[];
  /** Nothing but these, and what they need; empty: everything. */
  readonly only: readonly string[];
}

/**
 * What can be known before there is a plan, and before a wait for another build.
 * @throws {UserError} (exit code 2) for names that are no stages, or stages that cannot be left out
 */
export function demandStages({ skip, only }: StageSelection): void {
  for (const name of [...skip, ...only]) {
    if (!stageNames.some((stageName) => stageName === name)) throw unknownStage(name);
  }
  const refused = skip.find((name) => indispensable.some((one) => one === name));
  if (refused !== undefined) {
    throw new UserError(`The stage "${refused}" cannot be skipped: there is no image without it`, {
      exitCode: ExitCode.usage,
      hints: ["To run some stages alone, name them with --only"],
    });
  }
}

/** @throws {UserError} as {@link demandStages} */
export function selectStages(plan: readonly Stage[], { skip, only }: StageSelection): Stage[] {
  demandStages({ skip, only });
  const kept = plan.filter((stage) => !skip.includes(stage.name))
    .map((stage) => ({ ...stage, needs: stage.needs.filter((name) => !skip.includes(name)) }));
  if (only.length === 0) return kept;
  const chosenNames = new Set<string>(only);
  // Backwards, since a stage comes after what it needs.
  for (const stage of kept.toReversed()) {
    if (chosenNames.has(stage.name)) stage.needs.forEach((name) => chosenNames.add(name));
  }
  return kept.filter((stage) => chosenNames.has(stage.name));
}

function unknownStage(name: string): UserError {
  const all = `The stages are ${stageNames.join(", ")}`;
  if (name.startsWith("-")) {
    return new UserError(`"--only" and "--skip" need the name of a stage: found the option "${name}" in its place`, {
      exitCode: ExitCode.usage,
      hints: [all],
    });
  }
  const near = nearestName(name, stageNames);
  return new UserError(`There is no stage "${name}"`, {
    exitCode: ExitCode.usage,
    hints: [...near === undefined ? [] : [`"${near}" perhaps`], all],
  });
}
