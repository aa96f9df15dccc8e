/** Manual pages and completions leave nothing out: commands, options, keys, kernel parameters. */

import assert from "node:assert/strict";
import { listKeys } from "../../lib/config/schema_keys.ts";
import { configSchema } from "../../lib/config/schema.ts";
import { describeCommands } from "../../lib/cli/program.ts";
import { commandNames } from "../../lib/grants.ts";
import { parseStiefelParameters } from "../../lib/formats/kernel_command_line.ts";
import { offerFor } from "../../lib/manual/description.ts";
import { kernelParameters } from "../../lib/manual/kernel_parameters.ts";
import { bold, inline, literal, prose } from "../../lib/manual/roff.ts";
import { projectRoot } from "../support/source_tree.ts";
import { makeManual } from "../support/write_manual.ts";

const files = makeManual();
const program = describeCommands();
const commands = program.commands.filter(({ name }) => name !== "help");

function read(path: string): string {
  const text = files.get(path);
  assert.ok(text !== undefined, `${path} is not written`);
  return text;
}

const bash = read("bash-completion/completions/stiefelsystem");
const zsh = read("zsh/site-functions/_stiefelsystem");
const fish = read("fish/vendor_completions.d/stiefelsystem.fish");

/** The lines of a completion that are for one command. */
function partOf(text: string, start: string, end: string): string {
  const at = text.indexOf(start);
  assert.ok(at >= 0, `not found: ${start}`);
  return text.slice(at, text.indexOf(end, at + start.length));
}

Deno.test("there is a page for each command, and for nothing else", () => {
  assert.deepEqual(commands.map(({ name }) => name).toSorted(), [...commandNames].toSorted());
  const pages = [...files.keys()].filter((path) => path.startsWith("man/")).toSorted();
  assert.deepEqual(
    pages,
    [
      "man/man1/stiefelsystem.1",
      ...commandNames.map((name) => `man/man1/stiefelsystem-${name}.1`),
      "man/man5/stiefelsystem.yaml.5",
      "man/man8/stiefelsystem-agents.8",
    ].toSorted(),
  );
});

Deno.test("the page of a command has every option and argument of it; stiefelsystem(1) has every command", () => {
  const whole = read("man/man1/stiefelsystem.1");
  for (const command of commands) {
    assert.ok(whole.includes(`\n.TP\n${bold(command.name)}\n`), command.name);
    const page = read(`man/man1/stiefelsystem-${command.name}.1`);
    assert.ok(command.options.length > 1);
    for (const { long, short, value, description } of command.options) {
      assert.match(page, new RegExp(`^(?:.*, )?${RegExp.escape(bold(long))}(?:$| )`, "m"), `${command.name} ${long}`);
      if (short !== undefined) assert.ok(page.includes(bold(short)));
      for (const word of description.split(/\s+/)) assert.ok(page.includes(inline(word)), `${command.name}: ${word}`);
      for (const choice of value?.choices ?? []) assert.ok(page.includes(choice), choice);
    }
    for (const { name, choices } of command.arguments) {
      assert.ok(page.includes(name.toUpperCase()), name);
      for (const choice of choices ?? []) assert.ok(page.includes(choice), choice);
    }
  }
});

Deno.test("each completion has every command, option and choice", () => {
  for (const command of [...commands, { ...program, name: "", arguments: [] }]) {
    const ofBash = partOf(bash, `\n    ${command.name === "" ? "''" : command.name}) options='`, "\n");
    const ofZsh = command.name === "" ? zsh : partOf(zsh, `\n    ${command.name})\n`, "&& ret=0 ;;");
    const ofFish = fish.split("\n").filter((line) =>
      line.includes(`'__stiefelsystem_command${command.name === "" ? "" : " "}${command.name}'`)
    );
    for (const { long, short, value } of command.options) {
      assert.match(ofBash, new RegExp(`[' ]${long}[' ]`));
      assert.ok(ofZsh.includes(`${long}${value === undefined ? "[" : "=["}`), long);
      assert.ok(ofFish.some((line) => line.includes(`-l ${long.slice(2)} `)), long);
      if (short !== undefined) {
        assert.ok(ofZsh.includes(`'${short}[`) && ofFish.some((line) => line.includes(`-s ${short[1]} `)));
      }
    }
    const values = [...command.options.flatMap(({ value }) => value ?? []), ...command.arguments];
    for (const value of values) {
      if (value.choices === undefined) continue;
      const choices = value.choices.join(" ");
      assert.ok(bash.includes(`'${choices}'`) && ofZsh.includes(`(${choices})`));
      assert.ok(ofFish.some((line) => line.includes(`-a '${choices}'`)));
    }
    for (const value of values) assert.doesNotThrow(() => offerFor(value), `${command.name} ${value.name}`);
  }
  for (const { name } of commands) {
    assert.ok(zsh.includes(`\n    '${name}:`) && fish.includes(` -a ${name} -d `), name);
    assert.match(partOf(bash, "\n    '') options='", "\n"), new RegExp(`[' ]${name} `));
  }
  assert.throws(() => offerFor({ name: "colour", isVariadic: false }), /No completion is known/);
});

Deno.test("stiefelsystem.yaml(5) has every key, with its default and its meaning", () => {
  const page = read("man/man5/stiefelsystem.yaml.5");
  const keys = listKeys(configSchema);
  assert.ok(keys.length > 40);
  for (const { path, description, fallback } of keys) {
    const entry = partOf(`${page}\n.TP`, `\n.TP\n${bold(path)}\n`, "\n.TP");
    const text = entry.replaceAll("\n", " ");
    for (const line of prose(description)) assert.ok(text.includes(line.replace(/[.]$/, "")), `${path}: ${line}`);
    if (fallback !== undefined && !Array.isArray(fallback)) assert.ok(text.includes(literal(String(fallback))), path);
  }
});

Deno.test("stiefelsystem-agents(8) has every option of the agents", async () => {
  const page = read("man/man8/stiefelsystem-agents.8");
  for (const agent of ["server", "client", "autokexec"]) {
    const source = await Deno.readTextFile(`${projectRoot}agents/${agent}/options.ts`);
    const options = [...source.matchAll(/^ {2}"?([a-z-]+)"?: \{ type: "/gm)].map((match) => match[1] ?? "");
    assert.ok(options.length >= 3, agent);
    const part = partOf(page, `.SH ${agent.toUpperCase()}-AGENT`, "\n.SH ");
    for (const option of options) assert.ok(part.includes(`\n.TP\n${bold(`--${option}`)}`), `${agent} --${option}`);
  }
});

Deno.test("stiefelsystem-agents(8) has every kernel parameter that the agents or the image read", async () => {
  const page = read("man/man8/stiefelsystem-agents.8");
  const readers = ["lib/formats/kernel_command_line.ts", "image/initrd/usr/lib/stiefelsystem/supervise-agent"];
  const texts = await Promise.all(readers.map((path) => Deno.readTextFile(projectRoot + path)));
  const inSources = new Set(texts.flatMap((text) => [...text.matchAll(/\bstiefel\.[a-z_]+/g)].map(([name]) => name)));
  inSources.add("stiefel.laptop");
  assert.deepEqual(kernelParameters.map(({ name }) => name).toSorted(), [...inSources].toSorted());
  for (const { name } of kernelParameters) assert.ok(page.includes(`\n.TP\n\\fB${name}`), name);
  const samples: Readonly<Record<string, string>> = {
    role: "client",
    mode: "try",
    on_end: "wait",
    client_timeout: "60",
    mtu: "9000",
  };
  for (const { name, value } of kernelParameters.filter(({ name }) => name !== "stiefel.rescue")) {
    const sample = samples[name.slice("stiefel.".length)] ??
      (name === "stiefel.stick" ? crypto.randomUUID() : "192.0.2.1");
    const word = value === undefined ? name : `${name}=${sample}`;
    assert.deepEqual(parseStiefelParameters(`stiefel.role=server ${word}`).unknown, [], word);
  }
});

Deno.test("roff: what begins with a dot is text, hyphens of options are those of the keyboard, the rest is ASCII", () => {
  assert.deepEqual(prose(".hidden is `a-b`\\ and --dry-run; well-known. Next: It…"), [
    "\\&.hidden is \\fBa\\-b\\fR\\e and \\fB\\-\\-dry\\-run\\fR; well-known.",
    "Next:",
    "It\\[u2026]",
  ]);
  for (const [path, text] of files) {
    if (!path.startsWith("man/")) continue;
    assert.doesNotMatch(text, /[^\n\x20-\x7e]/, path);
    assert.doesNotMatch(text, /^'/m, path);
  }
});

Deno.test("descriptions with brackets, quotes and backslashes stay one word of a completion", () => {
  const option = { flags: "--odd", long: "--odd", description: "it's [odd] \\ $(x) `y`" };
  const odd = { ...program, commands: [{ name: "odd", description: "o'dd: $(x)", options: [option], arguments: [] }] };
  const made = new Map([...makeManual(odd)]);
  assert.ok(made.get("zsh/site-functions/_stiefelsystem")?.includes("'--odd[it'\\''s \\[odd\\] \\\\ $(x) `y`]' \\\n"));
  assert.ok(made.get("fish/vendor_completions.d/stiefelsystem.fish")?.includes("-d 'it\\'s [odd] \\\\ $(x) `y`'\n"));
});
