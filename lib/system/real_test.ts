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

Deno.test("run does not wait for what the program has left behind, once it has to end", async () => {
  const hasty = createRealSystem({ graceMs: 50 });
  // The background job keeps the pipe open for longer than any test may take.
  await assert.rejects(
    hasty.run(["sh", "-c", "echo out; sleep 60 & echo $! >&2"], { timeoutMs: 200 }),
    (error) => {
      if (!(error instanceof CommandError) || !error.failure.timedOut) return false;
      Deno.kill(Number(error.failure.lastLines?.[0]));
      return true;
    },
  );
});

Deno.test("the end of a spawned program is not held up by what it has left behind", async () => {
  let job = 0;
  {
    await using program = createRealSystem({ graceMs: 50 }).spawn(["sh", "-c", "sleep 60 & echo $!; wait"], {
      onLine: (line) => job = Number(line),
    });
    for (let tries = 0; job === 0 && tries < 200; tries++) await system.delay(10);
    program.kill("SIGTERM");
  }
  Deno.kill(job);
});

Deno.test("run passes standard input and hands out lines", async () => {
  const lines: string[] = [];
  await system.run(["cat"], { stdin: "one\ntwo", onLine: (line) => lines.push(line) });
  assert.deepEqual(lines, ["one", "two"]);
});

Deno.test("a spawned program reads its input as it comes, and its end does not wait for more", async () => {
  let type: (text: string) => void = () => {};
  const input = new ReadableStream<Uint8Array<ArrayBuffer>>({
    start: (controller) => {
      type = (text) => controller.enqueue(new TextEncoder().encode(text));
    },
  });
  const answer = Promise.withResolvers<string>();
  await using program = system.spawn(["head", "-n", "2"], { input, onLine: (line) => answer.resolve(line) });
  type("first\nsecond\n");
  assert.equal(await answer.promise, "first");
  assert.deepEqual(await program.exited, { exitCode: 0, signal: undefined });
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

Deno.test("a stream is on the disk piece by piece, and its error ends the writing", async () => {
  const directory = await Deno.makeTempDir();
  try {
    const path = `${directory}/file`;
    const { readable, writable } = new TransformStream<Uint8Array, Uint8Array>();
    const writing = system.writeStream(path, readable, { mode: 0o600 });
    const writer = writable.getWriter();
    for (let size = 1; size < 4; size++) {
      await writer.write(new Uint8Array(1));
      for (let tries = 0; (await system.stat(path))?.sizeBytes !== size && tries < 200; tries++) await system.delay(10);
      assert.equal((await system.stat(path))?.sizeBytes, size);
    }
    await writer.close();
    await writing;
    assert.equal((await system.stat(path))?.mode, 0o600);

    const failing = new ReadableStream<Uint8Array>({ pull: (controller) => controller.error(new Error("no more")) });
    await assert.rejects(system.writeStream(path, failing), /no more/);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});
