/** A terminal with one program in it, for tests: tmux plays it. */

import { quoteCommand } from "../../lib/errors.ts";
import { createRealSystem } from "../../lib/system/real.ts";

const system = createRealSystem({ home: Deno.env.get("HOME") ?? "/" });

export const hasTmux = await system.run(["tmux", "-V"]).then(() => true, () => false);

export interface TerminalOptions {
  /** Added to the environment of the program. */
  readonly env?: Readonly<Record<string, string>>;
  /** Default 80. */
  readonly columns?: number;
  /** Default 300: nothing scrolls away. */
  readonly rows?: number;
  readonly cwd?: string;
}

export interface Terminal extends AsyncDisposable {
  /** A key by tmux' name ("Up", "C-c"), or a letter. */
  press(...keys: readonly string[]): Promise<void>;
  /** Exactly these bytes. */
  send(bytes: string): Promise<void>;
  /** What can be seen. */
  screen(...flags: readonly string[]): Promise<string>;
  /** What can be seen, and what has scrolled away. */
  history(): Promise<string>;
  /** @returns the screen on which it was seen */
  waitFor(wanted: RegExp): Promise<string>;
  /** @param message for when it does not come true. @returns the screen on which it was */
  waitUntil(isThere: (screen: string) => boolean, message: string): Promise<string>;
}

/**
 * The program is followed by "EXIT status" and by "SANE" when the terminal's settings are as they were before
 * ("CHANGED" and both settings otherwise), typed output included: what the program has left undone would swallow them.
 */
export async function openTerminal(argv: readonly string[], options: TerminalOptions = {}): Promise<Terminal> {
  const { env = {}, columns = 80, rows = 300, cwd } = options;
  const server = `stiefel-${crypto.randomUUID().slice(0, 8)}`;
  const command = quoteCommand(["env", ...Object.entries(env).map(([name, value]) => `${name}=${value}`), ...argv]);
  const tmux = async (...words: readonly string[]): Promise<string> =>
    (await system.run(["tmux", "-L", server, "-f", "/dev/null", ...words], { env: { TERM: "xterm-256color" } })).stdout;
  const checked =
    `trap : INT; before=$(stty -g); ${command}; echo "EXIT $?"; after=$(stty -g); if [ "$before" = "$after" ]; then echo SANE; else echo CHANGED; stty -a; fi; sleep 60`;
  const size = ["-x", String(columns), "-y", String(rows)];
  await tmux("new-session", "-d", ...size, ...cwd === undefined ? [] : ["-c", cwd], checked);
  const screen = async (...flags: readonly string[]): Promise<string> =>
    (await tmux("capture-pane", "-p", ...flags)).trimEnd();
  async function waitUntil(isThere: (screen: string) => boolean, message: string): Promise<string> {
    const waitMs = 30;
    for (let waitedMs = 0; waitedMs < 30_000; waitedMs += waitMs) {
      const text = await screen();
      if (isThere(text)) return text;
      await system.delay(waitMs);
    }
    throw new Error(`${message}\n${await screen()}`);
  }
  return {
    press: async (...keys) => void await tmux("send-keys", ...keys),
    send: async (bytes) => {
      const hex = [...new TextEncoder().encode(bytes)].map((byte) => byte.toString(16).padStart(2, "0"));
      await tmux("send-keys", "-H", ...hex);
    },
    screen,
    history: () => screen("-S", "-"),
    waitFor: (wanted) => waitUntil((text) => wanted.test(text), `Not seen on the terminal: ${wanted}`),
    waitUntil,
    [Symbol.asyncDispose]: async () => void await tmux("kill-server"),
  };
}
