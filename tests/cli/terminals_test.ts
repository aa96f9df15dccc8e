/**
 * The commands in pseudo-terminals, with the grants that their tasks give them: in a pipe, nothing asks what a
 * terminal can do.
 */
import assert from "node:assert/strict";
import { quoteCommand } from "../../lib/errors.ts";
import { commandNames } from "../../lib/grants.ts";
import { createRealSystem } from "../../lib/system/real.ts";
import { inLanes } from "../support/in_lanes.ts";
import { projectRoot } from "../support/source_tree.ts";

const system = createRealSystem({ home: Deno.env.get("HOME") ?? "/" });
const terminals = ["linux", "xterm-256color", "dumb", "tmux-256color"];
/** What environments say about colours and continuous integration; each is tried by itself. */
const settings = ["NO_COLOR=1", "FORCE_COLOR=1", "FORCE_COLOR=3", "CLICOLOR_FORCE=1", "CI=1", "COLORTERM=truecolor"];

interface PseudoTerminal {
  readonly columns: number;
  /** Of the whole environment, together with what Deno needs; "NAME=value". */
  readonly environment: readonly string[];
}

/** What is on the screen; a line of the terminal ends with "\r\n". */
async function onTerminal(argv: readonly string[], options: PseudoTerminal): Promise<{ text: string; code: number }> {
  const denoDirectory = Deno.execPath().slice(0, Deno.execPath().lastIndexOf("/"));
  const environment = [
    `PATH=${denoDirectory}:/usr/sbin:/usr/bin:/sbin:/bin`,
    `HOME=${Deno.env.get("HOME")}`,
    `DENO_DIR=${Deno.env.get("DENO_DIR") ?? `${Deno.env.get("HOME")}/.cache/deno`}`,
    ...options.environment,
  ];
  const command = `stty cols ${options.columns} rows 24; ${quoteCommand(["env", "-i", ...environment, ...argv])}`;
  const { stdout, exitCode } = await system.run(["script", "-qec", command, "/dev/null"], {
    cwd: projectRoot,
    acceptExitCodes: [0, 1, 2],
  });
  return { text: stdout.replaceAll("\r\n", "\n"), code: exitCode };
}

function tool(...args: readonly string[]): readonly string[] {
  return [`${projectRoot}stiefelsystem`, ...args];
}

/** @throws when something other than words is there, or a line that the terminal would have to break */
function assertLegible(text: string, columns: number): void {
  // deno-lint-ignore no-control-regex
  assert.doesNotMatch(text, /[\x00-\x09\x0b-\x1f]/, "control characters");
  const long = text.split("\n").filter((line) => line.length > columns);
  assert.deepEqual(long, [], `lines of more than ${columns} columns`);
}

for (const columns of [40, 80]) {
  // Each command, each terminal: a command's help comes from the same code as every other's.
  Deno.test(`P1: --help of every command on a terminal of ${columns} columns, TERM in turn`, async () => {
    await inLanes(commandNames, async (command, index) => {
      const term = terminals[(index + columns / 40) % terminals.length];
      const { text, code } = await onTerminal(tool(command, "--help"), { columns, environment: [`TERM=${term}`] });
      assert.equal(code, 0, text);
      assert.match(text.replaceAll(/\s+/g, " "), new RegExp(`^Usage: stiefelsystem ${command}`));
      assert.match(text, /--verbose/);
      assertLegible(text, columns);
    });
  });
}

for (const setting of ["", ...settings]) {
  Deno.test(`P1: help, a wrong option, a wrong value and an error on a terminal: ${setting || "no TERM"}`, async () => {
    const environment = setting === "" ? [] : ["TERM=xterm-256color", setting];
    const options = { columns: 80, environment };
    const [help, option, value, error] = await Promise.all([
      onTerminal(tool("bench", "--help"), options),
      onTerminal(tool("setup-server", "--wrong"), options),
      onTerminal(tool("create-initrd", "--agents", "no"), options),
      onTerminal(tool("create-initrd", "--config", "/none.yaml"), options),
    ]);
    assert.match(help.text, /^Usage: stiefelsystem bench/);
    assert.match(option.text, /^error: unknown option '--wrong'\n\("--help" shows what is possible\)\n$/);
    assert.match(value.text, /^error: option '--agents <form>' argument 'no' is invalid\./);
    assert.match(error.text.replaceAll(/\s+/g, " "), /"\/none\.yaml" cannot be read: found nothing/);
    assert.deepEqual([help.code, option.code, value.code, error.code], [0, 2, 2, 2]);
    for (const { text } of [help, option, value, error]) assertLegible(text, 80);
  });
}

Deno.test("P1: the dry run of a build on a terminal, with its colours and without", async () => {
  const directory = await Deno.makeTempDir();
  try {
    await inLanes(terminals, async (term) => {
      const build = tool("create-initrd", "--dry-run", "--cache-dir", directory);
      const { text, code } = await onTerminal(build, { columns: 40, environment: [`TERM=${term}`] });
      assert.equal(code, 0, text);
      assert.doesNotMatch(text, /Requires|NotCapable/);
      assert.match(text, /^base /m);
    });
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});

Deno.test("P1: the program alone, and a command that does not exist, on a terminal without a size", async () => {
  await inLanes([0, 1, 20, 300], async (columns) => {
    const options = { columns, environment: ["TERM=linux"] };
    const grants = ["--quiet", "--no-prompt", "--allow-read", "--ignore-env"];
    const main = [Deno.execPath(), "run", ...grants, `${projectRoot}main.ts`];
    const help = await onTerminal(main, options);
    assert.match(help.text, /^Usage: /);
    const wrong = await onTerminal([...main, "setup-sever"], options);
    assert.match(wrong.text.replaceAll(/\s+/g, " "), /unknown command 'setup-sever' \(Did you mean setup-server\?\)/);
  });
});
