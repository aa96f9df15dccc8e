/** setup-client-usbdrive without a terminal, in pseudo-terminals of 80 and 40 columns, and stopped at each point. */

import assert from "node:assert/strict";
import { createRealSystem } from "../../lib/system/real.ts";
import { projectRoot } from "../support/source_tree.ts";
import { hasTmux, openTerminal } from "../support/terminal.ts";

// UPDATE_GOLDEN=1 writes the transcripts anew.
const isUpdate = Deno.env.get("UPDATE_GOLDEN") === "1";
const system = createRealSystem({ home: Deno.env.get("HOME") ?? "/" });
const run = [
  ...[Deno.execPath(), "run", "--quiet", "--no-prompt", "--allow-read", "--allow-env"],
  `--config=${projectRoot}deno.json`,
  `${projectRoot}tests/support/stick_command.ts`,
];

/** Times and rates are not the same twice. */
const steady = (text: string): string => text.replaceAll(/\(\d+(?:\.\d)? s\)/g, "(0.0 s)");

async function compareWithGolden(name: string, text: string): Promise<void> {
  const path = `${projectRoot}tests/golden/transcripts/${name}.txt`;
  if (isUpdate) await Deno.writeTextFile(path, text);
  assert.equal(text, await Deno.readTextFile(path));
}

interface Transcript {
  readonly name: string;
  readonly arguments: readonly string[];
  /** What is typed, line by line. */
  readonly input: readonly string[];
  readonly exitCode: number;
}

const transcripts: readonly Transcript[] = [
  // What carries the system, what is not there, the right one; then a wrong name, and the right one.
  { name: "stick", arguments: [], input: ["nvme0n1", "sdz", "sdb", "yes", "sdb"], exitCode: 0 },
  { name: "stick-named", arguments: ["/dev/sdb"], input: [""], exitCode: 3 },
  { name: "stick-input-ends", arguments: [], input: [], exitCode: 3 },
  { name: "stick-yes", arguments: ["sdb", "--yes"], input: [], exitCode: 0 },
  { name: "stick-dry-run", arguments: ["--dry-run", "--user"], input: [], exitCode: 0 },
  { name: "stick-dry-run-named", arguments: ["mmcblk1", "--dry-run", "--user"], input: [], exitCode: 0 },
  { name: "stick-user", arguments: ["sdb", "--user"], input: [], exitCode: 2 },
  { name: "stick-none", arguments: ["--none"], input: [], exitCode: 1 },
  { name: "stick-refused", arguments: ["sda", "--yes"], input: [], exitCode: 1 },
  { name: "stick-update", arguments: ["sdb", "--ours"], input: ["y"], exitCode: 0 },
  { name: "stick-fails", arguments: ["sdb", "--yes", "--fail"], input: [], exitCode: 1 },
];

for (const { name, arguments: words, input, exitCode } of transcripts) {
  Deno.test(`without a terminal: ${name}`, async () => {
    const output = await system.run([...run, ...words], {
      stdin: input.map((line) => `${line}\n`).join(""),
      acceptExitCodes: [0, 1, 2, 3],
      env: { DENO_DIR: Deno.env.get("DENO_DIR") ?? `${Deno.env.get("HOME")}/.cache/deno` },
    });
    const results = output.stdout === "" ? "" : `---- standard output ----\n${output.stdout}`;
    const text = steady(
      `$ setup-client-usbdrive ${words.join(" ")}\n${output.stderr}${results}---- exit ${output.exitCode} ----\n`,
    );
    assert.equal(output.exitCode, exitCode, text);
    await compareWithGolden(name, text);
    const long = text.split("\n").filter((line) => line.length > 80 && !/^(?:Error| {2}Hint| {2}also):? /.test(line));
    assert.deepEqual(long, [], "lines that do not fit into 80 columns");
  });
}

for (const [columns, rows] of [[80, 24], [40, 24]] as const) {
  Deno.test({
    name: `on a terminal of ${columns}x${rows}: the list, what is lost, the name, and the end are readable`,
    ignore: !hasTmux,
    fn: async () => {
      await using terminal = await openTerminal(run, { env: { NO_COLOR: "1" }, columns, rows });
      for (const typed of ["sdc", "sdb", "sdb"]) {
        const before = await terminal.waitFor(/(?:\(empty: stop\)|stop\)): ?$/);
        for (const key of typed) await terminal.press(key);
        await terminal.press("Enter");
        await terminal.waitUntil((screen) => screen !== before, "Nothing happens");
        await terminal.waitFor(typed === "sdc" ? /Put a card/ : /destroyed|EXIT/);
      }
      await terminal.waitFor(/EXIT 0\nSANE/);
      const text = steady(await terminal.history()).split("\n").map((line) => line.trimEnd()).join("\n");
      await compareWithGolden(`stick-terminal-${columns}`, `${text}\n`);
      // No word is cut by the terminal.
      const cut = text.split("\n").filter((line) => line.length > columns);
      assert.deepEqual(cut, []);
    },
  });
}

/** Where it is stopped: what is on the screen then, what was typed before, and what the stick is afterwards. */
const stops: readonly {
  readonly name: string;
  readonly arguments: readonly string[];
  readonly typed: readonly string[];
  readonly at: RegExp;
  readonly left: "OLD" | "EMPTY" | "OLD|EMPTY";
}[] = [
  { name: "at the list", arguments: [], typed: [], at: /such as sdb \(empty: stop\): ?$/, left: "OLD" },
  { name: "half-way in a name", arguments: [], typed: ["sd"], at: /stop\): sd$/, left: "OLD" },
  {
    name: "at the question for the name",
    arguments: ["sdb"],
    typed: [],
    at: /to erase it \(empty: stop\): ?$/,
    left: "OLD",
  },
  { name: "while it is written", arguments: ["sdb", "--yes", "--slow"], typed: [], at: /Writing: .*%/, left: "EMPTY" },
  {
    name: "while it is read back",
    arguments: ["sdb", "--yes", "--slow"],
    typed: [],
    at: /Reading back: /,
    left: "EMPTY",
  },
  { name: "at the question for an update", arguments: ["sdb", "--ours"], typed: [], at: /\[n\]o ?$/, left: "OLD" },
];

for (const { name, arguments: words, typed, at, left } of stops) {
  Deno.test({
    name: `Ctrl-C ${name}: exit code 3, the terminal is sane, no image with the key stays, and the stick is ${left}`,
    ignore: !hasTmux,
    fn: async () => {
      await using terminal = await openTerminal([...run, ...words], { rows: 24 });
      if (typed.length > 0) {
        await terminal.waitFor(/stop\): ?$/);
        for (const key of typed.join("")) await terminal.press(key);
      }
      await terminal.waitFor(at);
      await terminal.press("C-c");
      const text = await terminal.waitFor(/EXIT \d+\n(SANE|CHANGED)/);
      assert.match(text, new RegExp(`^${left}\\nEXIT 3\\nSANE$`, "m"));
      assert.match(
        await terminal.history(),
        left === "OLD" ? /^(Stopped|Nothing was written)/m : /is no stick now: .*\n?.*lost/,
      );
    },
  });
}
