/**
 * A build that is stopped at each of its stages, with the real mmdebstrap, as root and as an ordinary user: nothing
 * runs on, nothing stays mounted, no half result counts as whole, and the next build goes on from there. Needs root
 * and a Debian mirror.
 */

import assert from "node:assert/strict";
import { findMountsBelow } from "../../lib/system/mounts.ts";
import { createRealSystem } from "../../lib/system/real.ts";
import type { RunningProcess } from "../../lib/system/system.ts";
import { projectRoot } from "../support/source_tree.ts";

const system = createRealSystem({ home: Deno.env.get("HOME") ?? "/" });
/** The user "nobody", and its ids in a user namespace. */
const userId = 65534;
const subordinateIds = `nobody:200000:65536\n`;

interface Rig extends AsyncDisposable {
  readonly cache: string;
  /** A build with the grants of the task, in a process group of its own as a shell makes it. */
  start(): RunningProcess;
  readonly said: string[];
}

async function makeRig(who: "root" | "user"): Promise<Rig> {
  const directory = await Deno.makeTempDir({ prefix: "interrupted-" });
  const project = `${directory}/project`;
  await Deno.mkdir(project);
  const names = ["main.ts", "stiefelsystem", "deno.json", "deno.lock", "lib", "agents", "image"];
  await system.run(["cp", "-R", ...names.map((name) => `${projectRoot}${name}`), project]);
  // Where the user "nobody" may run it, and with its downloads.
  await system.run(["cp", Deno.execPath(), `${directory}/deno`]);
  const downloads = Deno.env.get("DENO_DIR") ?? `${Deno.env.get("HOME")}/.cache/deno`;
  await Deno.mkdir(`${directory}/downloads`);
  // Packages, and esbuild for "deno bundle"; not its other caches, which others change meanwhile.
  for (const name of ["npm", "dl"]) {
    if (await system.lstat(`${downloads}/${name}`) === undefined) continue;
    await system.run(["cp", "-R", `${downloads}/${name}`, `${directory}/downloads/${name}`]);
  }
  await Deno.writeTextFile(`${directory}/ids`, subordinateIds);
  await Deno.chmod(directory, 0o755);
  if (who === "user") await system.run(["chown", "-R", `${userId}:${userId}`, directory]);
  const cache = `${directory}/cache`;
  const said: string[] = [];
  const asUser = 'mount --bind "$0" /etc/subuid && mount --bind "$0" /etc/subgid && ' +
    `exec setpriv --reuid=${userId} --regid=${userId} --clear-groups -- "$@"`;
  const prefix = who === "root" ? [] : ["unshare", "--mount", "sh", "-c", asUser, `${directory}/ids`];
  return {
    cache,
    said,
    start: () =>
      system.spawn(
        [
          ...prefix,
          `${directory}/deno`,
          "task",
          "--quiet",
          "create-initrd",
          "--agents",
          "bundle",
          "--cache-dir",
          cache,
        ],
        {
          cwd: project,
          env: {
            DENO_DIR: `${directory}/downloads`,
            HOME: directory,
            PATH: `${directory}:/usr/sbin:/usr/bin:/sbin:/bin`,
          },
          isDetached: true,
          onLine: (line) => said.push(line),
        },
      ),
    [Symbol.asyncDispose]: async () => {
      // As for a user who deletes the cache: rm fails when something stays mounted.
      await system.run(["rm", "-rf", "--one-file-system", directory]);
      assert.equal(await system.lstat(directory), undefined, "a file system stays mounted in the cache");
    },
  };
}

/** Waits for something, bounded. */
async function until(isThere: () => Promise<boolean>, what: () => string, limitMs = 180_000): Promise<void> {
  for (const startMs = performance.now(); !await isThere();) {
    assert.ok(performance.now() - startMs < limitMs, `not within ${limitMs / 1000} s: ${what()}`);
    await system.delay(20);
  }
}

const namesIn = (path: string): Promise<readonly string[]> => system.readDirectory(path).catch(() => []);

/** What mmdebstrap has put into /tmp: in places of ours, and in its own. */
async function findInTemporary(who: "root" | "user"): Promise<readonly string[]> {
  const found: string[] = [];
  for (
    const name of (await namesIn("/tmp")).filter((name) => /^(?:stiefelsystem-[0-9a-f]{16}$|mmdebstrap\.)/.test(name))
  ) {
    const uid = (await system.lstat(`/tmp/${name}`))?.uid;
    if (uid !== undefined && (uid === 0) === (who === "root")) found.push(name);
  }
  return found;
}

/** Processes that work in the cache. */
async function findWorkers(cache: string): Promise<readonly string[]> {
  const { stdout } = await system.run(["pgrep", "--full", "--list-full", cache], { acceptExitCodes: [0, 1] });
  return stdout.split("\n").filter((line) => line !== "");
}

type Way = "Ctrl-C" | "Ctrl-C twice" | "SIGTERM" | "SIGKILL";

/** As a terminal does it: to the whole foreground process group. */
async function signal(name: "INT" | "TERM" | "KILL", group: number): Promise<void> {
  await system.run(["kill", `-${name}`, "--", `-${group}`], { acceptExitCodes: [0, 1] });
}

async function stopIt(build: RunningProcess, way: Way): Promise<void> {
  if (way === "SIGTERM") return await signal("TERM", build.pid);
  if (way === "SIGKILL") return await signal("KILL", build.pid);
  await signal("INT", build.pid);
  if (way === "Ctrl-C") return;
  // Later than the repetition that `deno task` makes of one key press.
  await Promise.race([system.delay(1_200), build.exited]);
  await signal("INT", build.pid);
}

/** Which stage is stopped, when it has come how far, and how. */
const interruptions: readonly { readonly stage: string; readonly way: Way; readonly reached?: string }[] = [
  { stage: "base", way: "Ctrl-C" },
  // mmdebstrap has mounted what it mounts when the directory is there.
  { stage: "base", way: "Ctrl-C", reached: "tree/dev/pts" },
  { stage: "base", way: "Ctrl-C twice", reached: "tree/dev/pts" },
  { stage: "base", way: "SIGTERM", reached: "tree/dev/pts" },
  { stage: "base", way: "SIGKILL", reached: "tree/dev/pts" },
  { stage: "trim", way: "Ctrl-C" },
  { stage: "drivers", way: "SIGKILL" },
  { stage: "runtime", way: "Ctrl-C" },
  { stage: "runtime", way: "SIGTERM" },
  { stage: "pack", way: "SIGKILL" },
];

for (const who of ["root", "user"] as const) {
  Deno.test(`P17: a build that is stopped at any stage leaves nothing behind, as ${who}`, async () => {
    assert.equal(Deno.uid(), 0, "this test needs root");
    await using rig = await makeRig(who);
    const before = await findInTemporary(who);
    const leftInTemporary = async (): Promise<readonly string[]> =>
      (await findInTemporary(who)).filter((name) => !before.includes(name));
    for (const { stage, way, reached } of interruptions) {
      const label = `${stage} ${reached ?? ""} ${way}`;
      for (const name of await namesIn(rig.cache)) {
        if (name.startsWith(`${stage}-`)) await system.remove(`${rig.cache}/${name}`);
      }
      const build = rig.start();
      const isThere = async (): Promise<boolean> => {
        const work = (await namesIn(rig.cache)).find((name) => name.startsWith(`unfinished-${stage}-`));
        // An ordinary user's packages are unpacked where we cannot look: the archive is the first that is seen of
        // them.
        const place = who === "root" ? reached : reached && "base.tar";
        return work !== undefined &&
          (place === undefined || await system.lstat(`${rig.cache}/${work}/${place}`) !== undefined);
      };
      const said = (): string => `${label}\n${rig.said.join("\n")}`;
      const tooEarly = build.exited.then(() => assert.fail(`ended by itself: ${said()}`));
      await Promise.race([until(isThere, said), tooEarly]);
      tooEarly.catch(() => {}); // it ends now, as it should
      await stopIt(build, way);
      await until(() => build.exited.then(() => true), () => label, 15_000);
      await until(async () => (await findWorkers(rig.cache)).length === 0, () => `${label}: something runs on`, 8_000);
      assert.deepEqual(findMountsBelow(await mountinfo(), rig.cache), [], label);
      if (way === "Ctrl-C" || way === "SIGTERM") {
        assert.equal((await build.exited).exitCode, 3, `${label}\n${rig.said.join("\n")}`);
        assert.deepEqual((await namesIn(rig.cache)).filter((name) => name.startsWith("unfinished-")), [], label);
        assert.deepEqual(await leftInTemporary(), [], label);
      }
      // Whatever else is there is ours to find again.
      assert.deepEqual((await leftInTemporary()).filter((name) => name.startsWith("mmdebstrap.")), [], label);
      for (const name of (await namesIn(rig.cache)).filter((name) => /^[a-z]+-[0-9a-f]{32}$/.test(name))) {
        assert.ok(await system.lstat(`${rig.cache}/${name}/stage.json`), `${label}: half a result: ${name}`);
      }
    }
    const last = rig.start();
    assert.equal((await last.exited).exitCode, 0, rig.said.join("\n"));
    assert.deepEqual((await namesIn(rig.cache)).filter((name) => name.startsWith("unfinished-")), []);
    assert.deepEqual(await leftInTemporary(), []);
  });
}

async function mountinfo(): Promise<string> {
  return (await system.run(["cat", "/proc/self/mountinfo"])).stdout;
}
