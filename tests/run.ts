/**
 * The test command: `deno task test [--yes] [--only GROUP,…] [FILES…]`.
 *
 * Names missing Debian packages and offers to install them, runs the groups one after the other, each with its own
 * grants, and ends with a line "N passed, N failed" (`deno test` prints another form), counted from the JUnit reports.
 *
 * The group `long` takes hours when emulated. It runs when it is named; where the variable CI is set, one of its files
 * runs beside the other groups, another one each day.
 */

import { pathToFileURL } from "node:url";
import { parseArgs } from "node:util";
import { offerPackages } from "../lib/debian/offer_packages.ts";
import { aavmf, ovmf } from "../lib/debian/ovmf.ts";
import { reportError } from "../lib/cli/report_error.ts";
import { createTerminalUi } from "../lib/cli/terminal_ui.ts";
import { UserError } from "../lib/errors.ts";
import { createRealSystem } from "../lib/system/real.ts";
import { projectRoot, readSources } from "./support/source_tree.ts";

interface Group {
  readonly name: string;
  readonly what: string;
  readonly files: readonly string[];
  readonly grants: readonly string[];
  /** Programs the tests start that a fresh Debian may lack. */
  readonly programs: readonly string[];
  /** It runs only when it is named. */
  readonly isOnDemand?: boolean;
  /** Its tests are in other groups, too: never beside them. */
  readonly isExtract?: boolean;
  /** Its files share one realm for each processor: one of its own costs each as much as its tests. */
  readonly isInLanes?: boolean;
  /** It has one processor busy: it runs beside the group before it, and is shown after that. */
  readonly isBeside?: boolean;
}

// Tests start whatever a host may have (shells under test, ip, nbdkit, mmdebstrap, qemu, our own agents with their
// real grants), so `--allow-run` names no programs here; the product's own tasks do.
const commonGrants = ["--allow-run", "--allow-read", "--allow-write", "--allow-env", "--allow-sys"];

const bashCompletion = "/usr/share/bash-completion/bash_completion";

const unitPrograms = [
  "shellcheck",
  "busybox",
  "dash",
  "ip",
  "lsblk",
  "nbdkit",
  "nbdinfo",
  "cpio",
  "zstd",
  "bsdtar",
  "mmdebstrap",
  "mkfs.ext4",
  "mkfs.vfat",
  "mmd",
  "sfdisk",
  "script",
  "tmux",
  "man",
  "mandoc",
  "wget",
  "zsh",
  "fish",
  bashCompletion,
];

const machinePrograms = [
  "qemu-system-x86_64",
  ovmf.secureBootCode,
  "mmdebstrap",
  "zstd",
  "bsdtar",
  "sfdisk",
  "mkfs.ext4",
  "mkfs.vfat",
  "mmd",
  "debugfs",
];

/** What a fast test does not do: start programs, write, use a network; and what takes seconds. */
const notFast = /createRealSystem|runProgram|\bDeno\.(?!errors|test|readTextFile|readFile|readDir|Test)/;
const slow = /^lib\/net\/|(?:property|fuzz|apply_undo|damaged_journal)_test\.ts$/;

const groups: readonly Group[] = [
  {
    name: "fast",
    what: "the part of unit that needs nothing but Deno, in seconds",
    files: (await readSources()).filter(({ path, text }) =>
      /_test\.ts$/.test(path) && /^(?:lib|agents)\/|^tests\/(?:support\/)?[a-z_]+_test/.test(path) &&
      !slow.test(path) &&
      !notFast.test(text)
    ).map(({ path }) => path),
    grants: ["--parallel", "--no-check", "--reporter=dot", "--allow-read", "--ignore-env"],
    programs: [],
    isOnDemand: true,
    isExtract: true,
    isInLanes: true,
  },
  {
    name: "unit",
    what: "what decides, the house, shell hooks",
    files: [
      "lib",
      "agents",
      "tests/architecture_test.ts",
      "tests/prose_test.ts",
      "tests/grants_test.ts",
      "tests/support",
      "tests/cli",
      "tests/shell",
    ],
    grants: [...commonGrants, "--allow-net", "--unstable-net"],
    programs: unitPrograms,
  },
  {
    name: "golden",
    what: "the part of unit that compares with golden files",
    files: [
      "lib/config",
      "lib/qemu",
      "agents/server/status_report_test.ts",
      "agents/shared/screen_test.ts",
      "lib/host/plan_setup_server_test.ts",
      "tests/cli/host_commands_test.ts",
      "tests/cli/json_results_test.ts",
      "tests/cli/stick_command_test.ts",
    ],
    grants: [...commonGrants, "--allow-net", "--unstable-net"],
    programs: unitPrograms,
    isOnDemand: true,
    isExtract: true,
  },
  {
    name: "host",
    what: "setting up a real Debian and taking it back",
    files: ["tests/host"],
    grants: commonGrants,
    isBeside: true,
    programs: ["mmdebstrap", "wg", "xz"],
  },
  {
    name: "network",
    what: "both agents in network namespaces",
    files: ["tests/network"],
    grants: [...commonGrants, "--allow-net", "--unstable-net"],
    programs: [
      "ip",
      "nbdkit",
      "nbdinfo",
      "wg",
      "wireguard-go",
      "nft",
      "mkfs.ext4",
      "curl",
      "ping",
      "script",
      "qemu-io",
      "mmdebstrap",
      "sysctl",
      "busybox",
      "dnsmasq",
    ],
  },
  {
    name: "qemu",
    what: "whole machines",
    files: ["tests/qemu"],
    grants: [...commonGrants, "--allow-net"],
    programs: machinePrograms,
  },
  {
    name: "long",
    what: "whole machines: other laptops, faults, firmware",
    files: ["tests/long"],
    grants: [...commonGrants, "--allow-net"],
    // What a second boot starts is signed anew.
    programs: [...machinePrograms, "qemu-system-aarch64", aavmf.secureBootCode, "osslsigncode", "ip", "dnsmasq"],
    isOnDemand: true,
  },
];

interface Count {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
}

/** Counts test cases of a JUnit report as `deno test --junit-path` writes it. */
function countJunit(xml: string): Count {
  let passed = 0, failed = 0, skipped = 0;
  for (const [, attributes = "", body = ""] of xml.matchAll(/<testcase\b([^>]*?)(?:\/>|>([\s\S]*?)<\/testcase>)/g)) {
    if (attributes === "" && body === "") continue;
    if (/<(failure|error)\b/.test(body)) failed++;
    else if (/<skipped\b/.test(body)) skipped++;
    else passed++;
  }
  return { passed, failed, skipped };
}

/** Files that import the tests. @returns their paths */
async function writeLanes(files: readonly string[], directory: string): Promise<readonly string[]> {
  const lanes = Array.from({ length: Math.min(navigator.hardwareConcurrency, files.length) }, (_, lane) => ({
    path: `${directory}/lane_${lane}_test.ts`,
    imported: files.filter((_, index) => index % navigator.hardwareConcurrency === lane),
  }));
  for (const { path, imported } of lanes) {
    const urls = imported.map((file) => pathToFileURL(projectRoot + file));
    await Deno.writeTextFile(path, urls.map((url) => `import ${JSON.stringify(url)};\n`).join(""));
  }
  return lanes.map(({ path }) => path);
}

interface Running {
  /** From now on its output is shown: what there is, then as it comes. */
  readonly show: () => void;
  readonly count: Promise<Count>;
}

async function startGroup(group: Group, files: readonly string[], directory: string): Promise<Running> {
  const started = group.isInLanes ? await writeLanes(files, directory) : files;
  const report = `${directory}/${group.name}.xml`;
  const child = new Deno.Command("deno", {
    args: [
      ...["test", "--quiet", "--no-prompt", `--config=${projectRoot}deno.json`, `--junit-path=${report}`],
      ...group.grants,
      ...started,
    ],
    cwd: projectRoot,
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
    env: Deno.stdout.isTerminal() ? { FORCE_COLOR: "1" } : {},
  }).spawn();
  const outputs = [holdOutput(child.stdout, Deno.stdout), holdOutput(child.stderr, Deno.stderr)];
  return {
    show: () => {
      console.error(`\n== ${group.name}: ${group.what}`);
      for (const { show } of outputs) show();
    },
    count: child.status.then(async ({ code }) => {
      await Promise.all(outputs.map(({ end }) => end));
      const count = countJunit(await Deno.readTextFile(report).catch(() => ""));
      // A file that does not compile, or a leak outside a test, fails the run without failing a case.
      return code !== 0 && count.failed === 0 ? { ...count, failed: 1 } : count;
    }),
  };
}

function holdOutput(
  from: ReadableStream<Uint8Array>,
  to: typeof Deno.stdout,
): { readonly show: () => void; readonly end: Promise<void> } {
  const kept: Uint8Array[] = [];
  let isShown = false;
  const flush = (): void => {
    for (const piece of kept.splice(0)) {
      for (let at = 0; at < piece.length;) at += to.writeSync(piece.subarray(at));
    }
  };
  const read = async (): Promise<void> => {
    for await (const piece of from) {
      kept.push(piece);
      if (isShown) flush();
    }
  };
  return {
    show: () => {
      isShown = true;
      flush();
    },
    end: read(),
  };
}

async function existing(files: readonly string[]): Promise<string[]> {
  const found = await Promise.all(files.map((file) => Deno.stat(projectRoot + file).then(() => [file], () => [])));
  return found.flat();
}

/** The file of a group whose turn it is: each day the next one. */
async function listFilesOfDay(group: Group, nowMs: number): Promise<readonly string[]> {
  const files: string[] = [];
  for (const directory of group.files) {
    for await (const { name } of Deno.readDir(projectRoot + directory)) {
      if (name.endsWith("_test.ts")) files.push(`${directory}/${name}`);
    }
  }
  const day = Math.floor(nowMs / 86_400_000);
  return files.sort().filter((_, index) => index === day % files.length);
}

async function main(): Promise<number> {
  const { values, positionals } = parseArgs({
    options: {
      yes: { type: "boolean", default: false },
      only: { type: "string" },
      help: { type: "boolean", default: false },
    },
    allowPositionals: true,
  });
  if (values.help) {
    console.log(`deno task test [--yes] [--only GROUP,…] [FILES…]

Runs the tests. Missing Debian packages are named and, after a question, installed (--yes: without a question).
Groups:
${
      groups.map(({ name, what, isOnDemand }) => `  ${name.padEnd(9)}${what}${isOnDemand ? " (only when named)" : ""}`)
        .join("\n")
    }`);
    return 0;
  }
  const isForCi = values.only === undefined && positionals.length === 0 && Boolean(Deno.env.get("CI"));
  const byDefault = groups.filter((group) =>
    !group.isExtract && (!group.isOnDemand || isForCi || positionals.length > 0)
  );
  const wanted = values.only?.split(",") ?? byDefault.map((group) => group.name);
  const unknown = wanted.filter((name) => !groups.some((group) => group.name === name));
  if (unknown.length > 0) {
    throw new UserError(`There is no test group "${unknown.join(", ")}"`, {
      hints: [`The groups are ${groups.map((group) => group.name).join(", ")}`],
      exitCode: 2,
    });
  }
  const chosen = groups.filter((group) => wanted.includes(group.name));
  const ui = createTerminalUi({ assumeYes: values.yes });
  const system = createRealSystem({ home: Deno.env.get("HOME") ?? "/" });
  await offerPackages(system, ui, [...new Set(chosen.flatMap((group) => group.programs))]);

  const directory = await Deno.makeTempDir({ prefix: "stiefelsystem-tests-" });
  const total = { passed: 0, failed: 0, skipped: 0 };
  try {
    const due = (await Promise.all(chosen.map(async (group) => {
      const inGroup = positionals.filter((file) => group.files.some((root) => file.startsWith(root)));
      const whole = group.isOnDemand && isForCi ? await listFilesOfDay(group, Date.now()) : await existing(group.files);
      return { group, files: positionals.length > 0 ? inGroup : whole };
    }))).filter(({ files }) => files.length > 0);
    while (due.length > 0) {
      // A group, and those right behind it that run beside it.
      const next = due.findIndex(({ group }, index) => index > 0 && !group.isBeside);
      const together = due.splice(0, next < 0 ? due.length : next);
      const running = await Promise.all(together.map(({ group, files }) => startGroup(group, files, directory)));
      for (const { show, count } of running) {
        show();
        const { passed, failed, skipped } = await count;
        total.passed += passed;
        total.failed += failed;
        total.skipped += skipped;
      }
    }
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
  const skipped = total.skipped > 0 ? `, ${total.skipped} skipped` : "";
  console.log(`${total.passed} passed, ${total.failed} failed${skipped}`);
  return total.failed > 0 || total.passed === 0 ? 1 : 0;
}

if (import.meta.main) {
  try {
    Deno.exitCode = await main();
  } catch (error) {
    const { lines, exitCode } = reportError(error);
    console.error(lines.join("\n"));
    Deno.exitCode = exitCode;
  }
}
