/**
 * The part "links" of `bench`: how soon a desktop has found its laptop, and tried jumbo frames, once its cable is in,
 * by how many cards it has. Both agents as they are in the sources, with the grants of the image, in network
 * namespaces. Needs root; runs `ip`, and by it Deno.
 */
import { offerPackages } from "../../debian/offer_packages.ts";
import { CommandError, UserError } from "../../errors.ts";
import { agentGrants, formatGrants } from "../../grants.ts";
import type { Role } from "../../formats/kernel_command_line.ts";
import { SHARED_KEY_BYTES } from "../../protocol/keys.ts";
import type { LinkFigure } from "../../qemu/bench_result.ts";
import type { System } from "../../system/system.ts";
import { showStep, type Ui } from "../../ui.ts";
import type { MachineOptions } from "./prepare_machines.ts";

/** Cards of the desktop; the laptop is behind the last one, the others have a cable to nothing. */
const cardCounts = [1, 2, 4, 8] as const;
/** Of each the one in the middle is taken. */
const rounds = 5;
const limitMs = 60_000;
/** The kernel tells a port of its carrier at most once a second (net/core/link_watch.c); no switch is measured. */
const restMs = 1_100;

/** @throws {UserError} where namespaces cannot be made, or a laptop is not found */
export async function benchLinks(system: System, ui: Ui, options: MachineOptions): Promise<readonly LinkFigure[]> {
  await offerPackages(system, ui, ["ip", "ping"]);
  await system.makeDirectory(options.runDirectory);
  const figures: LinkFigure[] = [];
  for (const [cards, jumbo] of [false, true].flatMap((each) => cardCounts.map((count) => [count, each] as const))) {
    const times: number[] = [];
    for (let round = 0; round < rounds; round++) {
      times.push(
        await showStep(
          ui.progress(`Finding the laptop, ${cards} ${cards === 1 ? "card" : "cards"}${jumbo ? ", jumbo frames" : ""}`),
          () => findOnce(system, { cards, jumbo, options }),
          (ms) => `${ms.toFixed(0)} ms`,
        ),
      );
    }
    times.sort((a, b) => a - b);
    figures.push({ cards, jumbo, foundMs: Math.round(times[Math.floor(rounds / 2)] ?? 0) });
  }
  return figures;
}

interface Place {
  readonly cards: number;
  readonly jumbo: boolean;
  readonly options: MachineOptions;
}

/** @returns milliseconds from plugging the cable in, `ip` that does it included, to the desktop's word */
async function findOnce(system: System, place: Place): Promise<number> {
  const { cards, jumbo, options } = place;
  await using stack = new AsyncDisposableStack();
  const directory = await system.makeTempDirectory({ parent: options.runDirectory, prefix: "links-" });
  stack.defer(() => system.remove(directory));
  await system.writeFile(`${directory}/key`, system.randomBytes(SHARED_KEY_BYTES), { mode: 0o600 });
  const name = `stiefel-bench-${system.randomBytes(4).toHex()}`;
  const [laptop, desktop, middle] = [`${name}-laptop`, `${name}-desktop`, `${name}-switch`];
  for (const namespace of [laptop, desktop, middle]) {
    await ip(system, ["netns", "add", namespace]).catch((error) => {
      if (!(error instanceof CommandError)) throw error;
      throw new UserError(`Cannot make a network namespace: ${error.message}`, {
        hints: ['"bench links" needs root'],
        cause: error,
      });
    });
    stack.defer(() => ip(system, ["netns", "delete", namespace], { isCleanup: true }));
    // As in the image (start-devices).
    await ip(system, ["netns", "exec", namespace, "sysctl", "-qw", "net.ipv6.conf.default.accept_dad=0"]);
  }
  await ip(system, cable(laptop, "eth0", middle, "laptop"));
  for (let card = 0; card < cards; card++) await ip(system, cable(desktop, `eth${card}`, middle, `d${card}`));
  const last = `d${cards - 1}`;
  await ip(system, ["-netns", middle, "link", "add", "dev", "bridge", "type", "bridge", "mcast_snooping", "0"]);
  await ip(system, ["-netns", middle, "link", "set", "dev", "bridge", "up"]);
  for (const port of ["laptop", last]) {
    await ip(system, ["-netns", middle, "link", "set", "dev", port, "mtu", "9000", "master", "bridge"]);
  }
  // Agents set what they raise to jumbo frames; what is up stays as it is.
  if (!jumbo) {
    await ip(system, ["-netns", laptop, "link", "set", "dev", "eth0", "up"]);
    for (let card = 0; card < cards; card++) {
      await ip(system, ["-netns", desktop, "link", "set", "dev", `eth${card}`, "up"]);
    }
  }
  await ip(system, ["-netns", middle, "link", "set", "dev", "laptop", "up"]);

  const server = stack.use(startAgent(system, "server", { ...place, directory, namespace: laptop }));
  await server.wait(/^State, for a computer on the cable of eth0/);
  const client = stack.use(startAgent(system, "client", { ...place, directory, namespace: desktop }));
  await client.wait(new RegExp(`\\beth${cards - 1} no cable`));
  for (let card = 0; card < cards - 1; card++) {
    await ip(system, ["-netns", middle, "link", "set", "dev", `d${card}`, "up"]);
  }
  if (cards > 1) await client.wait(new RegExp(`\\beth${cards - 2} (?:connected|\\d+ Mbit/s)`));
  await system.delay(restMs, options.signal);
  const startedMs = system.monotonicMs();
  await ip(system, ["-netns", middle, "link", "set", "dev", last, "up"]);
  return await client.wait(/ step=found /) - startedMs;
}

interface RunningAgent extends AsyncDisposable {
  /** @returns when the line came. @throws {UserError} when it does not */
  wait(pattern: RegExp): Promise<number>;
}

function startAgent(
  system: System,
  role: Role,
  { options, directory, namespace }: Place & { readonly directory: string; readonly namespace: string },
): RunningAgent {
  const { path: deno, environment } = options.image.deno;
  const work = `${directory}/${role}`;
  const own = agentGrants[role];
  const grants = { ...own, read: own.read === "all" ? own.read : [...own.read, directory], write: [directory] };
  // A disk that is not there: the answer to the search is all that is measured.
  const particulars = role === "server"
    ? ["--disk", "/dev/none", "--on-end", "wait", "--handover-dir", `${work}/handover`]
    : ["--no-kexec"];
  const lines: { readonly line: string; readonly atMs: number }[] = [];
  let changed = Promise.withResolvers<void>();
  const wake = (): void => {
    changed.resolve();
    changed = Promise.withResolvers<void>();
  };
  const main = `${options.projectDirectory}/agents/${role}/main.ts`;
  const child = system.spawn([
    ...["ip", "netns", "exec", namespace, deno, "run", "--quiet", ...formatGrants(grants), main],
    ...["--key", `${directory}/key`, "--work-dir", work, ...particulars],
  ], {
    env: environment,
    onLine: (line) => {
      lines.push({ line, atMs: system.monotonicMs() });
      wake();
    },
  });
  let isOver = false;
  void child.exited.then(() => {
    isOver = true;
    wake();
  });
  return {
    wait: async (pattern) => {
      const timeout = new AbortController();
      const late = system.delay(limitMs, timeout.signal).then(() => {
        isOver = true;
        wake();
      }, () => {});
      try {
        for (;;) {
          const found = lines.find(({ line }) => pattern.test(line));
          if (found !== undefined) return found.atMs;
          if (isOver) {
            throw new UserError(`The ${role}'s agent did not print ${pattern} in ${limitMs / 1000} s`, {
              hints: lines.slice(-5).map(({ line }) => line),
            });
          }
          await changed.promise;
        }
      } finally {
        timeout.abort();
        await late;
      }
    },
    [Symbol.asyncDispose]: () => child[Symbol.asyncDispose](),
  };
}

function cable(one: string, link: string, other: string, otherLink: string): readonly string[] {
  return [
    ...["link", "add", "name", link, "netns", one, "type", "veth"],
    ...["peer", "name", otherLink, "netns", other],
  ];
}

async function ip(system: System, words: readonly string[], options: { isCleanup?: true } = {}): Promise<void> {
  await system.run(["ip", ...words], { timeoutMs: 30_000, ...options });
}
