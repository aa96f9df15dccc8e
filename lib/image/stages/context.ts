/** What every stage gets to work with. */
import type { Progress } from "../../ui.ts";
import type { System } from "../../system/system.ts";
import type { ImageRequest } from "../plan_image.ts";
import type { CachedStage } from "../stage_cache.ts";
import type { StageName } from "../stage.ts";
import type { StageRecord } from "../stage_record.ts";

export interface StageContext {
  readonly system: System;
  readonly request: ImageRequest;
  readonly places: BuildPlaces;
  readonly progress: Progress;
  /** Aborts when another stage has failed. */
  readonly signal: AbortSignal;
  /** Empty directory that becomes the stage's result. */
  readonly directory: string;
  /** @throws TypeError when the stage is not in `needs` */
  result(name: StageName): CachedStage;
}

/** Places on the build machine, absolute paths. */
export interface BuildPlaces {
  /** The project's own directory. */
  readonly project: string;
  /** The `deno` program that bundles or compiles the agents. */
  readonly deno: string;
  /** The runtime in the "bundle" form: the same, or that for the image's own processor. */
  readonly runtime: string;
  /** For `deno compile`, when the image is for another processor than this machine's. */
  readonly target?: string;
  /** Environment of Deno: DENO_DIR, DENORT_BIN. */
  readonly denoEnvironment: Readonly<Record<string, string>>;
  /** The shared key. */
  readonly key: string;
  /** What `block.engine.secret-file` names. */
  readonly engineSecret?: string;
}

export type StageWork = (context: StageContext) => Promise<StageRecord>;
