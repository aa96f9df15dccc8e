import assert from "node:assert/strict";
import { CommandError } from "../errors.ts";
import { createRealSystem } from "./real.ts";

const system = createRealSystem();

Deno.test("run gives output and exit status", async () => {
  const output = await system.run(["sh", "-c", "echo out; echo err >&2; exit 3"], { acceptExitCodes: [3] });
  assert.deepEqual(output, { exitCode: 3, stdout: "out\n", stderr: "err\n" });
});

Deno.test("run tells the last lines and the command of a failure", async () => {
  await assert.rejects(
    system.run(["sh", "-c", "echo 'no space' >&2; exit 1"]),
    (error) =>
      error instanceof CommandError &&
      error.message === `"sh" exited with status 1\n  no space\n  command: sh -c 'echo '\\''no space'\\'' >&2; exit 1'`,
  );
});

Deno.test("run says when a program is not there", async () => {
  await assert.rejects(
    system.run(["no-such-program"]),
    (error) => error instanceof CommandError && error.failure.notFound === true,
  );
});

Deno.test("run stops a program that takes too long", async () => {
  await assert.rejects(
    system.run(["sleep", "60"], { timeoutMs: 50 }),
    (error) => error instanceof CommandError && error.failure.timedOut === true,
  );
});

Deno.test("run stops a program when asked to", async () => {
  const controller = new AbortController();
  const running = system.run(["sleep", "60"], { signal: controller.signal });
  controller.abort(new Error("enough"));
  await assert.rejects(running, /enough/);
});

Deno.test("run passes standard input and hands out lines", async () => {
  const lines: string[] = [];
  await system.run(["cat"], { stdin: "one\ntwo", onLine: (line) => lines.push(line) });
  assert.deepEqual(lines, ["one", "two"]);
});

Deno.test("a spawned program ends when its scope ends", async () => {
  let exited;
  {
    await using program = system.spawn(["sleep", "60"]);
    exited = program.exited;
  }
  assert.deepEqual(await exited, { exitCode: undefined, signal: "SIGTERM" });
});

Deno.test("a file is replaced as a whole and gets its mode, whatever the umask", async () => {
  const directory = await Deno.makeTempDir();
  try {
    const path = `${directory}/secret`;
    await system.writeFile(path, "old", { mode: 0o666 });
    assert.equal((await system.stat(path))?.mode, 0o666);
    await system.writeFile(path, "new", { mode: 0o600 });
    assert.equal(await system.readText(path), "new");
    assert.equal((await system.stat(path))?.mode, 0o600);
    assert.deepEqual(await system.readDirectory(directory), ["secret"]);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});
