import assert from "node:assert/strict";
import { createRealSystem } from "../../lib/system/real.ts";
import { projectRoot } from "../support/source_tree.ts";
import { hasTmux, openTerminal } from "../support/terminal.ts";

// Golden transcripts: UPDATE_GOLDEN=1 writes them anew.
const goldenDirectory = `${projectRoot}tests/golden/transcripts/`;
const isUpdate = Deno.env.get("UPDATE_GOLDEN") === "1";
const system = createRealSystem({ home: Deno.env.get("HOME") ?? "/" });
const run = [
  ...[
    Deno.execPath(),
    "run",
    "--quiet",
    "--no-prompt",
    "--allow-read",
    "--allow-env",
    `--config=${projectRoot}deno.json`,
  ],
  `${projectRoot}tests/support/host_commands.ts`,
];

interface Transcript {
  readonly name: string;
  readonly arguments: readonly string[];
  /** What is typed, line by line. */
  readonly input: string;
  readonly exitCode: number;
}

const transcripts: readonly Transcript[] = [
  // A wrong key, the diff again, the shared key skipped, and the end at a file that is not ours.
  { name: "setup-server", arguments: ["setup-server"], input: "y\ny\nx\nd\ny\ns\ny\ny\ny\nd\na\n", exitCode: 3 },
  { name: "setup-server-skip", arguments: ["setup-server"], input: `s\n${"y\n".repeat(17)}`, exitCode: 0 },
  { name: "setup-server-input-ends", arguments: ["setup-server"], input: "y\n", exitCode: 3 },
  { name: "setup-server-all", arguments: ["setup-server"], input: "y\nno\nall\n", exitCode: 0 },
  // "all" is no answer to what another program has changed.
  { name: "setup-server-foreign", arguments: ["setup-foreign"], input: "all\ns\ny\n", exitCode: 0 },
  { name: "setup-server-dry-run", arguments: ["setup-server", "--dry-run"], input: "", exitCode: 0 },
  { name: "setup-server-dry-run-diff", arguments: ["setup-server", "--dry-run", "--diff"], input: "", exitCode: 0 },
  { name: "setup-server-user", arguments: ["setup-server", "--user"], input: "", exitCode: 2 },
  { name: "undo-setup", arguments: ["undo-setup"], input: `y\ns\nd\n${"y\n".repeat(20)}`, exitCode: 1 },
  { name: "undo-setup-dry-run", arguments: ["undo-setup", "--dry-run"], input: "", exitCode: 0 },
  { name: "undo-setup-user", arguments: ["undo-setup", "--user"], input: "", exitCode: 2 },
  { name: "setup-undo-yes", arguments: ["setup-undo", "--yes"], input: "", exitCode: 0 },
  // The last answer without an end of its line.
  { name: "init", arguments: ["init"], input: "y\ny\ny\ny", exitCode: 0 },
  { name: "init-again", arguments: ["init-again", "--yes"], input: "", exitCode: 0 },
  { name: "init-keeps", arguments: ["init"], input: "y\nn\nn\nn\n", exitCode: 3 },
  { name: "init-input-ends", arguments: ["init"], input: "y\n", exitCode: 3 },
  { name: "doctor", arguments: ["doctor"], input: "", exitCode: 1 },
];

/** Times are not the same twice. */
function steady(text: string): string {
  return text.replaceAll(/\(\d+\.\d s\)/g, "(0.0 s)");
}

for (const transcript of transcripts) {
  Deno.test(`without a terminal: ${transcript.name}`, async () => {
    const { stdout, stderr, exitCode } = await system.run([...run, ...transcript.arguments], {
      stdin: transcript.input,
      acceptExitCodes: [0, 1, 2, 3],
      env: { DENO_DIR: Deno.env.get("DENO_DIR") ?? `${Deno.env.get("HOME")}/.cache/deno` },
    });
    const results = stdout === "" ? "" : `---- standard output ----\n${stdout}`;
    const text = steady(`$ ${transcript.arguments.join(" ")}\n${stderr}${results}---- exit ${exitCode} ----\n`);
    assert.equal(exitCode, transcript.exitCode, text);
    assert.doesNotMatch(text, new RegExp("\x1b"), "colour without a terminal");
    const path = `${goldenDirectory}${transcript.name}.txt`;
    if (isUpdate) await Deno.writeTextFile(path, text);
    assert.equal(text, await Deno.readTextFile(path));
    const long = text.split("\n").filter((line) => line.length > 80 && !/^ {4}[-+ ]|^\s*command: /.test(line));
    assert.deepEqual(long, [], "lines that do not fit into 80 columns");
  });
}

Deno.test("doctor runs without /usr/sbin in PATH: a name in --allow-run stands for what PATH finds", async () => {
  const { stdout, stderr } = await system.run([Deno.execPath(), "task", "--quiet", "doctor"], {
    cwd: projectRoot,
    acceptExitCodes: [0, 1],
    env: {
      PATH: "/usr/local/bin:/usr/bin:/bin",
      DENO_DIR: Deno.env.get("DENO_DIR") ?? `${Deno.env.get("HOME")}/.cache/deno`,
    },
  });
  assert.match(stdout, /^\S+ +setup /m, stderr);
});

// ---- on a terminal
// ---------------------------------------------------------------------------------------------------

Deno.test({
  name: "on a terminal: single keys answer, changes are coloured, abort says what was done",
  ignore: !hasTmux,
  fn: async () => {
    await using terminal = await openTerminal([...run, "setup-server"]);
    for (const [question, key] of [["1/19", "y"], ["2/19", "y"], ["3/19", "s"], ["4/19", "y"]] as const) {
      await terminal.waitFor(new RegExp(`\\[${question}\\][\\s\\S]*\\[d\\]iff$`));
      await terminal.press(key);
    }
    await terminal.waitFor(/\[5\/19\][\s\S]*\[d\]iff$/);
    assert.ok((await terminal.screen("-e")).includes("\x1b[32m+#!/bin/sh"));
    await terminal.press("a");
    const text = await terminal.waitFor(/EXIT 3/);
    assert.match(text, /Done so far:\n {4}write \/var\/local\/lib\/stiefelsystem\/kernel\n/);
  },
});

Deno.test({
  name: "on a terminal: Ctrl-C at a question stops with exit code 3 and says what was done",
  ignore: !hasTmux,
  fn: async () => {
    await using terminal = await openTerminal([...run, "setup-server"]);
    await terminal.waitFor(/\[1\/19\][\s\S]*\[d\]iff$/);
    await terminal.press("y");
    await terminal.waitFor(/\[2\/19\][\s\S]*\[d\]iff$/);
    await terminal.press("C-c");
    const text = await terminal.waitFor(/EXIT 3/);
    assert.match(text, /Stopped\. Done so far:\n {4}write \/var\/local\/lib\/stiefelsystem\/kernel\n/);
  },
});

Deno.test({
  name: "on a terminal: SIGTERM at a question stops like Ctrl-C, and the terminal is as it was",
  ignore: !hasTmux,
  fn: async () => {
    // Its process id first, which is then the program's.
    await using terminal = await openTerminal(["sh", "-c", 'echo "PID $$"; exec "$@"', "sh", ...run, "setup-server"]);
    await terminal.waitFor(/\[1\/19\][\s\S]*\[d\]iff$/);
    await terminal.press("y");
    const text = await terminal.waitFor(/\[2\/19\][\s\S]*\[d\]iff$/);
    await system.run(["kill", "-TERM", /^PID (\d+)$/m.exec(text)?.[1] ?? ""]);
    const end = await terminal.waitFor(/EXIT 3\nSANE$/);
    assert.match(end, /Stopped\. Done so far:\n {4}write \/var\/local\/lib\/stiefelsystem\/kernel\n/);
  },
});

for (const [command, keys, last] of [["init", "yyyy", /^EXIT 0\nSANE$/m], ["doctor", "", /^EXIT 1\nSANE$/m]] as const) {
  Deno.test({
    name:
      `on a terminal: ${command} says what it says without one, in 80 columns, and without colour where NO_COLOR is set`,
    ignore: !hasTmux,
    fn: async () => {
      await using terminal = await openTerminal([...run, command], { env: { NO_COLOR: "1" } });
      for (const [index, key] of [...keys].entries()) {
        await terminal.waitFor(new RegExp(`(\\[y\\]es / \\[n\\]o[\\s\\S]*){${index + 1}}$`));
        await terminal.press(key);
      }
      const text = await terminal.waitFor(last);
      assert.ok(!(await terminal.screen("-e")).includes("\x1b["), "colour");
      // The keys are echoed, and results come among the talk: every line is there all the same.
      const golden = (await Deno.readTextFile(`${goldenDirectory}${command}.txt`)).trimEnd().split("\n").slice(1);
      const lines = new Set(text.split("\n").map((line) => line.replace(/( \[n\]o) .*$/, "$1").trimEnd()));
      const missing = golden.filter((line) => !line.startsWith("----") && !lines.has(line.trimEnd()));
      assert.deepEqual(missing, []);
    },
  });
}
