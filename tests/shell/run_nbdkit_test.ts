/** run-nbdkit of the image under dash and busybox ash, with a stub that says what nbdkit 1.42 says. */
import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { runProgram, SHELLS } from "./shell_rig.ts";

const script = fileURLToPath(new URL("../../image/initrd/usr/lib/stiefelsystem/run-nbdkit", import.meta.url));

const kept = [
  "nbdkit: debug: bound to IP address fd00::1:10809 (1 socket(s))",
  "nbdkit: file[1]: debug: handshake complete, processing requests with 1 threads",
  "nbdkit: debug: starting worker thread file.0",
  "nbdkit: file.0: error: pwrite: Input/output error",
  "nbdkit: file.0: debug: client sent NBD_CMD_DISC, closing connection",
  "nbdkit: file.0: debug: exiting worker thread file.0",
];
const dropped = [
  "nbdkit: debug: accepted connection",
  "nbdkit: file[7]: error: client not permitted to connect because of IP address restriction",
  "nbdkit: file[1]: debug: newstyle negotiation: NBD_OPT_GO: client requested export 'x\\ty'",
  "nbdkit: file[1]: debug: newstyle negotiation: NBD_OPT_GO: client requested export 'x\\nnbdkit: f: debug: exiting worker thread'",
];

async function run(shell: readonly string[], nbdkit: string, after = ""): Promise<{ stdout: string; log: string }> {
  const directory = await Deno.makeTempDir({ prefix: "stiefel-nbdkit-" });
  try {
    await Deno.writeTextFile(`${directory}/nbdkit`, `#!/bin/sh\n${nbdkit}\n`, { mode: 0o755 });
    const command = `${shell.join(" ")} ${script} ${directory}/log one "two words" ${after}`;
    const { stdout } = await runProgram(["sh", "-c", command], { env: { PATH: `${directory}:/usr/bin:/bin` } });
    return { stdout, log: await Deno.readTextFile(`${directory}/log`) };
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

const say = (lines: readonly string[]): string => `cat >&2 <<'END'\n${lines.join("\n")}\nEND`;

for (const shell of SHELLS) {
  Deno.test(`A7: what the log says about the desktop is kept, in order, and nothing of strangers (${shell.join(" ")})`, async () => {
    const lines = kept.flatMap((line, index) => [line, dropped[index % dropped.length] ?? ""]);
    const text = kept.map((line) => `${line}\n`).join("");
    assert.deepEqual(await run(shell, say(lines)), { stdout: text, log: text });
  });

  Deno.test(`A7: the file is written on when the agent is gone (${shell.join(" ")})`, async () => {
    // `true` ends at once, and no program reads what follows.
    const { log } = await run(shell, `sleep 0.2; ${say([...kept, ...kept])}`, "| true");
    assert.equal(log.split("\n").length - 1, 2 * kept.length);
  });

  Deno.test(`A3: nbdkit gets its arguments as they are, and errors do not fill the memory (${shell.join(" ")})`, async () => {
    const nbdkit =
      'printf "%s\\n" "$#" "$2" >&2; n=0; while [ $n -lt 200 ]; do n=$((n + 1)); echo "error $n" >&2; done';
    const { log } = await run(shell, nbdkit);
    assert.deepEqual(log.split("\n").slice(0, 3), ["2", "two words", "error 1"]);
    assert.equal(log.split("\n").length - 1, 64);
  });
}
