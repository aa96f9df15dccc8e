/** A long text on a terminal, page by page, with a program the user knows. */

import { StoppedByUser } from "../errors.ts";

/**
 * Programs that may be started for it; each reads standard input and its keys from the terminal. `pager` is Debian's
 * choice of the user.
 */
const knownPagers = ["less", "pager", "more", "most"] as const;

/** less(1): -F ends at once when all fits, -R lets colours through, -X leaves the text on the screen. */
const lessOptions = ["-F", "-R", "-X"];

/**
 * Which pagers to try, in order. Pure.
 * @param pager the variable PAGER
 * @returns argument lists; none when the user wants none ("cat", or empty)
 */
export function choosePagers(pager: string | undefined): readonly (readonly string[])[] {
  const [program, ...words] = (pager ?? "").trim().split(/\s+/);
  if (pager !== undefined && (program === "" || program === "cat")) return [];
  const name = program?.split("/").at(-1) ?? "";
  const first = (knownPagers as readonly string[]).includes(name) ? [[name, ...words]] : [];
  const withOptions = (argv: readonly string[]): readonly string[] =>
    argv[0] === "less" ? [...argv, ...lessOptions] : argv;
  return [...first, ["less"], ["more"]].map(withOptions);
}

/**
 * Needs to run one of the programs; without the right to, there is no pager.
 * @param signal ends the pager, which puts the terminal in order itself
 * @returns whether the text was shown
 * @throws {StoppedByUser} when the signal has ended it
 */
export async function runPager(text: string, signal: AbortSignal | undefined): Promise<boolean> {
  for (const [program = "", ...args] of choosePagers(readVariable("PAGER"))) {
    const child = start(program, args);
    if (child === undefined) continue;
    const stop = (): void => child.kill("SIGTERM");
    signal?.addEventListener("abort", stop, { once: true });
    try {
      const writer = child.stdin.getWriter();
      // Who leaves before the end closes it.
      await writer.write(new TextEncoder().encode(`${text}\n`)).then(() => writer.close()).catch(() => {});
      await child.status;
    } finally {
      signal?.removeEventListener("abort", stop);
    }
    if (signal?.aborted) throw new StoppedByUser();
    return true;
  }
  return false;
}

function start(program: string, args: readonly string[]): Deno.ChildProcess | undefined {
  try {
    return new Deno.Command(program, { args: [...args], stdin: "piped", stdout: "inherit", stderr: "inherit" }).spawn();
  } catch (error) {
    if (error instanceof Deno.errors.NotFound || error instanceof Deno.errors.NotCapable) return undefined;
    throw error;
  }
}

function readVariable(name: string): string | undefined {
  try {
    return Deno.env.get(name);
  } catch (error) {
    if (error instanceof Deno.errors.NotCapable) return undefined;
    throw error;
  }
}
