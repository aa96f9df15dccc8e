/**
 * Programs that must not do on this machine what they do on another: scripts that write down their arguments. They lie
 * over /usr/local/sbin, which comes first in every program's PATH, in the mount namespace that `ip netns exec` gives
 * to what it starts.
 */
export interface StandIns {
  /** The command that runs `argv` with the stand-ins. */
  wrap(argv: readonly string[]): readonly string[];
  /** What they were called with, in order. */
  readLog(): Promise<readonly string[]>;
  /** Waits for a line of it. @throws when it does not come within 20 s */
  waitForLog(pattern: RegExp): Promise<void>;
}

/**
 * @param directory where they are kept, with their log
 * @param programs name to a script in POSIX sh; `$D` is the directory, `$D/log` the log
 */
export async function layStandIns(
  directory: string,
  programs: Readonly<Record<string, string>>,
): Promise<StandIns> {
  const place = `${directory}/sbin`;
  await Deno.remove(`${directory}/log`).catch(() => {});
  await Deno.mkdir(place, { recursive: true });
  for (const [name, body] of Object.entries(programs)) {
    await Deno.writeTextFile(`${place}/${name}`, `#!/bin/sh\nD=${directory}\n${body}\n`, { mode: 0o755 });
  }
  const readLog = async (): Promise<readonly string[]> => {
    const text = await Deno.readTextFile(`${directory}/log`).catch(() => "");
    return text.split("\n").filter((line) => line !== "");
  };
  return {
    wrap: (argv) => ["sh", "-c", 'mount --bind "$0" /usr/local/sbin && exec "$@"', place, ...argv],
    readLog,
    waitForLog: async (pattern) => {
      for await (const _ of changes(directory, 20_000)) {
        if ((await readLog()).some((line) => pattern.test(line))) return;
      }
      throw new Error(`Not in the log in time: ${pattern}\n${(await readLog()).join("\n")}`);
    },
  };
}

/** Once now, and after each change in a directory, until the time is over. */
async function* changes(directory: string, timeoutMs: number): AsyncGenerator<void> {
  using watcher = Deno.watchFs(directory);
  const timer = setTimeout(() => watcher.close(), timeoutMs);
  try {
    yield;
    for await (const _ of watcher) yield;
  } finally {
    clearTimeout(timer);
  }
}
