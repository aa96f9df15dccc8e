/**
 * Results of stages, kept in directories named after their keys. A result appears all at once (by renaming a finished directory), so
 * that an interrupted build leaves nothing that looks finished.
 */
import type { System } from "../system/system.ts";
import { formatStageRecord, parseStageRecord, type StageRecord } from "./stage_record.ts";
import type { StageName } from "./stage.ts";

const recordName = "stage.json";
/** Unfinished directories older than this belong to no build that still runs. */
const abandonedAfterMs = 6 * 60 * 60_000;
/** So many results of one stage are kept, the newest. */
const keptResults = 4;

export interface CachedStage {
  readonly directory: string;
  readonly record: StageRecord;
}

export interface StageCache {
  find(name: StageName, key: string): Promise<CachedStage | undefined>;
  /** Runs `make` in a new directory and keeps what it leaves there. On failure the directory is removed. */
  add(name: StageName, key: string, make: (directory: string) => Promise<StageRecord>): Promise<CachedStage>;
  /** Removes what interrupted builds left, and old results. */
  clean(): Promise<void>;
}

/** @param root directory of the cache; made when it is missing, readable for its owner alone since results may hold the key */
export function openStageCache(system: System, root: string): StageCache {
  const place = (name: StageName, key: string): string => `${root}/${name}-${key}`;

  async function find(name: StageName, key: string): Promise<CachedStage | undefined> {
    const directory = place(name, key);
    const file = `${directory}/${recordName}`;
    if (await system.lstat(file) === undefined) return undefined;
    const record = parseStageRecord(await system.readText(file));
    return record === undefined ? undefined : { directory, record };
  }

  async function add(
    name: StageName,
    key: string,
    make: (directory: string) => Promise<StageRecord>,
  ): Promise<CachedStage> {
    await system.makeDirectory(root, { mode: 0o700 });
    const unfinished = await system.makeTempDirectory({ parent: root, prefix: `unfinished-${name}-` });
    try {
      const record = await make(unfinished);
      await system.writeFile(`${unfinished}/${recordName}`, formatStageRecord(record), { mode: 0o600 });
      await system.remove(place(name, key));
      await system.rename(unfinished, place(name, key));
      return { directory: place(name, key), record };
    } finally {
      await system.remove(unfinished);
    }
  }

  async function clean(): Promise<void> {
    if (await system.lstat(root) === undefined) return;
    const names = await system.readDirectory(root);
    const entries = await Promise.all(names.map(async (name) => {
      const status = await system.lstat(`${root}/${name}`);
      return { name, modifiedMs: status?.modifiedMs ?? 0 };
    }));
    const now = system.wallClockMs();
    for (const name of chooseDiscarded(entries, now)) await system.remove(`${root}/${name}`);
  }

  return { find, add, clean };
}

/** Which directories of a cache go: abandoned unfinished ones, and all but the newest results of each stage. Pure. */
export function chooseDiscarded(
  entries: readonly { readonly name: string; readonly modifiedMs: number }[],
  nowMs: number,
): string[] {
  const abandoned = entries.filter(({ name, modifiedMs }) =>
    name.startsWith("unfinished-") && nowMs - modifiedMs > abandonedAfterMs
  );
  const results = Map.groupBy(
    entries.filter(({ name }) => /^[a-z]+-[0-9a-f]{32}$/.test(name)),
    ({ name }) => name.split("-")[0],
  );
  const old = [...results.values()].flatMap((ofStage) =>
    ofStage.toSorted((a, b) => b.modifiedMs - a.modifiedMs).slice(keptResults)
  );
  return [...abandoned, ...old].map(({ name }) => name);
}
