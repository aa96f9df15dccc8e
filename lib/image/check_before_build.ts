/**
 * What can be seen before the work of a build: folders that cannot be written, too little space, a mirror that does
 * not help.
 */
import { findBootstrapHost } from "../debian/bootstrap_program.ts";
import { checkMirror } from "../debian/check_mirror.ts";
import { quoteCommand, UserError } from "../errors.ts";
import { type Access, demandWritable } from "../file_access.ts";
import type { System } from "../system/system.ts";
import type { StageState } from "./build_image.ts";
import type { ImageRequest } from "./plan_image.ts";
import type { StageName } from "./stage.ts";
import { describeShortage, findShortages, listSpaceNeeds, parseFreeSpace, type SpaceNeed } from "./space_needs.ts";

/**
 * For a folder of our own whose files an earlier command may have made as root. Runs `id`.
 * @throws {UserError} when something in it belongs to root, and we run as another user
 */
export async function demandOwnFiles(system: System, access: Access): Promise<void> {
  const { stdout: uid } = await system.run(["id", "-u"]);
  if (uid.trim() === "0") return;
  for (const name of await system.readDirectory(access.path)) {
    const path = `${access.path}/${name}`;
    if ((await system.lstat(path))?.uid !== 0) continue;
    throw new UserError(
      `${access.what} "${access.path}" cannot be ${access.attempt}: "${name}" in it belongs to root, as when an earlier command ran with sudo`,
      {
        hints: [
          `Make all of it yours: sudo chown -R "$USER" ${quoteCommand([access.path])}`,
          "Or name another place, or run this command with sudo, too",
        ],
      },
    );
  }
}

export interface BuildCheck {
  readonly states: readonly StageState[];
  readonly request: ImageRequest;
  readonly cacheDirectory: string;
  readonly outDirectory: string;
}

/** Stages that fetch Debian's packages. */
const fetching: readonly StageName[] = ["tools", "base", "compile", "keymap", "loaders", "netboot"];

/** Whether a build has to fetch some of them. */
export function fetchesPackages(states: readonly StageState[]): boolean {
  return states.some(({ stage, state }) => state !== "cached" && fetching.includes(stage.name));
}

/** Runs `df`, `id`, `unshare`, `timeout`. @throws {UserError} before anything was built */
export async function checkBeforeBuild(
  system: System,
  { states, request, cacheDirectory, outDirectory }: BuildCheck,
): Promise<void> {
  const planned = states.map(({ stage }) => stage.name);
  const missing = states.filter(({ state }) => state !== "cached").map(({ stage }) => stage.name);
  const publishes = planned.some((name) => name === "pack" || name === "autokexec" || name === "loaders");
  if (publishes) {
    await demandWritable(system, { what: "The folder of the results", path: outDirectory, option: "--out-dir" });
  }
  const needs = listSpaceNeeds({
    missing,
    mode: (await findBootstrapHost(system)).mode,
    agentForm: request.agentForm,
    cacheDirectory,
    ...publishes ? { outDirectory } : {},
  });
  await demandSpace(system, needs, "the build");
  if (fetchesPackages(states)) await checkMirror(system, request, cacheDirectory);
}

/** Runs `df`. @param what as in "too little space for the build" */
export async function demandSpace(system: System, needs: readonly SpaceNeed[], what: string): Promise<void> {
  if (needs.length === 0) return;
  const paths = needs.map(({ path }) => path);
  const { stdout } = await system.run(["df", "--block-size=1", "--output=avail,target", "--", ...paths]);
  const shortages = findShortages(needs, parseFreeSpace(stdout, paths));
  if (shortages.length === 0) return;
  throw new UserError(`There is too little space for ${what} in ${shortages.map(describeShortage).join("; ")}`, {
    hints: ['Make room there, or name other folders with "--cache-dir" and "--out-dir"'],
  });
}
