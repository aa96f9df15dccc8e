/** lib/grants.ts in both directions: what is started is granted, and what is granted is started. */
import assert from "node:assert/strict";
import { posix } from "node:path";
import { RUN_NBDKIT_PATH } from "../lib/export/nbd/needs.ts";
import { LEND_NVME_PATH } from "../lib/export/nvme_tcp/needs.ts";
import { LEND_SNAPSHOT_PATH } from "../lib/export/snapshot/needs.ts";
import {
  agentGrants,
  autokexecGrants,
  commandGrants,
  type CommandName,
  commandNames,
  formatCommandGrants,
} from "../lib/grants.ts";
import { isAgentSource } from "../lib/image/source_files.ts";
import { projectRoot, readSources } from "./support/source_tree.ts";
import { launcherGrants, launcherGrantsPath } from "./support/write_grants.ts";

const sources = new Map((await readSources()).map((file) => [file.path, file]));
/** Where a command's options stand, and what it loads when it is asked for. */
const definitions = [...sources.keys()].filter((path) => path.startsWith("lib/cli/definitions/"));

// ---- what is started
// -------------------------------------------------------------------------------------------------

const vocabulary = new Set(
  [agentGrants.client, agentGrants.server, autokexecGrants, ...Object.values(commandGrants)].flatMap(({ run }) => run),
);

/** Words that are programs elsewhere and something else in these files. */
const notPrograms: Readonly<Record<string, readonly string[]>> = {
  "agents/shared/environment.ts": ["reboot"],
  "agents/shared/exchange_events.ts": ["timeout"],
  "lib/autokexec_files.ts": ["deno"],
  "lib/installation.ts": ["deno"],
  "lib/cli/commands/create_initrd.ts": ["curl", "git"],
  "lib/cli/commands/bench.ts": ["poweroff"],
  "lib/cli/commands/demo.ts": ["poweroff"],
  "lib/cli/commands/init.ts": ["poweroff", "reboot"],
  "lib/config/compressor.ts": ["pigz", "zstd"],
  "lib/config/driver_source.ts": ["git"],
  "lib/config/module_catalog.ts": ["lvm"],
  "lib/config/schema.ts": ["reboot"],
  "lib/distro/debian.ts": ["apt-get", "mount"],
  "lib/distro/distribution.ts": ["timeout"],
  "lib/doctor/kernel.ts": ["kexec"],
  "lib/doctor/names.ts": ["lvm"],
  "lib/host/config_yaml.ts": ["reboot"],
  "lib/host/lacking_programs.ts": ["kexec"],
  "lib/image/base_packages.ts": ["blkid", "dmesg"],
  "lib/image/launcher.ts": ["cp", "mv"],
  "lib/formats/agent_settings.ts": ["reboot"],
  "lib/formats/kernel_command_line.ts": ["ip", "reboot"],
  "lib/protocol/session_failure.ts": ["timeout"],
  "lib/media/device_refusals.ts": ["lvm"],
  "lib/qemu/boot_steps.ts": ["kexec"],
  "lib/qemu/machine_pair.ts": ["poweroff"],
};

/** What a text says in other ways than by a word at the start of an argument list. */
const alsoStarted: Readonly<Record<string, readonly string[]>> = {
  // By the name of its path.
  "lib/export/nbd/nbd_export.ts": [RUN_NBDKIT_PATH],
  "lib/export/nvme_tcp/nvme_export.ts": [LEND_NVME_PATH],
  "lib/export/snapshot/snapshot.ts": [LEND_SNAPSHOT_PATH],
  // `case "gzip": return { argv: [program, …`
  "lib/image/part_archive.ts": ["gzip", "pigz"],
  "lib/cli/terminal_pager.ts": ["less", "more", "most", "pager"],
};

/** Files full of names of programs; what they start. */
const onlyStarted: Readonly<Record<string, readonly string[]>> = {
  "lib/grants.ts": [],
  "lib/debian/program_packages.ts": [],
  "lib/debian/bootstrap_way.ts": [],
  "lib/cli/commands/prepare_machines.ts": ["id"],
  // Its `copyExactly` counts for those who call it.
  "lib/system/real.ts": [],
};

// At the start of a line: "/*" is also the end of a pattern in a string.
const withoutComments = (text: string): string => text.replaceAll(/^[ \t]*\/\*[\s\S]*?\*\/|^[ \t]*\/\/.*$/gm, "");

/** Programs that a file starts, or makes argument lists for. */
function startedIn(path: string): readonly string[] {
  // They name what a user may have to install.
  if (definitions.includes(path)) return [];
  return onlyStarted[path] ?? wordsIn(path).filter((word) => !notPrograms[path]?.includes(word));
}

/** Words that look like programs that are started. */
function wordsIn(path: string): readonly string[] {
  const text = withoutComments(sources.get(path)?.text ?? "");
  // At the start of a list (that is not shown to a person), after a spread, in a choice; whole, or the end of a path.
  const words = [
    ...text.matchAll(/(?:(?<!quoteCommand\()\[|=|\?|:|\.\.\.[\w.]+,|=>)\s*"(?:\/[\w/]+\/)?([a-z][\w.+-]*)"/g),
  ].map((match) => match[1] ?? "").filter((word) => vocabulary.has(word));
  // What is surely started, known or not.
  const surely = [...text.matchAll(/\b(?:run|spawn)\(\s*\[\s*"([^"]+)"/g)].map((match) => match[1] ?? "");
  if (/\.copyExactly\(/.test(text)) surely.push("cp");
  return [...new Set([...words, ...surely, ...alsoStarted[path] ?? []])];
}

/** What code imports when it runs: types are no code. */
function valueImports(path: string): readonly string[] {
  const file = sources.get(path);
  // In the order of `imports`: the same statements are found.
  const clauses = [
    ...(file?.text ?? "").matchAll(
      /^(?:import|export)\s([^"';]*?)\sfrom\s+"[^"]+"|^import\s+"[^"]+"|import\("[^"]+"\)/gm,
    ),
  ].map((match) => match[1] ?? "");
  return (file?.imports ?? []).filter((_, index) =>
    !/^type\s|^\{(?:\s*type \w+(?: as \w+)?,?)+\s*\}$/.test(clauses[index] ?? "")
  );
}

function closure(entries: readonly string[]): readonly string[] {
  const seen = new Set(entries);
  for (const path of seen) {
    // What they load for a command is asked below.
    if (definitions.includes(path)) continue;
    for (const target of valueImports(path)) if (sources.has(target)) seen.add(target);
  }
  return [...seen];
}

/** The modules that the definition of a command loads: those of its own function. */
function entriesOf(command: CommandName): readonly string[] {
  const functions = definitions.flatMap((path) => sources.get(path)?.text.split(/\n(?=(?:export )?function )/) ?? []);
  const own = functions.find((text) => text.includes(`.command("${command}")`)) ?? "";
  assert.notEqual(own, "", `lib/cli/definitions has no command "${command}"`);
  const imported = [...own.matchAll(/import\("([^"]+)"\)/g)];
  return ["main.ts", ...imported.map((match) => posix.join("lib/cli/definitions", match[1] ?? ""))];
}

// ---- what a file starts, and a command or agent that loads it does not
// -----------------------------------------------

interface Holder {
  readonly name: string;
  readonly run: readonly string[];
  readonly entries: readonly string[];
  /** Programs of files it loads for something else. */
  readonly notReached: readonly string[];
}

/** Commands without long results: every command can talk to a terminal. */
const pagers = ["less", "more", "most", "pager"];

/** Of the demo disk, only what tests make. */
const uefi = ["mcopy", "mkfs.vfat", "mmd"];
const machines = [...pagers, ...uefi];

const notReached: Readonly<Record<CommandName, readonly string[]>> = {
  "init": [...pagers, "chroot", "ip"],
  "create-initrd": pagers,
  // The sections of doctor that they share decide; what they decide on, doctor looks up.
  "setup-server": ["ip", "lsblk", "udevadm"],
  "undo-setup": ["ip", "lsblk", "udevadm"],
  "doctor": [...pagers, "chroot"],
  // The image itself jumps into a kernel; here the shutdown does.
  "serve-now": [...pagers, "ip", "sync"],
  // Of what fetches the boot loaders, their names only.
  "setup-client-usbdrive": [...pagers, "ip", "mmdebstrap", "setpriv", "tar", "timeout", "unshare"],
  "key": [...pagers, "cat"],
  "status": [...pagers, "cat"],
  "release": [...pagers, "cat"],
  // The image jumps, restarts for a second boot, and asks for an address; here a shutdown does the first two.
  "client": [...pagers, "blockdev", "cmp", "dd", "lsblk", "reboot", "sync", "udhcpc"],
  "boot-entry": [...pagers, "cat"],
  "demo": [...machines, "ip", "lsblk"],
  "test-qemu": [...machines, "ip", "lsblk"],
  "test-nspawn": machines,
  "bench": [...machines, "lsblk"],
};

const holders: readonly Holder[] = [
  ...commandNames.map((name) => ({
    name,
    run: commandGrants[name].run,
    entries: entriesOf(name),
    notReached: notReached[name],
  })),
  { name: "agents/server", run: agentGrants.server.run, entries: ["agents/server/main.ts"], notReached: [] },
  // lib/system/facts.ts has more than they look at.
  { name: "agents/client", run: agentGrants.client.run, entries: ["agents/client/main.ts"], notReached: [] },
  {
    name: "agents/autokexec",
    run: autokexecGrants.run,
    entries: ["agents/autokexec/main.ts"],
    notReached: ["sync"],
  },
];

for (const { name, run, entries, notReached } of holders) {
  Deno.test(`what ${name} starts is what it may start`, () => {
    const startedBy = new Map<string, string[]>();
    for (const path of closure(entries)) {
      for (const program of startedIn(path)) startedBy.set(program, [...startedBy.get(program) ?? [], path]);
    }
    assert.ok(startedBy.size > 3, "no programs were found: does the search still fit the code?");
    const missing = [...startedBy].filter(([program]) => !run.includes(program) && !notReached.includes(program))
      .map(([program, paths]) => `${program}: ${paths.join(", ")}`);
    assert.deepEqual(missing, [], `Started, but not granted to ${name} in lib/grants.ts:\n${missing.join("\n")}\n`);
    const idle = run.filter((program) => !startedBy.has(program));
    assert.deepEqual(idle, [], `Granted to ${name} in lib/grants.ts, but never started: ${idle.join(", ")}`);
    const stale = notReached.filter((program) => !startedBy.has(program) || run.includes(program));
    assert.deepEqual(stale, [], `Exceptions of tests/grants_test.ts for ${name} that are none: ${stale.join(", ")}`);
  });
}

Deno.test("no exception is left that is none", () => {
  const stale = Object.entries(notPrograms).flatMap(([path, words]) => {
    const found = sources.has(path) ? wordsIn(path) : [];
    return words.filter((word) => !found.includes(word)).map((word) => `${path}: ${word}`);
  });
  assert.deepEqual(
    stale,
    [],
    `Words in notPrograms of tests/grants_test.ts that are not there:\n${stale.join("\n")}\n`,
  );
});

// ---- what is written from the table
// ----------------------------------------------------------------------------------

Deno.test("agents start neither a shell nor Deno, and commands no shell", () => {
  const shells = ["sh", "dash", "bash", "busybox", "ash", "env", "xargs"];
  for (const { run, name } of holders) {
    const forbidden = [...shells, ...name.startsWith("agents/") ? ["deno"] : []];
    assert.deepEqual(run.filter((program) => forbidden.includes(program)), [], name);
    assert.equal(new Set(run).size, run.length, `${name}: a program twice`);
  }
});

Deno.test("the image is built anew after a change of anything the agents are made of", () => {
  const unseen = ["server", "client", "autokexec"].flatMap((role) => closure([`agents/${role}/main.ts`]))
    .filter((path) => !isAgentSource(path));
  assert.deepEqual(unseen, []);
});

Deno.test("lib/grants.sh is what lib/grants.ts says", async () => {
  assert.equal(await Deno.readTextFile(launcherGrantsPath), launcherGrants(), "Run: deno task grants");
});

Deno.test("each command of the tool has its grants and a task, and no others have", async () => {
  const defined = definitions.flatMap((path) => [
    ...(sources.get(path)?.text ?? "").matchAll(/\.command\("([^"]+)"\)/g),
  ]).map((match) => match[1] ?? "");
  assert.deepEqual(defined.toSorted(), [...commandNames].toSorted());
  const { tasks } = JSON.parse(await Deno.readTextFile(`${projectRoot}deno.json`));
  for (const name of commandNames) assert.equal(tasks[name]?.command, `./stiefelsystem ${name}`);
});

Deno.test("P4: every task says in a few words what it is for", async () => {
  const { tasks } = JSON.parse(await Deno.readTextFile(`${projectRoot}deno.json`));
  for (const [name, task] of Object.entries<{ description?: string }>(tasks)) {
    assert.match(task.description ?? "", /^.{5,70}$/, name);
  }
});

Deno.test("no environment variable is read that is not granted to somebody", () => {
  const granted = new Set(Object.values(commandGrants).flatMap(({ env }) => env));
  const read = [...sources.values()].filter(({ path }) =>
    /^(main\.ts|lib\/|agents\/)/.test(path) && !path.endsWith("_test.ts")
  ).flatMap(({ path, text }) =>
    [...text.matchAll(/(?:Deno\.env\.(?:get|has)\(|process\.env\[?\.?)"?([A-Z_]+)/g)].map((
      match,
    ) => [path, match[1] ?? ""])
  );
  assert.ok(read.length > 1);
  assert.deepEqual(read.filter(([, name]) => !granted.has(name ?? "")), []);
});

Deno.test("flags name no program twice and ask nothing", () => {
  for (const name of commandNames) {
    const flags = formatCommandGrants(commandGrants[name]);
    assert.ok(flags.includes("--no-prompt") && flags.includes("--ignore-env"), name);
    const run = flags.find((flag) => flag.startsWith("--allow-run="))?.slice("--allow-run=".length).split(",") ?? [];
    assert.equal(new Set(run).size, run.length, name);
    assert.ok(!flags.includes("--allow-run") && !flags.includes("--allow-all"), name);
    assert.ok(flags.every((flag) => /^--[\w=,./-]+$/.test(flag)), `${name}: a flag that a shell would cut`);
  }
});
