/**
 * Stages "runtime" and "agents": the programs of our own, in one of two forms.
 *
 * - bundle: one JavaScript file for each agent, and one `deno` that runs them with their grants.
 * - compile: what `deno compile` makes. That is the program `denort`, the same for all, with the agent's own data appended to it; so
 *   `denort` is packed once (stage "runtime"), the data of each agent beside it, and `run-agent` joins the two.
 *
 * Runs `deno`, `bsdtar` and the compressor.
 */
import type { Role } from "../../protocol/kernel_command_line.ts";
import type { System } from "../../system/system.ts";
import { agentGrants, formatGrants } from "../agent_grants.ts";
import { findElfEnd } from "../elf.ts";
import { formatLauncher } from "../launcher.ts";
import { hashFile, writePart } from "../part_archive.ts";
import { sourceDateEpoch } from "../plan_image.ts";
import type { StageRecord } from "../stage_record.ts";
import { arrangeEntries, type TreeEntry } from "../tree_entry.ts";
import type { StageContext } from "./context.ts";

/** Where our programs are inside the image. */
const agentDirectory = "usr/lib/stiefelsystem";
const roles: readonly Role[] = ["server", "client"];
/** More than the headers at the start of any ELF file. */
const elfHeaderBytes = 64;

export async function buildRuntime(context: StageContext): Promise<StageRecord> {
  const { system, request, places, directory } = context;
  if (request.agentForm === "bundle") {
    const entry = await describeFile(system, await system.realPath(places.deno), { name: "deno", mode: 0o755 });
    return { ...await writeAgentPart(context, [entry]), summary: "one Deno for all agents" };
  }
  const script = `${directory}/empty.js`;
  const compiled = `${directory}/empty`;
  await system.writeFile(script, "\n");
  await compile(context, { script, output: compiled, flags: [] });
  const denort = `${directory}/denort`;
  await copyRange(system, { from: compiled, to: denort, start: 0, end: await findProgramEnd(system, compiled) });
  const part = await writeAgentPart(context, [await describeFile(system, denort, { name: "denort", mode: 0o755 })]);
  for (const path of [script, compiled, denort]) await system.remove(path);
  return { ...part, summary: "one denort for all agents" };
}

export async function buildAgents(context: StageContext): Promise<StageRecord> {
  const { system, request, directory, progress } = context;
  const made = `${directory}/made`;
  await system.makeDirectory(made);
  const entries: TreeEntry[] = [];
  for (const role of roles) {
    progress.note(role);
    const script = `${made}/${role}-agent.js`;
    await bundleAgent(context, role, script);
    const file = request.agentForm === "bundle" ? script : await compileAgent(context, role, script);
    entries.push(await describeFile(system, file, { name: file.slice(file.lastIndexOf("/") + 1), mode: 0o644 }));
  }
  await system.writeFile(`${made}/run-agent`, formatLauncher(request.agentForm, agentGrants));
  entries.push(await describeFile(system, `${made}/run-agent`, { name: "run-agent", mode: 0o755 }));
  const part = await writeAgentPart(context, entries);
  await system.remove(made);
  return { ...part, summary: roles.join(", ") };
}

async function bundleAgent({ system, places, signal }: StageContext, role: Role, output: string): Promise<void> {
  const entry = `${places.project}/agents/${role}/main.ts`;
  const argv = [places.deno, "bundle", "--quiet", "--platform=deno", `--output=${output}`, entry];
  await system.run(argv, { cwd: places.project, env: places.denoEnvironment, signal });
}

/** @returns the file that belongs behind `denort` */
async function compileAgent(context: StageContext, role: Role, script: string): Promise<string> {
  const { system } = context;
  const compiled = `${script}.compiled`;
  await compile(context, { script, output: compiled, flags: formatGrants(agentGrants[role]) });
  const program = script.replace(/\.js$/, ".program");
  const { sizeBytes = 0 } = await system.stat(compiled) ?? {};
  await copyRange(system, {
    from: compiled,
    to: program,
    start: await findProgramEnd(system, compiled),
    end: sizeBytes,
  });
  await system.remove(compiled);
  return program;
}

interface Compilation {
  readonly script: string;
  readonly output: string;
  /** What the program may do. */
  readonly flags: readonly string[];
}

async function compile(
  { system, places, signal }: StageContext,
  { script, output, flags }: Compilation,
): Promise<void> {
  // --no-config: with a configuration everything below it would be embedded.
  const argv = [places.deno, "compile", "--quiet", "--no-config", ...flags, "--output", output, script];
  await system.run(argv, { cwd: script.slice(0, script.lastIndexOf("/")), env: places.denoEnvironment, signal });
}

async function findProgramEnd(system: System, path: string): Promise<number> {
  const stream = await system.openRead(path);
  const reader = stream.getReader();
  try {
    const { value } = await reader.read();
    const end = value === undefined || value.length < elfHeaderBytes ? undefined : findElfEnd(value);
    if (end === undefined) throw new TypeError(`"deno compile" made something that is no ELF program: ${path}`);
    return end;
  } finally {
    await reader.cancel();
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
      const wanted = piece.subarray(Math.max(0, start - position), Math.max(0, end - position));
      position += piece.length;
      if (wanted.length > 0) controller.enqueue(wanted);
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
    timeSeconds: sourceDateEpoch,
    signal,
  });
}

/** Fingerprint of the runtime an image gets, without making it. */
export async function fingerprintRuntime(
  system: System,
  form: "compile" | "bundle",
  deno: { readonly path: string; readonly environment: Readonly<Record<string, string>> },
): Promise<string> {
  const program = await hashFile(system, await system.realPath(deno.path));
  const denort = deno.environment["DENORT_BIN"];
  // Without one of its own, Deno takes the denort of its own version.
  return form === "compile" && denort !== undefined ? await hashFile(system, denort) : program;
}
