/**
 * Results of stages, kept in directories named after their keys. A result appears and disappears all at once (by
 * renaming its directory), so that whatever interrupts a build leaves nothing that looks finished.
 */
import { accessing } from "../file_access.ts";
import { releaseMounts } from "../system/mounts.ts";
import type { System } from "../system/system.ts";
import { formatStageRecord, parseStageRecord, type StageRecord } from "./stage_record.ts";
import type { StageName } from "./stage.ts";

const recordName = "stage.json";
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
  /** Removes old results. */
  clean(): Promise<void>;
}

/**
 * @param root directory of the cache; made when it is missing, readable for its owner alone since results may hold the
 *   key
 */
export function openStageCache(system: System, root: string): StageCache {
  const place = (name: StageName, key: string): string => `${root}/${name}-${key}`;

  async function find(name: StageName, key: string): Promise<CachedStage | undefined> {
    const directory = place(name, key);
    const file = `${directory}/${recordName}`;
    if (await system.lstat(file) === undefined) return undefined;
    const access = { what: "The cache", path: file, attempt: "read" } as const;
    const record = parseStageRecord(await accessing(system, access, () => system.readText(file)));
    if (record === undefined || !await isWhole(directory, record)) return undefined;
    return { directory, record };
  }

  /** After a loss of power a file may be shorter than its record, which was synced. */
  async function isWhole(directory: string, { part, sizeBytes }: StageRecord): Promise<boolean> {
    return part === undefined || (await system.stat(`${directory}/${part}`))?.sizeBytes === sizeBytes;
  }

  /** Renames first: a removal that is cut off must not leave a part of a result under its name. */
  async function discard(name: string): Promise<void> {
    if (await system.lstat(`${root}/${name}`) === undefined) return;
    const unfinished = await system.makeTempDirectory({ parent: root, prefix: "unfinished-old-" });
    await system.rename(`${root}/${name}`, `${unfinished}/old`);
    await system.remove(unfinished);
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
      await discard(`${name}-${key}`);
      await system.rename(unfinished, place(name, key));
      return { directory: place(name, key), record };
    } finally {
      await releaseMounts(system, unfinished);
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
    for (const name of chooseDiscarded(entries)) await discard(name);
  }

  return { find, add, clean };
}

/** Which directories of a cache go: all but the newest results of each stage. Pure. */
export function chooseDiscarded(
  entries: readonly { readonly name: string; readonly modifiedMs: number }[],
): string[] {
  const results = Map.groupBy(
    entries.filter(({ name }) => /^[a-z]+-[0-9a-f]{32}$/.test(name)),
    ({ name }) => name.split("-")[0],
  );
  return [...results.values()].flatMap((ofStage) =>
    ofStage.toSorted((a, b) => b.modifiedMs - a.modifiedMs).slice(keptResults)
  ).map(({ name }) => name);
}
