/** Runs the stages of a plan: each as soon as what it needs is there, from the cache when nothing changed. */
import { StoppedByUser } from "../errors.ts";
import type { Ui } from "../ui.ts";
import type { System } from "../system/system.ts";
import type { ImageRequest } from "./plan_image.ts";
import { type CachedStage, openStageCache } from "./stage_cache.ts";
import { type Stage, stageKey, type StageName } from "./stage.ts";
import { buildAgents, buildRuntime } from "./stages/agents.ts";
import { buildAutokexec } from "./stages/autokexec.ts";
import { buildBase } from "./stages/base.ts";
import { buildCompile } from "./stages/compile.ts";
import type { BuildPlaces, StageWork } from "./stages/context.ts";
import { buildDrivers } from "./stages/drivers.ts";
import { buildKeymap } from "./stages/keymap.ts";
import { buildLoaders } from "./stages/loaders.ts";
import { buildNetboot } from "./stages/netboot.ts";
import { buildOverlay } from "./stages/overlay.ts";
import { buildPack, partNames } from "./stages/pack.ts";
import { buildSecrets } from "./stages/secrets.ts";
import { buildTools } from "./stages/tools.ts";
import { buildTrim } from "./stages/trim.ts";

export interface BuildOptions {
  readonly cacheDirectory: string;
  readonly places: BuildPlaces;
  /** Stages that are made anew although they are cached. */
  readonly refresh: ReadonlySet<StageName>;
}

/** @returns the result of each stage of the plan */
export async function buildImage(
  system: System,
  ui: Ui,
  { plan, request, ...options }: { readonly plan: readonly Stage[]; readonly request: ImageRequest } & BuildOptions,
): Promise<ReadonlyMap<StageName, CachedStage>> {
  const cache = openStageCache(system, options.cacheDirectory);
  const stopper = new AbortController();
  const results = new Map<StageName, CachedStage>();
  const running = new Map<StageName, Promise<void>>();
  const works = stageWorks(plan);

  async function runStage(stage: Stage): Promise<void> {
    await Promise.all(stage.needs.map((name) => running.get(name)));
    stopper.signal.throwIfAborted();
    const fingerprints = Object.fromEntries(stage.needs.map((name) => [name, results.get(name)?.record.fingerprint]));
    const key = stageKey(stage, fingerprints);
    const cached = options.refresh.has(stage.name) ? undefined : await cache.find(stage.name, key);
    if (cached !== undefined) {
      results.set(stage.name, cached);
      return;
    }
    const progress = ui.progress(stage.title);
    try {
      const result = await cache.add(stage.name, key, (directory) =>
        works[stage.name]({
          system,
          request,
          places: options.places,
          progress,
          signal: stopper.signal,
          directory,
          result: (name) => {
            const result = stage.needs.includes(name) ? results.get(name) : undefined;
            if (result === undefined) throw new TypeError(`The stage "${stage.name}" does not need "${name}"`);
            return result;
          },
        }));
      results.set(stage.name, result);
      progress.finish(result.record.summary);
    } catch (error) {
      progress.fail(describeEnd(error, stopper.signal));
      throw error;
    }
  }

  for (const stage of plan) {
    const run = runStage(stage).catch((error) => {
      stopper.abort(error);
      throw error;
    });
    run.catch(() => {}); // looked at below, by all of them together
    running.set(stage.name, run);
  }
  const outcomes = await Promise.allSettled(running.values());
  // The first reason is the one that stopped the others.
  if (outcomes.some((outcome) => outcome.status === "rejected")) throw stopper.signal.reason;
  await cache.clean();
  return results;
}

/** @param others aborted once one step has ended without success: only that one has failed by itself */
export function describeEnd(error: unknown, others: AbortSignal): string | undefined {
  const first: unknown = others.aborted ? others.reason : error;
  if (first instanceof StoppedByUser) return "stopped";
  return others.aborted ? "stopped, since another step has failed" : undefined;
}

export interface StageState {
  readonly stage: Stage;
  /** `unknown`: it depends on a stage that has to be made first. */
  readonly state: "cached" | "missing" | "unknown";
}

/** What a build would find in the cache. Changes nothing. */
export async function inspectPlan(
  system: System,
  { plan, cacheDirectory, refresh }:
    & { readonly plan: readonly Stage[] }
    & Pick<BuildOptions, "cacheDirectory" | "refresh">,
): Promise<StageState[]> {
  const cache = openStageCache(system, cacheDirectory);
  const fingerprints: Partial<Record<StageName, string>> = {};
  const states: StageState[] = [];
  for (const stage of plan) {
    if (stage.needs.some((name) => fingerprints[name] === undefined)) {
      states.push({ stage, state: "unknown" });
      continue;
    }
    const cached = refresh.has(stage.name) ? undefined : await cache.find(stage.name, stageKey(stage, fingerprints));
    if (cached !== undefined) fingerprints[stage.name] = cached.record.fingerprint;
    states.push({ stage, state: cached === undefined ? "missing" : "cached" });
  }
  return states;
}

function stageWorks(plan: readonly Stage[]): Readonly<Record<StageName, StageWork>> {
  const planned = new Set(plan.map((stage) => stage.name));
  return {
    tools: buildTools,
    base: buildBase,
    trim: buildTrim,
    compile: buildCompile,
    drivers: buildDrivers,
    overlay: buildOverlay,
    keymap: buildKeymap,
    runtime: buildRuntime,
    agents: buildAgents,
    autokexec: buildAutokexec,
    loaders: buildLoaders,
    netboot: buildNetboot,
    secrets: buildSecrets,
    pack: (context) => buildPack(context, partNames.filter((name) => planned.has(name))),
  };
}
