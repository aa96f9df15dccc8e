/**
 * Machines and cables for tests: network namespaces and veth pairs, with agents running in them under the very grants
 * of the image. Needs root and `ip`; names of namespaces start with "stiefel-".
 */
import { createRealSystem } from "../../lib/system/real.ts";
import type { RunningProcess } from "../../lib/system/system.ts";

const system = createRealSystem();

/** Why tests with namespaces cannot run here; undefined when they can. */
export const whyNoRig: string | undefined = await findOutWhyNoRig();

async function findOutWhyNoRig(): Promise<string | undefined> {
  const name = `stiefel-probe-${Deno.pid}`;
  try {
    await system.run(["ip", "netns", "add", name]);
    await system.run(["ip", "netns", "delete", name]);
    return undefined;
  } catch (error) {
    return `network namespaces cannot be made here (needs root): ${error instanceof Error ? error.message : error}`;
  }
}

/** A test with namespaces; where they cannot be had it is skipped, and the reason is printed. */
export function rigTest(name: string, body: () => Promise<void>): void {
  if (whyNoRig !== undefined) console.log(`skipped: ${name}: ${whyNoRig}`);
  Deno.test({ name, ignore: whyNoRig !== undefined, fn: body });
}

export interface RunningAgent extends AsyncDisposable {
  readonly pid: number;
  /** All lines so far, standard output and error. */
  readonly lines: readonly string[];
  readonly exited: RunningProcess["exited"];
  /**
   * The first line that matches, also one of those printed already.
   * @param options.timeoutMs default: 20 s
   * @param options.from counts lines from 0: those before it are not looked at
   * @throws when it does not come in time or the program ended
   */
  waitForLine(pattern: RegExp, options?: { readonly timeoutMs?: number; readonly from?: number }): Promise<string>;
  kill(): Promise<void>;
}

export class Machine {
  readonly name: string;
  readonly namespace: string;
  readonly directory: string;

  constructor(name: string, namespace: string, directory: string) {
    this.name = name;
    this.namespace = namespace;
    this.directory = directory;
  }

  /** Runs a program on this machine. @returns its standard output */
  async run(argv: readonly string[], options: { readonly acceptExitCodes?: readonly number[] } = {}): Promise<string> {
    const output = await system.run(["ip", "netns", "exec", this.namespace, ...argv], {
      timeoutMs: 60_000,
      ...options,
    });
    return output.stdout;
  }

  start(argv: readonly string[]): RunningAgent {
    return watch(["ip", "netns", "exec", this.namespace, ...argv]);
  }

  /** The link-local address of a link, waiting until it can be used. */
  async linkLocalAddress(link: string): Promise<string> {
    for (let tries = 0; tries < 50; tries++) {
      const text = await this.run(["ip", "-json", "-6", "address", "show", "dev", link, "scope", "link", "-tentative"]);
      const address = /"local":"(fe80[^"]+)"/.exec(text)?.[1];
      if (address !== undefined) return address;
      await system.delay(100);
    }
    throw new Error(`${link} of ${this.namespace} has no link-local address`);
  }
}

export type Cable = readonly [machine: string, link: string, otherMachine: string, otherLink: string];

export interface Rig extends AsyncDisposable {
  machine(name: string): Machine;
  /** Names of the programs that run on a machine. */
  processes(machine: string): Promise<readonly string[]>;
  /** Connects two machines that the rig has with a further cable. */
  plug(cable: Cable): Promise<void>;
  /** A directory that all machines see. */
  readonly directory: string;
}

let rigs = 0;

/** Links are made but left down: agents bring up what they need. */
export async function createRig(cables: readonly Cable[]): Promise<Rig> {
  const prefix = `stiefel-${Deno.pid}-${++rigs}`;
  const directory = await Deno.makeTempDir({ prefix: "stiefel-rig-" });
  const machines = new Map<string, Machine>();
  const stack = new AsyncDisposableStack();
  stack.defer(() => Deno.remove(directory, { recursive: true }));
  const plug = async ([a, linkA, b, linkB]: Cable): Promise<void> => {
    const ends = [
      "name",
      linkA,
      "netns",
      `${prefix}-${a}`,
      "type",
      "veth",
      "peer",
      "name",
      linkB,
      "netns",
      `${prefix}-${b}`,
    ];
    await system.run(["ip", "link", "add", ...ends]);
  };
  try {
    for (const name of new Set(cables.flatMap(([a, , b]) => [a, b]))) {
      const namespace = `${prefix}-${name}`;
      await system.run(["ip", "netns", "add", namespace]);
      stack.defer(async () => {
        await endPrograms(namespace);
        await system.run(["ip", "netns", "delete", namespace]);
      });
      await system.run(["ip", "-netns", namespace, "link", "set", "lo", "up"]);
      await Deno.mkdir(`${directory}/${name}`);
      machines.set(name, new Machine(name, namespace, `${directory}/${name}`));
    }
    for (const cable of cables) await plug(cable);
  } catch (error) {
    await stack.disposeAsync();
    throw error;
  }
  return {
    directory,
    plug,
    processes: async (name) => {
      const pids = await listPids(`${prefix}-${name}`);
      // proc_pid_comm(5); a process may end while we look
      const names = pids.map(async (pid) =>
        (await system.run(["cat", `/proc/${pid}/comm`], { acceptExitCodes: [0, 1] })).stdout.trim()
      );
      return await Promise.all(names);
    },
    machine: (name) => {
      const machine = machines.get(name);
      if (machine === undefined) throw new Error(`No machine "${name}" in this rig`);
      return machine;
    },
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  };
}

async function listPids(namespace: string): Promise<readonly string[]> {
  return (await system.run(["ip", "netns", "pids", namespace])).stdout.split("\n").filter((pid) => pid !== "");
}

/** What a machine's programs have started goes on when those have ended, and writes into the rig's directory. */
async function endPrograms(namespace: string): Promise<void> {
  const endMs = system.monotonicMs() + 10_000;
  for (;;) {
    const pids = await listPids(namespace);
    if (pids.length === 0) return;
    if (system.monotonicMs() > endMs) throw new Error(`Programs of ${namespace} do not end: ${pids.join(", ")}`);
    await system.run(["kill", "-KILL", ...pids], { acceptExitCodes: [0, 1] });
    await system.delay(20);
  }
}

/** npm packages come from where this test has them: there is no internet in a namespace. */
export function denoDirectory(): string {
  return Deno.env.get("DENO_DIR") ?? `${Deno.env.get("HOME") ?? ""}/.cache/deno`;
}

/** No program of a test runs longer: what waits for its end learns what it had printed. */
const runLimitMs = 240_000;

function watch(argv: readonly string[]): RunningAgent {
  const lines: string[] = [];
  let changed = Promise.withResolvers<void>();
  let isOver = false;
  const wake = (): void => {
    changed.resolve();
    changed = Promise.withResolvers<void>();
  };
  const child = system.spawn(argv, {
    env: { DENO_DIR: denoDirectory() },
    onLine: (line) => {
      lines.push(line);
      if (Deno.env.get("STIEFEL_TEST_VERBOSE") !== undefined) console.log(`${child.pid}: ${line}`);
      wake();
    },
  });
  const limit = setTimeout(() => {
    lines.push(`(still ran after ${runLimitMs / 1000} s, and was ended by the test)`);
    child.kill("SIGKILL");
  }, runLimitMs);
  const exited = child.exited.then((status) => {
    clearTimeout(limit);
    isOver = true;
    wake();
    return status;
  });
  return {
    pid: child.pid,
    lines,
    exited,
    waitForLine: async (pattern, { timeoutMs = 20_000, from = 0 } = {}) => {
      let isLate = false;
      const timer = setTimeout(() => {
        isLate = true;
        wake();
      }, timeoutMs);
      try {
        for (;;) {
          const line = lines.slice(from).find((candidate) => pattern.test(candidate));
          if (line !== undefined) return line;
          if (isLate || isOver) {
            throw new Error(`${isOver ? "Ended without" : "Did not print in time"}: ${pattern}\n${lines.join("\n")}`);
          }
          await changed.promise;
        }
      } finally {
        clearTimeout(timer);
      }
    },
    kill: async () => {
      child.kill("SIGKILL");
      await exited;
    },
    [Symbol.asyncDispose]: async () => {
      await child[Symbol.asyncDispose]();
    },
  };
}
