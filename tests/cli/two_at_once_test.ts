/** P10: setup-server and undo-setup, started while one of them is at work on the same tree. */

import assert from "node:assert/strict";
import { applyPlan } from "../../lib/host/apply.ts";
import { openHost } from "../../lib/host/host.ts";
import type { Plan } from "../../lib/host/plan.ts";
import { createRealSystem } from "../../lib/system/real.ts";
import { createScriptedUi } from "../support/host_rig.ts";
import { projectRoot } from "../support/source_tree.ts";
import { snapshotTree } from "../support/tree_snapshot.ts";

const system = createRealSystem({ home: Deno.env.get("HOME") ?? "/" });
const env = { DENO_DIR: Deno.env.get("DENO_DIR") ?? `${Deno.env.get("HOME")}/.cache/deno` };
const task = (command: string, root: string): readonly string[] => [
  ...[Deno.execPath(), "task", "--quiet", command, "--root", root],
];

const plan: Plan = {
  title: "Test",
  notices: [],
  operations: [{
    kind: "write-file",
    id: "conf",
    what: "write /etc/app.conf",
    why: "For the test",
    needs: [],
    path: "/etc/app.conf",
    content: { kind: "text", text: "ours\n" },
    mode: 0o644,
    isSecret: false,
  }],
};

async function makeTree(): Promise<string> {
  const root = await Deno.makeTempDir({ prefix: "stiefel-twice-" });
  await Deno.mkdir(`${root}/etc`);
  await Deno.writeTextFile(`${root}/etc/app.conf`, "mine\n");
  return root;
}

Deno.test("P10: a second setup-server or undo-setup ends and names the first; one that was killed is in nobody's way", async () => {
  const root = await makeTree();
  try {
    const before = await snapshotTree(root);
    await applyPlan(await openHost(system, createScriptedUi(["yes"]), { root }), plan);
    const after = await snapshotTree(root);
    // It waits for an answer that does not come.
    const first = new Deno.Command(Deno.execPath(), {
      args: task("undo-setup", root).slice(1),
      cwd: projectRoot,
      env,
      stdin: "piped",
      stdout: "null",
      stderr: "piped",
    }).spawn();
    const said = first.stderr.getReader();
    const decoder = new TextDecoder();
    for (let text = ""; !text.includes("[d]iff");) {
      const { done, value } = await said.read();
      assert.ok(!done, `undo-setup has ended: ${text}`);
      text += decoder.decode(value, { stream: true });
    }
    let holder = 0;
    for (const command of ["undo-setup", "setup-server"]) {
      const { stderr, exitCode } = await system.run(task(command, root), {
        cwd: projectRoot,
        env,
        acceptExitCodes: [0, 1, 2],
      });
      const pid = /is being changed by undo-setup \(process (\d+)\)/.exec(stderr)?.[1];
      assert.equal(exitCode, 1, stderr);
      assert.ok(stderr.includes(`"${root}" is being changed by undo-setup (process `), stderr);
      holder = Number(pid);
    }
    assert.deepEqual(await snapshotTree(root), after, "a lock was left in the tree");
    // Looking is allowed meanwhile.
    const look = await system.run([...task("undo-setup", root), "--dry-run"], { cwd: projectRoot, env });
    assert.equal(look.stdout, "[1/1] Restore /etc/app.conf\n");
    Deno.kill(holder, "SIGKILL");
    await first.stdin.close().catch(() => {});
    while (!(await said.read()).done);
    await first.status;
    await system.run([...task("undo-setup", root), "--yes"], { cwd: projectRoot, env });
    assert.deepEqual(await snapshotTree(root), before);
  } finally {
    await Deno.remove(root, { recursive: true });
  }
});
