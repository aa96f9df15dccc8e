/** In which form the agents go into the image. Runs `deno`, and by `timeout` what it compiled. */
import * as v from "valibot";
import type { ArchitectureName } from "../architecture.ts";
import type { AgentForm } from "../config/config.ts";
import { lastReason } from "./explain_deno.ts";
import { CommandError, UserError } from "../errors.ts";
import { readJson } from "../formats/json.ts";
import type { DenoProgram } from "../deno_version.ts";
import { foreignTarget, isFor, targetFlags } from "./foreign_deno.ts";
import type { System } from "../system/system.ts";

export type AgentFormChoice =
  | { readonly form: "compile" | "bundle" }
  /** Nothing was tried, and nothing is known of an earlier trial. */
  | { readonly form: "compile"; readonly isAssumed: true }
  /** `reason` is the last line of what `deno compile` said, or what is wrong with the program it made. */
  | { readonly form: "bundle"; readonly reason: string };

interface FormRequest {
  readonly wanted: AgentForm;
  /** Of the image. */
  readonly architecture: ArchitectureName;
  readonly deno: DenoProgram;
  /** For a temporary directory, and for what was found out the last time. */
  readonly cacheDirectory: string;
  /** Try again although it did not work a short while ago. */
  readonly retry: boolean;
  /** False: nothing is changed, what an earlier trial has shown has to do. */
  readonly mayTry: boolean;
}

/** A trial that failed (for a download that did not work) counts for so long. */
const failureCountsMs = 60 * 60_000;
const memoName = "agent-form.json";

const MemoSchema = v.strictObject({ deno: v.string(), triedMs: v.number(), reason: v.nullable(v.string()) });

/**
 * "auto" compiles where it can: `deno compile` wants the program denort, which Deno downloads once, unless DENORT_BIN
 * names one. That is found out by compiling and running a small script, and remembered.
 * @throws {UserError} when "compile" is wanted and does not work
 */
export async function chooseAgentForm(system: System, request: FormRequest): Promise<AgentFormChoice> {
  const choice = request.wanted === "bundle" ? { form: request.wanted } : await tryOrRemember(system, request);
  if (request.wanted === "compile" && "reason" in choice) {
    const denort = foreignTarget(request.deno, request.architecture) === undefined
      ? "let Deno have the denort of its own version (DENORT_BIN)"
      : `let Deno fetch the denort for ${request.architecture} (DENORT_BIN is not used for it)`;
    throw new UserError(`The agents cannot be compiled: ${choice.reason}`, {
      hints: [`Take "image.agents: auto" or "bundle", or ${denort}`],
    });
  }
  return choice;
}

async function tryOrRemember(system: System, request: FormRequest): Promise<AgentFormChoice> {
  const target = foreignTarget(request.deno, request.architecture);
  const deno = [request.deno.path, request.deno.environment["DENORT_BIN"] ?? "", ...targetFlags(target)].join(" ");
  const memoPath = `${request.cacheDirectory}/${memoName}`;
  const memo = await readMemo(system, memoPath);
  const isFresh = memo?.deno === deno && system.wallClockMs() - memo.triedMs < failureCountsMs && !request.retry &&
    (request.wanted === "auto" || memo.reason === null);
  if (!isFresh && !request.mayTry) return { form: "compile", isAssumed: true };
  const reason = isFresh ? memo.reason : await tryToCompile(system, request);
  if (!isFresh) {
    await system.writeFile(memoPath, JSON.stringify({ deno, triedMs: system.wallClockMs(), reason }) + "\n");
  }
  return reason === null ? { form: "compile" } : { form: "bundle", reason };
}

async function readMemo(system: System, path: string): Promise<v.InferOutput<typeof MemoSchema> | undefined> {
  if (await system.lstat(path) === undefined) return undefined;
  return readJson(MemoSchema, await system.readText(path));
}

/** @returns null when it works, else why it does not */
async function tryToCompile(
  system: System,
  { deno, architecture, cacheDirectory }: FormRequest,
): Promise<string | null> {
  await system.makeDirectory(cacheDirectory, { mode: 0o700 });
  const directory = await system.makeTempDirectory({ parent: cacheDirectory, prefix: "unfinished-form-" });
  try {
    const [script, program] = [`${directory}/trial.js`, `${directory}/trial`];
    await system.writeFile(script, "console.log(Deno.version.deno);\n");
    const target = foreignTarget(deno, architecture);
    await system.run(
      [deno.path, "compile", "--quiet", "--no-config", ...targetFlags(target), "--output", program, script],
      { cwd: directory, env: deno.environment, timeoutMs: 5 * 60_000 },
    );
    if (target === undefined) return await findFlaw(system, deno, program);
    // It does not run here.
    return await isFor(system, program, architecture) ? null : `what it makes is not for ${architecture}`;
  } catch (error) {
    if (!(error instanceof CommandError)) throw error;
    return lastReason(error);
  } finally {
    await system.remove(directory);
  }
}

/**
 * A denort of another version is taken by `deno compile` without a word; what comes of it does not start, or is not
 * what was tested.
 */
async function findFlaw(system: System, deno: DenoProgram, program: string): Promise<string | null> {
  const { exitCode, stdout } = await system.run(["timeout", "60", program], {
    env: deno.environment,
    timeoutMs: 60_000,
    acceptExitCodes: [0, 1],
  });
  const version = stdout.trim();
  if (exitCode === 0 && version === deno.version) return null;
  const denort = deno.environment["DENORT_BIN"] ?? "the denort that Deno has downloaded";
  return `${denort} is not of this Deno's version, ${deno.version}${version === "" ? "" : `, but of ${version}`}`;
}
