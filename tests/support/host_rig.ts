/**
 * A made-up host for tests of lib/host: a memory system with a fake systemctl and update-initramfs, and a user that
 * answers from a list.
 */

import type { Operation } from "../../lib/host/operations/kinds.ts";
import type { Answer, Progress, Question, Ui } from "../../lib/ui.ts";
import { StoppedByUser } from "../../lib/errors.ts";
import { createMemorySystem, type MemorySystem } from "./memory_system.ts";
import type { RunOptions, System } from "../../lib/system/system.ts";

export type ScriptedAnswer = Answer | "ctrl-c" | "meddle";

export interface ScriptedUi extends Ui {
  /** All that the command said, warned and showed. */
  readonly said: readonly string[];
  readonly questions: readonly Question[];
}

/**
 * Answers questions in order; when the list is at its end, the last answer counts again.
 * @param onMeddle another program changes the host while the question is open; then the answer is yes
 */
export function createScriptedUi(
  answers: readonly ScriptedAnswer[],
  options: {
    readonly color?: boolean;
    readonly onMeddle?: () => Promise<void> | void;
    /** What is typed where a text is asked for; then Ctrl-C. */
    readonly texts?: readonly string[];
  } = {},
): ScriptedUi {
  const said: string[] = [];
  const questions: Question[] = [];
  const texts = [...options.texts ?? []];
  const progress: Progress = { update: () => {}, note: () => {}, finish: () => {}, fail: () => {} };
  const next = (): ScriptedAnswer => answers[Math.min(questions.length, answers.length) - 1] ?? "yes";
  return {
    said,
    questions,
    result: (text) => void said.push(text),
    page: (text) => Promise.resolve(void said.push(...text.split("\n"))),
    say: (text) => void said.push(text),
    warn: (text) => void said.push(`Warning: ${text}`),
    progress: () => progress,
    ask: async (question) => {
      questions.push(question);
      const answer = next();
      if (answer === "ctrl-c") throw new StoppedByUser();
      if (answer !== "meddle") return answer;
      await options.onMeddle?.();
      return "yes";
    },
    confirm: (text) => {
      questions.push({ text });
      const answer = next();
      return answer === "ctrl-c" ? Promise.reject(new StoppedByUser()) : Promise.resolve(answer === "yes");
    },
    askText: (text) => {
      questions.push({ text });
      const typed = texts.shift();
      return typed === undefined ? Promise.reject(new StoppedByUser()) : Promise.resolve(typed);
    },
    askSecret: () => Promise.reject(new StoppedByUser()),
    screen: () => ({ columns: 80, rows: undefined }),
    isTerminal: false,
    color: options.color ?? false,
  };
}

export const wantsDirectory = "/etc/systemd/system/multi-user.target.wants";
export const ownInitramfs = "/boot/initrd.img-6.12.0";

export interface HostRigOptions {
  readonly files: Readonly<Record<string, string>>;
  readonly symlinks?: Readonly<Record<string, string>>;
}

/** The initramfs that the fake update-initramfs makes differs each time, as a real one does. */
export function createHostRig({ files, symlinks = {} }: HostRigOptions): MemorySystem {
  let builds = 0;
  const running = new Set<string>();
  const system: MemorySystem = createMemorySystem({
    // systemd runs (sd_booted(3)).
    files: { "/run/systemd/system/x": "", ...files },
    symlinks,
    commands: [systemctl, updateInitramfs],
  });

  async function systemctl(argv: readonly string[]): Promise<string | number | undefined> {
    if (argv[0] !== "systemctl") return undefined;
    const words = argv.slice(1).filter((word) => !word.startsWith("--"));
    const [verb, unit = ""] = words;
    const link = `${wantsDirectory}/${unit}`;
    if (verb === "is-enabled") {
      const isThere = system.files.has(link);
      return isThere ? "enabled\n" : 1;
    }
    if (verb === "is-active") return running.has(unit) ? "" : 3;
    if (verb === "restart") running.add(unit);
    if (verb === "stop" || argv.includes("--now")) running.delete(unit);
    if (verb === "enable") await system.writeFile(link, "link\n", { mode: 0o777 });
    if (verb === "disable") {
      await system.remove(link);
      if ((await system.readDirectory(wantsDirectory)).length === 0) await system.removeOne(wantsDirectory);
    }
    return "";
  }

  async function updateInitramfs(argv: readonly string[]): Promise<string | undefined> {
    if (argv[0] !== "update-initramfs") return undefined;
    const hooks = [...system.files].filter(([path]) => path.startsWith("/etc/initramfs-tools/hooks/"));
    const content = hooks.map(([path, file]) => `${path}: ${new TextDecoder().decode(file.content)}`).join("\n");
    await system.writeFile(ownInitramfs, `build ${++builds}\n${content}`);
    await system.writeFile("/var/lib/initramfs-tools/6.12.0", `sum ${builds}`);
    return "";
  }

  return system;
}

/** All there is, as one comparable value. */
export function snapshot(system: MemorySystem): Readonly<Record<string, string>> {
  const owned = ({ mode, uid, gid }: { mode: number; uid: number; gid: number }): string =>
    `${mode.toString(8)} ${uid}:${gid}`;
  const entries = [
    ...[...system.files].map(([path, file]) => {
      return [path, `${owned(file)} ${file.modifiedMs} ${new TextDecoder().decode(file.content)}`] as const;
    }),
    ...[...system.directories].map(([path, directory]) => [path, `directory ${owned(directory)}`] as const),
    ...[...system.symlinks].map(([path, target]) => [path, `-> ${target}`] as const),
  ];
  return Object.fromEntries(entries.sort(([one], [other]) => one < other ? -1 : 1));
}

const mutating = new Set<keyof System>([
  "writeFile",
  "writeStream",
  "makeDirectory",
  "rename",
  "remove",
  "removeOne",
  "chmod",
  "chown",
  "copyExactly",
  "tryLock",
]);

/** The power fails. */
export class PowerCut extends Error {}

/**
 * A system that loses power: the `lives`-th change and everything after it fail. A command that changes something is
 * cut off after it has done its work and before it could say so.
 */
export function cutPowerAfter(
  system: System,
  lives: number,
): { readonly system: System; readonly isDead: () => boolean } {
  let left = lives;
  let isDead = false;
  const spend = (): void => {
    if (isDead || left-- <= 0) {
      isDead = true;
      throw new PowerCut("no power");
    }
  };
  const wrapped = new Proxy(system, {
    get: (target, name: keyof System) => {
      if (name === "run") {
        return async (argv: readonly string[], options?: RunOptions) => {
          if (isDead) throw new PowerCut("no power");
          const output = await target.run(argv, options);
          if (!argv.includes("is-enabled") && !argv.includes("is-active")) spend();
          return output;
        };
      }
      const value = target[name];
      if (!mutating.has(name) || typeof value !== "function") return value;
      return async (...args: readonly unknown[]) => {
        spend();
        return await Reflect.apply(value, target, args);
      };
    },
  });
  return { system: wrapped, isDead: () => isDead };
}

/** A plain file, written for a test. */
export function writeOperation(path: string, text: string): Operation {
  const described = { id: path, what: `write ${path}`, why: "For the test", needs: [] };
  return { ...described, kind: "write-file", path, content: { kind: "text", text }, mode: 0o644, isSecret: false };
}
