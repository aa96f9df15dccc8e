/**
 * Agents for another processor than that of the machine that builds. `deno compile --target` fetches what it takes by
 * itself; beside bundled agents goes the Deno of the same version for that processor, which the npm registry has as a
 * package.
 */
import * as v from "valibot";
import { type ArchitectureName, architectures } from "../architecture.ts";
import type { DenoProgram } from "../deno_version.ts";
import { CommandError, UserError } from "../errors.ts";
import { readJson } from "../formats/json.ts";
import type { System } from "../system/system.ts";
import { readElfMachine } from "./elf.ts";
import { explainDeno } from "./explain_deno.ts";

/** @returns what `deno compile --target` takes; undefined when the agents are for this machine's own processor. Pure */
export function foreignTarget(deno: Pick<DenoProgram, "target">, architecture: ArchitectureName): string | undefined {
  const { target } = architectures[architecture].deno;
  return deno.target === target ? undefined : target;
}

/** Words of `deno compile`. Pure. */
export function targetFlags(target: string | undefined): readonly string[] {
  return target === undefined ? [] : ["--target", target];
}

/** What the image's Deno is known by before it is fetched. Pure. */
export function nameForeignDeno({ version }: Pick<DenoProgram, "version">, architecture: ArchitectureName): string {
  return `${architectures[architecture].deno.package}@${version}`;
}

const InfoSchema = v.object({ npmCache: v.string() });

/**
 * By Deno itself, which compares what it gets with the hash that the registry states, and keeps it in its own cache.
 * Runs `deno`, `find`.
 * @returns the path of the program
 * @throws {UserError} when the registry cannot be reached, or has no such package
 */
export async function fetchForeignDeno(
  system: System,
  { deno, architecture, cwd }: {
    readonly deno: DenoProgram;
    readonly architecture: ArchitectureName;
    /** A folder without a configuration of Deno's. */
    readonly cwd: string;
  },
): Promise<string> {
  const name = nameForeignDeno(deno, architecture);
  const options = { cwd, env: deno.environment, timeoutMs: 10 * 60_000 };
  try {
    await system.run([deno.path, "cache", "--quiet", "--no-config", "--no-lock", `npm:${name}`], options);
  } catch (error) {
    throw error instanceof CommandError ? explainDeno(`Deno for ${architecture}`, error) : error;
  }
  const { stdout: info } = await system.run([deno.path, "info", "--json", "--no-config"], options);
  const { npmCache = "" } = readJson(InfoSchema, info) ?? {};
  // One folder for each registry, however it is called.
  const place = `*/${name.replace(/@([^@]*)$/, "/$1")}/deno`;
  const { stdout } = await system.run(["find", npmCache, "-path", place, "-type", "f"]);
  const path = stdout.split("\n")[0] ?? "";
  if (path === "") throw new UserError(`Deno's cache "${npmCache}" does not hold "${name}", which was fetched`);
  if (!await isFor(system, path, architecture)) throw new UserError(`"${path}" is no program for ${architecture}`);
  return path;
}

/** Whether a program is for this architecture, by the start of its file. */
export async function isFor(
  system: Pick<System, "openRead">,
  path: string,
  architecture: ArchitectureName,
): Promise<boolean> {
  const head = new Uint8Array(
    await new Response(await system.openRead(path, { offset: 0, sizeBytes: 64 })).arrayBuffer(),
  );
  return readElfMachine(head) === architectures[architecture].elfMachine;
}
