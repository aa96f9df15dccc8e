/** Telling everybody at the laptop: on terminals, and in desktop sessions with a button to say no. */
import type { RunningProcess, System } from "../../lib/system/system.ts";
import type { Console } from "../shared/console.ts";
import { describeError } from "../../lib/errors.ts";

export interface Session {
  readonly uid: number;
  readonly user: string;
}

/**
 * One entry for each user with a session.
 * @param text output of `loginctl list-sessions --no-legend` (loginctl(1)): session, uid, user, seat, …
 */
export function parseSessions(text: string): readonly Session[] {
  const users = new Map<number, Session>();
  for (const line of text.split("\n")) {
    // Names of domains have all sorts of characters: user@domain, DOMAIN\user.
    const match = /^\s*\S+\s+(\d+)\s+([^\s-]\S*)/.exec(line);
    if (match !== null) users.set(Number(match[1]), { uid: Number(match[1]), user: match[2] ?? "" });
  }
  return [...users.values()].slice(0, maximumSessions);
}

const maximumSessions = 16;
/** Also when the agent is about to end. */
const quickly = { timeoutMs: 5_000, isCleanup: true } as const;

/**
 * notify-send(1) as the session's user; with an action it stays until the notification is gone, and prints the action
 * that was chosen.
 */
export function notifyArguments(
  { user }: Session,
  { text, isCancellable }: { readonly text: string; readonly isCancellable: boolean },
): readonly string[] {
  return [
    ...["runuser", "-u", user, "--", "notify-send", "--app-name=stiefelsystem", "--urgency=critical"],
    ...isCancellable ? ["--action=cancel=Cancel"] : [],
    ...["--", "Stiefelsystem", text],
  ];
}

interface Message {
  readonly text: string;
  readonly isCancellable: boolean;
  /** Counted when it was begun. */
  readonly withdrawals: number;
}

export class Announcer {
  readonly #system: System;
  readonly #console: Console;
  readonly #onCancel: () => void;
  readonly #shown = new Set<RunningProcess>();
  /** How often notifications were withdrawn: one that was begun before is not shown any more. */
  #withdrawals = 0;

  /** @param onCancel runs when a user presses the button */
  constructor({ system, console }: { readonly system: System; readonly console: Console }, onCancel: () => void) {
    this.#system = system;
    this.#console = console;
    this.#onCancel = onCancel;
  }

  /**
   * Returns when it is shown. Logs what it cannot show, and goes on. Runs `wall`, `loginctl`, `runuser`, `stat`.
   */
  async announce(text: string, options: { readonly isCancellable: boolean }): Promise<void> {
    const message = { text, ...options, withdrawals: this.#withdrawals };
    await Promise.all([
      this.#quietly(() => this.#system.run(["wall", "--", text], quickly)),
      this.#quietly(() => this.#notify(message)),
    ]);
  }

  /** Ends notifications that still ask. */
  async withdraw(): Promise<void> {
    this.#withdrawals++;
    await Promise.all([...this.#shown].map((process) => process[Symbol.asyncDispose]()));
  }

  async #notify(message: Message): Promise<void> {
    const argv = ["loginctl", "list-sessions", "--no-legend", "--no-pager"];
    const { stdout } = await this.#system.run(argv, quickly);
    await Promise.all(parseSessions(stdout).map((session) => this.#notifyOne(session, message)));
  }

  async #notifyOne(session: Session, message: Message): Promise<void> {
    const runtime = `/run/user/${session.uid}`;
    // A session on a terminal need not have a message bus.
    const bus = await this.#system.run(["stat", `${runtime}/bus`], { ...quickly, acceptExitCodes: [0, 1] });
    if (bus.exitCode !== 0) return;
    const env = { XDG_RUNTIME_DIR: runtime, DBUS_SESSION_BUS_ADDRESS: `unix:path=${runtime}/bus` };
    if (!message.isCancellable) {
      await this.#quietly(() => this.#system.run(notifyArguments(session, message), { env, ...quickly }));
      return;
    }
    if (message.withdrawals !== this.#withdrawals) return; // looking for sessions took too long
    const process = this.#system.spawn(notifyArguments(session, message), {
      env,
      onLine: (line, from) => {
        if (from === "stdout" && line === "cancel") this.#onCancel();
      },
    });
    this.#shown.add(process);
    void process.exited.then(async ({ exitCode }) => {
      this.#shown.delete(process);
      // notify-send before 0.8 knows no actions
      if (exitCode !== undefined && exitCode !== 0) {
        await this.#quietly(() => this.#notifyOne(session, { ...message, isCancellable: false }));
      }
    });
  }

  async #quietly(tell: () => Promise<unknown>): Promise<void> {
    try {
      await tell();
    } catch (error) {
      this.#console.sayRarely(`Cannot announce the restart to everyone: ${describeError(error)}`);
    }
  }
}
