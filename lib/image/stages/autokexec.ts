/**
 * Stage "autokexec": the agent for the laptop's own system. It is not in the image but lies beside it, whole: the
 * program that `deno compile` makes, or in the form "bundle" one JavaScript file, for which `publishArtifacts` puts
 * the Deno program beside it. Runs `deno`, `touch`.
 */
import { autokexecFiles } from "../../autokexec_files.ts";
import { autokexecFlags } from "../../grants.ts";
import { hashFile } from "../../hash.ts";
import type { StageRecord } from "../stage_record.ts";
import { bundleAgent, compile } from "./agents.ts";
import type { StageContext } from "./context.ts";

export async function buildAutokexec(context: StageContext): Promise<StageRecord> {
  const { system, request, directory } = context;
  const script = `${directory}/${autokexecFiles.script}`;
  await bundleAgent(context, "autokexec", script);
  if (request.agentForm === "bundle") {
    return { fingerprint: await hashFile(system, script), summary: "for the laptop's own system, with Deno beside it" };
  }
  const program = `${directory}/${autokexecFiles.program}`;
  await compile(context, { script, output: program, flags: autokexecFlags });
  await system.remove(script);
  return { fingerprint: await hashFile(system, program), summary: "for the laptop's own system" };
}
