/** The real command line tool, as far as it gets without building anything. */
import assert from "node:assert/strict";
import { nextOnRealMachines } from "../../lib/cli/commands/demo.ts";
import { sayImage } from "../../lib/cli/commands/create_initrd.ts";
import { placeArtifacts } from "../../lib/image/publish_artifacts.ts";
import { createMemorySystem } from "../support/memory_system.ts";
import { createRealSystem } from "../../lib/system/real.ts";
import type { CommandOutput } from "../../lib/system/system.ts";
import type { Ui } from "../../lib/ui.ts";
import { engineSecret } from "../support/protocol_samples.ts";
import { projectRoot } from "../support/source_tree.ts";

const system = createRealSystem({ home: Deno.env.get("HOME") ?? "/" });
const denoDirectory = Deno.execPath().slice(0, Deno.execPath().lastIndexOf("/"));

/** The tool as it stands in a project, with an argument list. */
function toolIn(project: string, args: readonly string[]): readonly string[] {
  const grants = ["--no-prompt", "--allow-read", "--allow-write", "--allow-env", "--allow-run"];
  return [Deno.execPath(), "run", "--quiet", ...grants, `${project}/main.ts`, ...args];
}

async function run(directory: string, args: readonly string[]): Promise<CommandOutput> {
  return await system.run(toolIn(projectRoot.replace(/\/$/, ""), args), {
    acceptExitCodes: [0, 1, 2],
    env: environmentFor(directory),
  });
}

function environmentFor(home: string): Readonly<Record<string, string>> {
  return {
    DENO_DIR: Deno.env.get("DENO_DIR") ?? `${Deno.env.get("HOME")}/.cache/deno`,
    HOME: home,
    PATH: `${denoDirectory}:/usr/sbin:/usr/bin:/sbin:/bin`,
  };
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
    assert.match(unknown.stderr, /this list assumes that they can/);
    assert.deepEqual((await system.readDirectory(directory)).toSorted(), ["cache", "config.yaml"]);
    assert.deepEqual(await system.readDirectory(`${directory}/cache`), []);

    // The configured cache is the one that is looked at.
    const memo = { deno: `${Deno.execPath()} `, triedMs: Date.now(), reason: "no such host" };
    await Deno.writeTextFile(`${directory}/cache/agent-form.json`, JSON.stringify(memo));
    const known = await run(directory, ["create-initrd", "--dry-run", "--config", config]);
    assert.match(known.stderr, /not compiled, since that does not work here \(no such host\)/);
    for (const stage of stages) assert.match(known.stdout, new RegExp(`^${stage} `, "m"));
    assert.deepEqual(await system.readDirectory(`${directory}/cache`), ["agent-form.json"]);
  });
});

Deno.test("an engine's secret is a file of its owner's with one or two secrets in it, which no message repeats", async () => {
  await inDirectory(async (directory, config) => {
    const secret = `${directory}/secret`;
    const [subsystem, host] = ["disk", "desk"].map((name) => `nqn.2014-08.org.example:${name}`);
    await Deno.writeTextFile(
      config,
      `paths:\n  cache: ${directory}/cache\nblock:\n  engine:\n    addresses: [192.0.2.10]\n    subsystem: ${subsystem}\n` +
        `    host: ${host}\n    secret-file: ${secret}\n    desktop: 192.0.2.50/24\n`,
    );
    const plan = (): Promise<CommandOutput> => run(directory, ["create-initrd", "--dry-run", "--config", config]);
    assert.match((await plan()).stderr, /"[^"]*\/secret" does not hold one or two lines like/);
    await Deno.writeTextFile(secret, "DHHC-1:00:mistyped\n", { mode: 0o600 });
    const mistyped = await plan();
    assert.match(mistyped.stderr, /does not hold one or two lines like/);
    assert.doesNotMatch(mistyped.stderr, /mistyped/);
    await Deno.writeTextFile(secret, `${engineSecret.hostKey}\n${engineSecret.controllerKey}\n`);
    const known = await plan();
    assert.equal(known.exitCode, 0, known.stderr);
    assert.doesNotMatch(known.stdout + known.stderr, /DHHC/);
    await Deno.chmod(secret, 0o640);
    assert.match((await plan()).stderr, /Others can read the engine's secret[^]*chmod 600/);
  });
});

Deno.test("a second command in the same directory reports which one is at work there", async () => {
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

/** A copy of what a build reads, so that the shared key it makes is not the project's. */
async function copyProject(to: string): Promise<void> {
  const names = ["main.ts", "deno.json", "deno.lock", "lib", "agents", "image"];
  await system.run(["cp", "-R", ...names.map((name) => `${projectRoot}${name}`), to]);
}

const buildRuntime = ["create-initrd", "--agents", "bundle", "--only", "runtime"];

Deno.test("a Ctrl-C that comes twice, as deno task passes it on, leaves nothing half done", async () => {
  const directory = await Deno.makeTempDir();
  try {
    await copyProject(directory);
    const cache = `${directory}/cache`;
    await using build = system.spawn(toolIn(directory, [...buildRuntime, "--cache-dir", cache]), {
      env: environmentFor(directory),
    });
    const isAtWork = async (): Promise<boolean> => {
      const names = await system.readDirectory(cache).catch(() => []);
      return names.some((name) => name.startsWith("unfinished-runtime-"));
    };
    for (let tries = 0; tries < 400 && !await isAtWork(); tries++) await system.delay(25);
    build.kill("SIGINT");
    await system.delay(20);
    build.kill("SIGINT");
    assert.deepEqual(await build.exited, { exitCode: 3, signal: undefined });
    assert.deepEqual(await system.readDirectory(cache), ["lock"]);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});

/** Mounting takes root, or a user namespace. */
const asRoot = Deno.uid() === 0 ? ["unshare", "--mount"] : ["unshare", "--map-root-user", "--mount"];
const whyNoMount = await system.run([...asRoot, "true"]).then(() => undefined, (error: Error) => error.message);
if (whyNoMount !== undefined) console.log(`skipped: a full disk: ${whyNoMount}`);

/** A build in a cache with little space, while a shell that sees `$cache` may do something to it. */
async function buildOnSmallDisk(sizeMiB: number, meanwhile: string): Promise<CommandOutput> {
  const directory = await Deno.makeTempDir();
  try {
    await copyProject(directory);
    await Deno.mkdir(`${directory}/cache`);
    const script = `cache=$1/cache; shift
      mount -t tmpfs -o size=${sizeMiB}m none "$cache" || exit 99
      ${meanwhile}
      "$@"; status=$?
      wait
      rm -f "$cache/filler"; ls -A "$cache"
      exit "$status"`;
    const build = toolIn(directory, [...buildRuntime, "--cache-dir", `${directory}/cache`]);
    return await system.run([...asRoot, "sh", "-c", script, "sh", directory, ...build], {
      acceptExitCodes: [0, 1],
      env: environmentFor(directory),
    });
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

const onSmallDisk = { ignore: whyNoMount !== undefined };

Deno.test({ name: "P8: the build reports too little space before the work", ...onSmallDisk }, async () => {
  const { exitCode, stdout, stderr } = await buildOnSmallDisk(4, "");
  assert.equal(exitCode, 1);
  assert.match(
    stderr,
    /too little space for the build in ".*\/cache": found [\d.]+ MB free, wanted 40.0 MB\n {2}Hint: Make room/,
  );
  assert.doesNotMatch(stderr, /Deno runtime/);
  assert.equal(stdout, "lock\n");
});

Deno.test({ name: "the build reports a disk that fills up, leaving nothing half done", ...onSmallDisk }, async () => {
  // Something else takes the space as soon as the stage is at work.
  const fill = `(for try in $(seq 3000); do
      if ls "$cache" | grep -q unfinished-runtime; then break; fi; sleep 0.01
    done; dd if=/dev/zero of="$cache/filler" bs=1M 2>/dev/null) &`;
  const { exitCode, stdout, stderr } = await buildOnSmallDisk(64, fill);
  assert.equal(exitCode, 1, stderr);
  assert.match(stderr, /No space left on device/);
  assert.equal(stdout, "lock\n");
});

Deno.test("P8: create-initrd first refuses folders it cannot write, and options in place of a stage", async () => {
  await inDirectory(async (directory, config) => {
    const options = ["--config", config, "--agents", "bundle"];
    const inMemory = await run(directory, ["create-initrd", ...options, "--out-dir", "/dev/shm/stiefel-test"]);
    assert.match(inMemory.stderr, /The folder of the results "\/dev\/shm\/stiefel-test" cannot be written/);
    assert.doesNotMatch(inMemory.stderr, /allow-all/);
    await Deno.writeTextFile(`${directory}/file`, "");
    const file = await run(directory, ["create-initrd", ...options, "--cache-dir", `${directory}/file`]);
    assert.match(file.stderr, /The cache folder ".*\/file" cannot be written: something other than a folder/);
    const stage = await run(directory, ["create-initrd", ...options, "--only", "--dry-run"]);
    assert.equal(stage.exitCode, 2);
    assert.match(stage.stderr, /need the name of a stage: found the option "--dry-run"/);
  });
});

Deno.test("P9: a build that finds everything in the cache says what there is, where, how large, and what comes next", async () => {
  const said: string[] = [];
  const files = { "/b/kernel": "k", "/b/initrd": "in", "/b/manifest.json": "{}" };
  const image = { ...placeArtifacts("/b"), architecture: "amd64", isMade: true } as const;
  const ui = { say: (text: string) => void said.push(text) } as unknown as Ui;
  await sayImage(createMemorySystem({ files }), ui, { image, form: "packed" });
  assert.deepEqual(said, [
    "",
    "Kernel    /b/kernel (1 B)",
    "Initrd    /b/initrd (2 B)",
    "Manifest  /b/manifest.json (2 B)",
    "Next: sudo ./stiefelsystem setup-server",
    "      sets this laptop up to be used from a desktop",
    "      sudo ./stiefelsystem setup-client-usbdrive",
    "      writes the stick that starts the desktop",
    "      ./stiefelsystem demo",
    "      shows a laptop and a desktop in virtual machines first",
  ]);
  // No machine here starts it.
  said.length = 0;
  await sayImage(createMemorySystem({ files }), ui, { image: { ...image, architecture: "arm64" }, form: "packed" });
  assert.equal(said.at(-1), "      writes the stick that starts the desktop");
});

Deno.test("after the demo comes init, the README's first step, where there is no configuration yet", () => {
  assert.equal(nextOnRealMachines(false).command, "sudo ./stiefelsystem init");
  assert.equal(nextOnRealMachines(true).command, "sudo ./stiefelsystem setup-server");
});
