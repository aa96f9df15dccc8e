/** Stages "runtime" and "agents": the programs of our own, in one of two forms. Runs `deno`, `bsdtar` and the compressor. */
import type { Role } from "../../protocol/kernel_command_line.ts";
import { agentGrants } from "../agent_grants.ts";
import { formatLauncher } from "../launcher.ts";
import { writePart } from "../part_archive.ts";
import { sourceDateEpoch } from "../plan_image.ts";
import type { StageRecord } from "../stage_record.ts";
import { arrangeEntries, type TreeEntry } from "../tree_entry.ts";
import type { StageContext } from "./context.ts";

/** Where our programs are inside the image. */
export const agentDirectory = "usr/lib/stiefelsystem";
const roles: readonly Role[] = ["server", "client"];

export async function buildRuntime({ system, request, places, directory, signal }: StageContext): Promise<StageRecord> {
  const source = await system.realPath(places.deno);
  const status = await system.stat(source);
  const entry: TreeEntry = {
    kind: "file",
    path: `${agentDirectory}/deno`,
    mode: 0o755,
    source,
    sizeBytes: status?.sizeBytes ?? 0,
  };
  const part = await writePart(system, arrangeEntries([entry]), {
    directory,
    compressor: request.compressor,
    timeSeconds: sourceDateEpoch,
    signal,
  });
  return { ...part, summary: "one Deno for all agents" };
}

export async function buildAgents(context: StageContext): Promise<StageRecord> {
  const { system, request, directory, signal } = context;
  const made = `${directory}/made`;
  await system.makeDirectory(made);
  const entries: TreeEntry[] = [];
  const add = async (name: string, mode: number): Promise<void> => {
    const status = await system.stat(`${made}/${name}`);
    const path = `${agentDirectory}/${name}`;
    entries.push({ kind: "file", path, mode, source: `${made}/${name}`, sizeBytes: status?.sizeBytes ?? 0 });
  };
  for (const role of roles) {
    await bundleAgent(context, role, `${made}/${role}-agent.js`);
    await add(`${role}-agent.js`, 0o644);
  }
  await system.writeFile(`${made}/run-agent`, formatLauncher(agentGrants));
  await add("run-agent", 0o755);
  const part = await writePart(system, arrangeEntries(entries), {
    directory,
    compressor: request.compressor,
    timeSeconds: sourceDateEpoch,
    signal,
  });
  await system.remove(made);
  return { ...part, summary: roles.join(", ") };
}

async function bundleAgent({ system, places, signal }: StageContext, role: Role, output: string): Promise<void> {
  const entry = `${places.project}/agents/${role}/main.ts`;
  const argv = [places.deno, "bundle", "--quiet", "--platform=deno", `--output=${output}`, entry];
  await system.run(argv, { cwd: places.project, env: places.denoEnvironment, signal });
}
