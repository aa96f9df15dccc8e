/** What the agents run and what they may run do not drift apart. */
import assert from "node:assert/strict";
import { agentGrants, autokexecGrants } from "../../lib/image/agent_grants.ts";
import { isAgentSource } from "../../lib/image/source_files.ts";
import { readSources } from "../../tests/support/source_tree.ts";

const sources = new Map((await readSources()).map((file) => [file.path, file]));

/** Everything an entry needs, directly or not. */
function closure(entry: string): readonly string[] {
  const seen = new Set([entry]);
  for (const path of seen) {
    for (const target of sources.get(path)?.imports ?? []) if (sources.has(target)) seen.add(target);
  }
  return [...seen];
}

/** Programs that argument lists in the source start with, and those that doc comments name ("Runs `mount`, `umount`"). */
function findPrograms(text: string): readonly string[] {
  const started = [...text.matchAll(/(?:run\(|spawn\(|argv(?:: [^=]+)? =)\s*\[\s*"([a-z]+)"/g)].map((match) =>
    match[1] ?? ""
  );
  const documented = [...text.matchAll(/Runs ((?:`[a-z]+`(?:, | and )?)+)/g)]
    .flatMap((match) =>
      [...(match[1] ?? "").matchAll(/[a-z]{2,}/g)].map((word) => word[0]).filter((word) => word !== "and")
    );
  return [...started, ...documented];
}

/** Offers more than agents use. */
const notScanned = ["lib/system/real.ts", "lib/system/system.ts"];

/** What each may run, and what modules run that it needs for something else. */
const agents = [
  { role: "server", grants: agentGrants.server, notRun: [] },
  { role: "client", grants: agentGrants.client, notRun: ["lsblk"] },
  { role: "autokexec", grants: autokexecGrants, notRun: ["lsblk", "sync"] },
] as const;

Deno.test("the image is built anew after a change of anything the agents are made of", () => {
  const unseen = agents.flatMap(({ role }) => closure(`agents/${role}/main.ts`))
    .filter((path) => !isAgentSource(path));
  assert.deepEqual(unseen, []);
});

for (const { role, grants, notRun } of agents) {
  Deno.test(`the ${role} agent may run what it runs, and neither a shell nor Deno`, () => {
    const granted: readonly string[] = grants.run;
    const found = new Set(
      closure(`agents/${role}/main.ts`).filter((path) => !notScanned.includes(path)).flatMap((path) =>
        findPrograms(sources.get(path)?.text ?? "")
      ),
    );
    const missing = [...found].filter((program) =>
      !granted.includes(program) && !notRun.some((one) => one === program)
    );
    assert.ok(found.size > 3, "no programs were found: does the search still fit the code?");
    assert.deepEqual(missing, []);
    for (const program of ["sh", "dash", "bash", "busybox", "deno"]) assert.ok(!granted.includes(program));
  });
}
