/** The real command line tool, as far as it gets without building anything. */
import assert from "node:assert/strict";
import { createRealSystem } from "../../lib/system/real.ts";
import type { CommandOutput } from "../../lib/system/system.ts";
import { projectRoot } from "../support/source_tree.ts";

const system = createRealSystem({ home: Deno.env.get("HOME") ?? "/" });
const denoDirectory = Deno.execPath().slice(0, Deno.execPath().lastIndexOf("/"));

async function run(directory: string, args: readonly string[]): Promise<CommandOutput> {
  const argv = [Deno.execPath(), "run", "--quiet", "--no-prompt", "--allow-read", "--allow-write", "--allow-env"];
  return await system.run([...argv, "--allow-run", `${projectRoot}main.ts`, ...args], {
    acceptExitCodes: [0, 1, 2],
    env: {
      DENO_DIR: Deno.env.get("DENO_DIR") ?? `${Deno.env.get("HOME")}/.cache/deno`,
      HOME: directory,
      PATH: `${denoDirectory}:/usr/sbin:/usr/bin:/sbin:/bin`,
    },
  });
}

/** A directory with a configuration that names the places in it. */
async function inDirectory(check: (directory: string, config: string) => Promise<void>): Promise<void> {
  const directory = await Deno.makeTempDir();
  try {
    await Deno.mkdir(`${directory}/cache`);
    const config = `${directory}/config.yaml`;
    await Deno.writeTextFile(config, `paths:\n  cache: ${directory}/cache\n  workdir: ${directory}/out\n`);
    await check(directory, config);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

const stages = ["base", "trim", "drivers", "overlay", "runtime", "agents", "secrets", "pack"];

Deno.test("a dry run lists the stages and changes nothing, whatever is known of compiling", async () => {
  await inDirectory(async (directory, config) => {
    const unknown = await run(directory, ["create-initrd", "--dry-run", "--config", config]);
    assert.equal(unknown.exitCode, 0, unknown.stderr);
    for (const stage of stages.filter((name) => name !== "runtime")) {
      assert.match(unknown.stdout, new RegExp(`^${stage} `, "m"));
    }
    assert.match(unknown.stderr, /this list takes it that they can/);
    assert.deepEqual((await system.readDirectory(directory)).toSorted(), ["cache", "config.yaml"]);
    assert.deepEqual(await system.readDirectory(`${directory}/cache`), []);

    // The configured cache is the one that is looked at.
    const memo = { deno: `${Deno.execPath()} `, triedMs: Date.now(), reason: "no such host" };
    await Deno.writeTextFile(`${directory}/cache/agent-form.json`, JSON.stringify(memo));
    const known = await run(directory, ["create-initrd", "--dry-run", "--config", config]);
    assert.match(known.stderr, /denort cannot be had \(no such host\)/);
    for (const stage of stages) assert.match(known.stdout, new RegExp(`^${stage} `, "m"));
    assert.deepEqual(await system.readDirectory(`${directory}/cache`), ["agent-form.json"]);
  });
});

Deno.test("a second command in the same directory is told who is at work there", async () => {
  await inDirectory(async (directory, config) => {
    await Deno.mkdir(`${directory}/out/demo`, { recursive: true });
    using _lock = await system.tryLock(`${directory}/out/demo/lock`, "demo");
    const { exitCode, stderr } = await run(directory, ["demo", "--config", config]);
    assert.equal(exitCode, 1);
    assert.equal(
      stderr,
      `Error: "${directory}/out/demo" is in use by demo (process ${Deno.pid})\n` +
        '  Hint: Wait until that has ended, or name another directory with "--out-dir"\n',
    );
  });
});

Deno.test("a configuration that is named has to be there", async () => {
  await inDirectory(async (directory) => {
    const { exitCode, stderr } = await run(directory, ["create-initrd", "--config", `${directory}/none.yaml`]);
    assert.equal(exitCode, 2);
    assert.match(stderr, /none\.yaml" cannot be read: found nothing/);
  });
});
