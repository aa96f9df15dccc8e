/** Stage "drivers": the kernel modules that are wanted, and what they depend on. Runs `find`, `cp`, `xz`, `depmod`, `bsdtar`, the compressor. */
import { UserError } from "../../errors.ts";
import type { System } from "../../system/system.ts";
import { matchModules, moduleName, readModuleNeeds, unwantedModulePatterns } from "../kernel_modules.ts";
import { listTree } from "../list_tree.ts";
import { writePart } from "../part_archive.ts";
import { sourceDateEpoch } from "../plan_image.ts";
import type { StageRecord } from "../stage_record.ts";
import { arrangeEntries } from "../tree_entry.ts";
import { treeName } from "./base.ts";
import type { StageContext } from "./context.ts";

/** Where modules are inside the image. */
const modulesDirectory = "usr/lib/modules";
/** Written by depmod for people and older programs; kmod and udev read the .bin files (depmod(8)). */
const unreadIndexes = /^modules\.(alias|dep|symbols|symbols\.bin|order|builtin|builtin\.modinfo|softdep|weakdep)$/;

export async function buildDrivers(context: StageContext): Promise<StageRecord> {
  const { system, request, directory, progress, signal } = context;
  const base = `${context.result("base").directory}/${treeName}`;
  const version = await findKernelVersion(system, base);
  const from = `${base}/${modulesDirectory}/${version}`;
  const work = `${directory}/modules`;
  const to = `${work}/lib/modules/${version}`;
  await system.makeDirectory(`${to}/kernel`);
  await system.run([
    "cp",
    ...["modules.builtin", "modules.builtin.modinfo", "modules.order"].map((name) => `${from}/${name}`),
    to,
  ]);

  progress.note("choosing modules");
  const all = (await listTree(system, `${from}/kernel`)).filter((entry) => entry.kind === "file").map(({ path }) =>
    path
  );
  const wanted = matchModules(all, { wanted: request.modulePatterns, unwanted: unwantedModulePatterns });
  const chosen = await copyWithNeeded(context, { from: `${from}/kernel`, to: `${to}/kernel`, all, wanted });

  progress.note("indexing");
  await system.run(["depmod", "-b", work, version], { signal });
  const entries = (await listTree(system, `${work}/lib`)).filter(({ path }) =>
    !unreadIndexes.test(path.slice(path.lastIndexOf("/") + 1))
  ).map((entry) => ({ ...entry, path: `usr/lib/${entry.path}` }));
  progress.note("compressing");
  const part = await writePart(system, arrangeEntries(entries), {
    directory,
    compressor: request.compressor,
    timeSeconds: sourceDateEpoch,
    signal,
  });
  await system.remove(work);
  return { ...part, summary: `${chosen} modules of Linux ${version}` };
}

/** @throws {UserError} when there is no kernel, or more than one */
export async function findKernelVersion(system: System, tree: string): Promise<string> {
  const versions = await system.lstat(`${tree}/${modulesDirectory}`) === undefined
    ? []
    : await system.readDirectory(`${tree}/${modulesDirectory}`);
  const [version, ...others] = versions;
  if (version === undefined || others.length > 0) {
    throw new UserError(`The packages hold ${versions.length} kernels (${versions.join(", ")}), wanted is one`, {
      hints: ["See which linux-image packages initrd.include-packages brings in"],
    });
  }
  return version;
}

interface ModuleCopy {
  readonly from: string;
  readonly to: string;
  readonly all: readonly string[];
  readonly wanted: readonly string[];
}

/**
 * Copies modules and unpacks them (so that the archive's own compression sees their content), then those they name as needed, until
 * nothing is missing. Faster than asking depmod, which would have to unpack all 4000 modules for it.
 * @returns how many there are
 */
async function copyWithNeeded(
  { system, signal }: StageContext,
  { from, to, all, wanted }: ModuleCopy,
): Promise<number> {
  const byName = new Map(all.map((path) => [moduleName(path), path]));
  const copied = new Set<string>();
  for (let round = wanted; round.length > 0;) {
    await copyUnpacked(system, round, { from, to, signal });
    round.forEach((path) => copied.add(path));
    const needed = new Set<string>();
    for (const path of round) {
      const bytes = await system.readFile(`${to}/${path.replace(/\.(xz|zst|gz)$/, "")}`);
      for (const name of readModuleNeeds(bytes)) {
        const target = byName.get(name);
        if (target !== undefined && !copied.has(target)) needed.add(target);
      }
    }
    round = [...needed].sort();
  }
  return copied.size;
}

async function copyUnpacked(
  system: System,
  paths: readonly string[],
  { from, to, signal }: { readonly from: string; readonly to: string; readonly signal: AbortSignal },
): Promise<void> {
  await system.run(["cp", "--parents", "--no-preserve=mode,timestamps", ...paths, to], { cwd: from, signal });
  const packed = paths.filter((path) => path.endsWith(".xz"));
  if (packed.length === 0) return;
  // Two at a time: each is a single thread.
  const half = Math.ceil(packed.length / 2);
  await Promise.all(
    [packed.slice(0, half), packed.slice(half)].filter((some) => some.length > 0).map((some) =>
      system.run(["xz", "--decompress", "--force", ...some], { cwd: to, signal })
    ),
  );
}
