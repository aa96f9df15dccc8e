/** `deno task manual [FOLDER]`: writes manual pages and completions below a folder like /usr/share. */
import { resolve } from "node:path";
import { usage as autokexecUsage } from "../../agents/autokexec/options.ts";
import { usage as clientUsage } from "../../agents/client/options.ts";
import { usage as serverUsage } from "../../agents/server/options.ts";
import { describeCommands } from "../../lib/cli/program.ts";
import { manualFiles } from "../../lib/manual/manual_files.ts";
import { version, versionDate } from "../../lib/version.ts";

/** @returns path -> text */
export function makeManual(program = describeCommands()): ReadonlyMap<string, string> {
  return manualFiles({
    program,
    agentUsages: [serverUsage, clientUsage, autokexecUsage],
    edition: { version, date: versionDate },
  });
}

/** @param folder is made, as far as it is missing */
export async function writeManual(folder: string): Promise<void> {
  for (const [name, text] of makeManual()) {
    const path = `${folder}/${name}`;
    await Deno.mkdir(path.slice(0, path.lastIndexOf("/")), { recursive: true });
    await Deno.writeTextFile(path, text);
  }
}

if (import.meta.main) {
  // "deno task" goes to the project's folder; the name is meant as it was typed.
  const folder = resolve(Deno.env.get("INIT_CWD") ?? ".", Deno.args[0] ?? "build/share");
  await writeManual(folder);
  console.error(`Manual pages and completions are in ${folder}`);
}
