/** setup-server, undo-setup, init and doctor from begin to end in a pseudo-terminal, and stopped at each question. */

import assert from "node:assert/strict";
import { projectRoot } from "../support/source_tree.ts";
import { hasTmux, openTerminal, type Terminal } from "../support/terminal.ts";

const run = [
  ...[Deno.execPath(), "run", "--quiet", "--no-prompt", "--allow-read", "--allow-env", "--allow-run=less"],
  `--config=${projectRoot}deno.json`,
  `${projectRoot}tests/support/host_commands.ts`,
];
const golden = async (name: string): Promise<string> =>
  await Deno.readTextFile(`${projectRoot}tests/golden/transcripts/${name}.txt`);

const terminals = [
  { env: { TERM: "linux" }, columns: 80, rows: 24 },
  { env: { TERM: "xterm-256color" }, columns: 40, rows: 24 },
  { env: { TERM: "dumb" }, columns: 80, rows: 24 },
  { env: { TERM: "dumb" }, columns: 40, rows: 24 },
] as const;

interface Transcript {
  readonly name: string;
  readonly arguments: readonly string[];
  /** Pressed at each question, until there is none; then the exit code. */
  readonly key: string;
  readonly exitCode: number;
}

const transcripts: readonly Transcript[] = [
  { name: "setup-server-all", arguments: ["setup-server"], key: "y", exitCode: 0 },
  { name: "setup-undo-yes", arguments: ["setup-undo"], key: "y", exitCode: 0 },
  { name: "setup-server-dry-run", arguments: ["setup-server", "--dry-run"], key: "y", exitCode: 0 },
  { name: "setup-server-user", arguments: ["setup-server", "--user"], key: "y", exitCode: 2 },
  { name: "undo-setup-user", arguments: ["undo-setup", "--user"], key: "y", exitCode: 2 },
  { name: "init", arguments: ["init"], key: "y", exitCode: 0 },
  { name: "doctor", arguments: ["doctor"], key: "y", exitCode: 1 },
];

/** A question, or a pager, waits for a key. */
const waits = /(\[d\]iff|\[a\]bort|\[n\]o|^:|\(END\))$/;

async function answerAll(terminal: Terminal, key: string): Promise<string> {
  for (let questions = 0; questions < 60; questions++) {
    const text = await terminal.waitFor(new RegExp(`${waits.source}|EXIT \\d+\\n(SANE|CHANGED)`, "m"));
    if (/EXIT \d+\n(SANE|CHANGED)/.test(text)) return text;
    // less(1): a page on, and at its end out.
    await terminal.press(/\(END\)$/.test(text) ? "q" : /^:$/m.test(text) ? "Space" : key);
    await terminal.waitUntil((screen) => screen !== text, `Nothing happens after "${key}"`);
  }
  throw new Error(`It asks for ever:\n${await terminal.history()}`);
}

/** Words, whatever the lines they stand in. */
const wordsOf = (text: string): readonly string[] => text.replaceAll("\n", " ").split(/\s+/).filter(Boolean);

type Screen = typeof terminals[number];

async function playTranscript(transcript: Transcript, { env, columns, rows }: Screen): Promise<void> {
  const where = `${env.TERM}, ${columns}x${rows}`;
  const options = { env: { ...env, NO_COLOR: "1" }, columns, rows };
  await using terminal = await openTerminal([...run, ...transcript.arguments], options);
  const end = await answerAll(terminal, transcript.key);
  assert.match(end, new RegExp(`EXIT ${transcript.exitCode}\\nSANE$`), where);
  const text = await terminal.history();
  // deno-lint-ignore no-control-regex
  assert.doesNotMatch(text, /[\x00-\x09\x0b-\x1f\x7f]|\^\[/, `control characters: ${where}`);
  // A terminal breaks a line in the middle of a word; a long change is cut at another place.
  const seen = text.replaceAll(/\s/g, "");
  const lines = (await golden(transcript.name)).split("\n").slice(1)
    .filter((line) => !/^---- |^ {4}([-+@ ]|…|\[y\])|Please answer|\[y\]es|: yes$|^(done:|.* …$)/.test(line));
  const missing = lines.filter((line) => !seen.includes(wordsOf(line).join("")));
  assert.deepEqual(missing, [], `${where}\n${text}`);
  const tooLong = text.split("\n").filter((line) => line.length > columns);
  assert.deepEqual(tooLong, [], where);
}

for (const transcript of transcripts) {
  Deno.test({
    name:
      `on terminals (linux, xterm-256color, dumb; 80 and 40 columns): ${transcript.name} says what it says without one`,
    ignore: !hasTmux,
    // At the same time: most of it is waiting for each other.
    fn: async () => void await Promise.all(terminals.map((screen) => playTranscript(transcript, screen))),
  });
}

/** @param stopAt the question, from 1 on */
async function stopCommand(command: string, stopAt: number): Promise<void> {
  await using terminal = await openTerminal([...run, command, "--check"], { rows: 24 });
  for (let question = 1;; question++) {
    const text = await terminal.waitFor(new RegExp(waits.source, "m"));
    await terminal.press(question < stopAt ? "y" : "C-c");
    await terminal.waitUntil((screen) => screen !== text, "Nothing happens");
    if (question >= stopAt) break;
  }
  const text = await terminal.waitFor(/EXIT \d+\n(SANE|CHANGED)/);
  assert.match(text, /^UNDONE\nEXIT 3\nSANE$/m, `stopped at question ${stopAt}`);
  assert.match(await terminal.history(), /^Stopped\b/m);
}

// Each question is stopped at in stopped_commands_test.ts; here the first, the last, and one after files and programs.
for (
  const [command, ...questions] of [["setup-server", 1, 12, 19], ["undo-setup", 1, 9, 17], ["init", 1, 4]] as const
) {
  Deno.test({
    name:
      `Ctrl-C at questions of ${command} on a terminal: exit code 3, undo gives the system back, the terminal is sane`,
    ignore: !hasTmux,
    fn: async () => void await Promise.all(questions.map((stopAt) => stopCommand(command, stopAt))),
  });
}
