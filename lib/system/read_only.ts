/**
 * A system that changes nothing: for dry runs. What would change something is a programmer's error, and is refused
 * before it is done.
 */

import type { System } from "./system.ts";

/** Functions that look. A function that is new in {@link System} changes things until it stands here. */
const looking: ReadonlySet<keyof System> = new Set<keyof System>([
  "readFile",
  "readText",
  "openRead",
  "lstat",
  "stat",
  "readDirectory",
  "readLink",
  "realPath",
  "monotonicMs",
  "wallClockMs",
  "processor",
  "delay",
  "randomBytes",
]);

/** Programs that only look, whatever their arguments are in this project. */
const lookingPrograms: ReadonlySet<string> = new Set(["cat", "findmnt", "id", "ls", "lsblk", "udevadm"]);
/** What systemctl(1) answers without changing anything; options may stand before it. */
const lookingVerbs: ReadonlySet<string> = new Set(["is-active", "is-enabled"]);

/**
 * @returns the same system, which throws a TypeError in place of every change and of every program that is not known
 *   to
 *   look only
 */
export function createReadOnlySystem(system: System): System {
  return new Proxy(system, {
    get: (target, name: keyof System) => {
      if (name === "run") {
        return ((argv, options) => {
          if (!looksOnly(argv)) return refuse(`run "${argv.join(" ")}"`);
          return target.run(argv, options);
        }) satisfies System["run"];
      }
      if (looking.has(name) || typeof target[name] !== "function") return target[name];
      return (...args: readonly unknown[]) => refuse(`${name} "${args[0]}"`);
    },
  });
}

function looksOnly([program = "", ...args]: readonly string[]): boolean {
  if (program !== "systemctl") return lookingPrograms.has(program);
  return lookingVerbs.has(args.find((word) => !word.startsWith("-")) ?? "");
}

function refuse(what: string): Promise<never> {
  return Promise.reject(new TypeError(`A dry run may not ${what}`));
}
