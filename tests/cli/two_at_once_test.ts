/** P10: setup-server and undo-setup, started while one of them is at work on the same tree. */

import assert from "node:assert/strict";
import { applyPlan } from "../../lib/host/apply.ts";
import { openHost } from "../../lib/host/host.ts";
import type { Plan } from "../../lib/host/plan.ts";
import { createRealSystem } from "../../lib/system/real.ts";
import { createScriptedUi } from "../support/host_rig.ts";
import { createMadeUpLaptop } from "../support/made_up_laptop.ts";
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

/** A checkout with a key, and the made-up laptop as a real tree. @returns the options that tell setup-server of them */
async function makeLaptop(directory: string): Promise<readonly string[]> {
  const names = ["stiefelsystem", "main.ts", "deno.json", "deno.lock", "lib", "agents", "image"];
  await Deno.mkdir(`${directory}/project`);
  await system.run(["cp", "-R", ...names.map((name) => `${projectRoot}${name}`), `${directory}/project`]);
  await Deno.writeFile(`${directory}/project/aes-key`, crypto.getRandomValues(new Uint8Array(32)), { mode: 0o600 });
  const { system: memory } = await createMadeUpLaptop();
  for (const [path, file] of memory.files) {
    const place = `${directory}/root${path}`;
    await Deno.mkdir(place.slice(0, place.lastIndexOf("/")), { recursive: true });
    await Deno.writeFile(place, file.content, { mode: file.mode });
  }
  const home = `${directory}/root/home/me`;
  return ["--config", `${home}/config.yaml`, "--out-dir", `${home}/build`];
}

async function makeTree(): Promise<string> {
  const root = await Deno.makeTempDir({ prefix: "stiefel-twice-" });
  await Deno.mkdir(`${root}/etc`);
  await Deno.writeTextFile(`${root}/etc/app.conf`, "mine\n");
  return root;
}

Deno.test("P10: a second setup-server or undo-setup ends, naming the first; a killed one blocks nothing", async () => {
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

Deno.test("P10: while setup-server is at work, undo-setup ends and names it, and nothing is changed", async () => {
  const directory = await Deno.makeTempDir({ prefix: "stiefel-twice-" });
  const root = `${directory}/root`;
  try {
    const options = await makeLaptop(directory);
    const first = new Deno.Command(Deno.execPath(), {
      args: [...task("setup-server", root).slice(1), ...options],
      cwd: `${directory}/project`,
      env,
      stdin: "piped",
      stdout: "null",
      stderr: "piped",
    }).spawn();
    const said = first.stderr.getReader();
    const decoder = new TextDecoder();
    for (let text = ""; !text.includes("[d]iff");) {
      const { done, value } = await said.read();
      assert.ok(!done, `setup-server has ended: ${text}`);
      text += decoder.decode(value, { stream: true });
    }
    const before = await snapshotTree(root);
    for (const command of ["undo-setup", "setup-server"]) {
      const { stderr, exitCode } = await system.run([
        ...task(command, root),
        ...command === "undo-setup" ? [] : options,
      ], {
        cwd: `${directory}/project`,
        env,
        acceptExitCodes: [0, 1, 2],
      });
      assert.equal(exitCode, 1, stderr);
      assert.match(stderr, /is being changed by setup-server \(process \d+\)/);
    }
    assert.deepEqual(await snapshotTree(root), before);
    // The end of its input stops it, and the next one may.
    await first.stdin.close();
    while (!(await said.read()).done);
    assert.equal((await first.status).code, 3);
    const { stderr } = await system.run([...task("undo-setup", root), "--yes"], { cwd: `${directory}/project`, env });
    assert.match(stderr, /Nothing to undo/);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});
