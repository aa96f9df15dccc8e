/**
 * Stages "runtime" and "agents": the programs of our own, in one of two forms.
 *
 * - bundle: one JavaScript file for each agent, and one `deno` that runs them with their grants.
 * - compile: what `deno compile` makes. That is the program `denort`, with a changed header and the agent's own data
 *   behind it; so the body, the same for all agents, is packed once (stage "runtime"), head and data of each agent
 *   beside it, and `run-agent` joins them. The border is found by comparing, since its place is Deno's own affair (2.5
 *   appends, 2.9 adds an ELF section).
 *
 * Runs `deno`, `touch` and the compressor.
 */
import type { ArchitectureName } from "../../architecture.ts";
import type { Role } from "../../formats/kernel_command_line.ts";
import { CommandError } from "../../errors.ts";
import { nameLibraries } from "../bundle_text.ts";
import type { DenoProgram } from "../../deno_version.ts";
import { foreignTarget, nameForeignDeno, targetFlags } from "../foreign_deno.ts";
import { explainDeno } from "../explain_deno.ts";
import type { RunOptions, System } from "../../system/system.ts";
import { agentGrants, formatGrants } from "../../grants.ts";
import { agentDirectory, agentRoles, formatLauncher, formatStarter, scriptName, starterName } from "../launcher.ts";
import { writePart } from "../part_archive.ts";
import { hashFile } from "../../hash.ts";
import { sourceDateEpoch } from "../plan_image.ts";
import type { StageRecord } from "../stage_record.ts";
import { arrangeEntries, type TreeEntry } from "../tree_entry.ts";
import type { BuildPlaces, StageContext } from "./context.ts";

/** Folders of `agents`. For tests, and packages. */
export type AgentName = Role | "autokexec";
/**
 * A page. This much at the start of a compiled program differs from the runtime (the ELF header), and the program's
 * own data starts at a multiple of it.
 */
const headBytes = 4096;

export async function buildRuntime(context: StageContext): Promise<StageRecord> {
  const { system, request, places, directory } = context;
  if (request.agentForm === "bundle") {
    const entry = await describeFile(system, await system.realPath(places.runtime), { name: "deno", mode: 0o755 });
    return { ...await writeAgentPart(context, [entry]), summary: "one Deno for all agents" };
  }
  const programs = await Promise.all(
    ["", 'console.log("another program, of another length");'].map(async (text, index) => {
      const script = `${directory}/program-${index}.js`;
      await system.writeFile(script, `${text}\n`);
      await compile(context, { script, output: `${script}.compiled`, flags: [] });
      return { script, compiled: `${script}.compiled` };
    }),
  );
  const [one, other] = programs;
  if (one === undefined || other === undefined) throw new TypeError("Two programs are compared");
  const difference = await findDifference(system, one.compiled, other.compiled, { start: headBytes });
  const end = difference - difference % headBytes;
  if (end <= headBytes) throw new TypeError(`Programs that "deno compile" made have nothing in common`);
  const body = `${directory}/agent-body`;
  await copyRange(system, { from: one.compiled, to: body, start: 0, end });
  const part = await writeAgentPart(context, [await describeFile(system, body, { name: "agent-body", mode: 0o755 })]);
  for (const { script, compiled } of programs) {
    await system.remove(script);
    await system.remove(compiled);
  }
  return { ...part, summary: "one denort for all agents" };
}

export async function buildAgents(context: StageContext): Promise<StageRecord> {
  const { system, request, directory, progress } = context;
  const made = `${directory}/made`;
  await system.makeDirectory(made);
  const entries: TreeEntry[] = [];
  for (const role of agentRoles) {
    progress.note(role);
    const script = `${made}/${scriptName(role)}`;
    await bundleAgent(context, role, script);
    const files = request.agentForm === "bundle"
      ? [script, await addStarter(context, role, script)]
      : await compileAgent(context, role, script);
    for (const file of files) {
      entries.push(await describeFile(system, file, { name: file.slice(file.lastIndexOf("/") + 1), mode: 0o644 }));
    }
  }
  await system.writeFile(`${made}/run-agent`, formatLauncher(request.agentForm, agentGrants));
  entries.push(await describeFile(system, `${made}/run-agent`, { name: "run-agent", mode: 0o755 }));
  const part = await writeAgentPart(context, entries);
  await system.remove(made);
  return { ...part, summary: agentRoles.join(", ") };
}

/** One JavaScript file of everything an agent needs: the one that a package brings, or made by `deno`. */
export async function bundleAgent(
  { system, places, signal }: {
    readonly system: System;
    readonly places: Pick<BuildPlaces, "project" | "deno" | "denoEnvironment">;
    readonly signal?: AbortSignal;
  },
  name: AgentName,
  output: string,
): Promise<void> {
  const packaged = `${places.project}/${packagedBundle(name)}`;
  if (await system.stat(packaged) !== undefined) return await system.writeFile(output, await system.readFile(packaged));
  const entry = `${places.project}/agents/${name}/main.ts`;
  const argv = [places.deno, "bundle", "--quiet", "--platform=deno", `--output=${output}`, entry];
  const options = { cwd: places.project, env: places.denoEnvironment, ...signal === undefined ? {} : { signal } };
  await runDeno(system, argv, { what: `${name} agent`, options });
  await system.writeFile(output, nameLibraries(await system.readText(output)));
}

/** Of an installed program: Deno would fetch its bundler and libraries to make it again. For tests, and packages. */
export function packagedBundle(name: AgentName): string {
  return `bundles/${name}-agent.js`;
}

/** @throws {UserError} when Deno cannot fetch what it needs; {CommandError} otherwise */
async function runDeno(
  system: System,
  argv: readonly string[],
  { what, options }: { readonly what: string; readonly options: RunOptions },
): Promise<void> {
  try {
    await system.run(argv, options);
  } catch (error) {
    throw error instanceof CommandError ? explainDeno(what, error) : error;
  }
}

/** @returns what Deno runs in place of the script */
async function addStarter({ system }: StageContext, role: Role, script: string): Promise<string> {
  const text = await system.readText(script);
  // What cannot be a function's text would be found when a machine starts.
  if (/^(import|export)\b/m.test(text) || text.includes("import.meta")) {
    throw new TypeError(`The bundled ${role} agent imports or exports something, or asks for its own address`);
  }
  const starter = `${script.slice(0, script.lastIndexOf("/"))}/${starterName(role)}`;
  await system.writeFile(starter, formatStarter(`/${agentDirectory}/${scriptName(role)}`));
  return starter;
}

/** @returns what is this agent's own: its head, and the data behind the body */
async function compileAgent(context: StageContext, role: Role, script: string): Promise<readonly string[]> {
  const { system } = context;
  const compiled = `${script}.compiled`;
  await compile(context, { script, output: compiled, flags: formatGrants(agentGrants[role]) });
  const body = `${context.result("runtime").directory}/agent-body`;
  const { sizeBytes: bodyBytes = 0 } = await system.stat(body) ?? {};
  const { sizeBytes = 0 } = await system.stat(compiled) ?? {};
  const difference = await findDifference(system, compiled, body, { start: headBytes });
  if (difference < bodyBytes) {
    throw new TypeError(`The compiled ${role} agent differs from the others at byte ${difference}`);
  }
  const [head, data] = [script.replace(/\.js$/, ".head"), script.replace(/\.js$/, ".data")];
  await copyRange(system, { from: compiled, to: head, start: 0, end: headBytes });
  await copyRange(system, { from: compiled, to: data, start: bodyBytes, end: sizeBytes });
  await system.remove(compiled);
  return [head, data];
}

interface Compilation {
  readonly script: string;
  readonly output: string;
  /** What the program may do. */
  readonly flags: readonly string[];
}

/** A program of its own, made of a bundled agent. Runs `deno`, `touch`. */
export async function compile(
  { system, places, signal }: StageContext,
  { script, output, flags }: Compilation,
): Promise<void> {
  // The script's time of change goes into the program.
  await system.run(["touch", `--date=@${sourceDateEpoch}`, script]);
  // --no-config: with a configuration everything below it would be embedded.
  const words = [places.deno, "compile", "--quiet", "--no-config", ...targetFlags(places.target)];
  const argv = [...words, ...flags, "--output", output, script];
  const options = { cwd: script.slice(0, script.lastIndexOf("/")), env: places.denoEnvironment, signal };
  await runDeno(system, argv, { what: "program of an agent", options });
}

/** The first position at or after `start` where two files differ; where the shorter one ends, at the latest. */
async function findDifference(
  system: System,
  one: string,
  other: string,
  { start }: { readonly start: number },
): Promise<number> {
  const [left, right] = [new ByteReader(await system.openRead(one)), new ByteReader(await system.openRead(other))];
  try {
    for (let position = 0;;) {
      const [a, b] = [await left.peek(), await right.peek()];
      const length = Math.min(a.length, b.length);
      if (length === 0) return position;
      for (let index = Math.max(0, start - position); index < length; index++) {
        if (a[index] !== b[index]) return position + index;
      }
      left.take(length);
      right.take(length);
      position += length;
    }
  } finally {
    await left.cancel();
    await right.cancel();
  }
}

/** A stream whose pieces can be consumed in part. */
class ByteReader {
  readonly #reader: ReadableStreamDefaultReader<Uint8Array>;
  #piece: Uint8Array = new Uint8Array();

  constructor(stream: ReadableStream<Uint8Array>) {
    this.#reader = stream.getReader();
  }

  /** What is there next, at least one byte; nothing at the end. */
  async peek(): Promise<Uint8Array> {
    while (this.#piece.length === 0) {
      const { value, done } = await this.#reader.read();
      if (done) break;
      this.#piece = value;
    }
    return this.#piece;
  }

  take(length: number): void {
    this.#piece = this.#piece.subarray(length);
  }

  async cancel(): Promise<void> {
    await this.#reader.cancel();
  }
}

interface Range {
  readonly from: string;
  readonly to: string;
  readonly start: number;
  readonly end: number;
}

/** Copies the bytes from `start` up to, not including, `end`. */
async function copyRange(system: System, { from, to, start, end }: Range): Promise<void> {
  let position = 0;
  const cut = new TransformStream<Uint8Array, Uint8Array>({
    transform: (piece, controller) => {
      const part = piece.subarray(Math.max(0, start - position), Math.max(0, end - position));
      position += piece.length;
      if (part.length > 0) controller.enqueue(part);
    },
  });
  await system.writeStream(to, (await system.openRead(from)).pipeThrough(cut), { mode: 0o755 });
}

async function describeFile(
  system: System,
  source: string,
  { name, mode }: { readonly name: string; readonly mode: number },
): Promise<TreeEntry> {
  const { sizeBytes = 0 } = await system.stat(source) ?? {};
  return { kind: "file", path: `${agentDirectory}/${name}`, mode, source, sizeBytes };
}

async function writeAgentPart(
  { system, request, directory, signal }: StageContext,
  entries: readonly TreeEntry[],
): ReturnType<typeof writePart> {
  return await writePart(system, arrangeEntries(entries), {
    directory,
    compressor: request.compressor,
    signal,
  });
}

/** Fingerprint of the runtime an image gets, without making it. */
export async function fingerprintRuntime(
  system: System,
  form: "compile" | "bundle",
  { deno, architecture }: { readonly deno: DenoProgram; readonly architecture: ArchitectureName },
): Promise<string> {
  // Of the same version.
  if (foreignTarget(deno, architecture) !== undefined) return nameForeignDeno(deno, architecture);
  const program = await hashFile(system, await system.realPath(deno.path));
  const denort = deno.environment["DENORT_BIN"];
  // Without one of its own, Deno takes the denort of its own version.
  return form === "compile" && denort !== undefined ? await hashFile(system, denort) : program;
}
