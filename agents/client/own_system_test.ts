import assert from "node:assert/strict";
import { createMemorySystem, type MemorySystem } from "../../tests/support/memory_system.ts";
import { StoppedByUser, UserError } from "../../lib/errors.ts";
import { sessionStatePath } from "../../lib/formats/session_state.ts";
import { type Console, NoTerminal } from "../shared/console.ts";
import { askToLeave, demandOwnSystem } from "./own_system.ts";

interface Desktop {
  readonly files?: readonly string[];
  readonly without?: readonly string[];
  readonly userId?: string;
  readonly hasKexec?: boolean;
  readonly isKexecDisabled?: boolean;
}

const usualFiles = [
  "/run/systemd/system/x",
  "/usr/bin/wg",
  "/lib64/ld-linux-x86-64.so.2",
  "/lib/x86_64-linux-gnu/libc.so.6",
];

function desktop({ files = [], without = [], ...facts }: Desktop): MemorySystem {
  const there = [...usualFiles, ...files].filter((path) => !without.includes(path));
  return createMemorySystem({
    files: Object.fromEntries(there.map((path) => [path, ""])),
    commands: [
      ([program]) => program === "id" ? `${facts.userId ?? "0"}\n` : undefined,
      ([program, path]) =>
        program !== "cat"
          ? undefined
          : path === "/sys/kernel/kexec_loaded"
          ? "0\n"
          : facts.isKexecDisabled
          ? "1\n"
          : "0\n",
      ([program]) => program === "kexec" && facts.hasKexec !== false ? "kexec-tools 2.0.29\n" : undefined,
      ([program]) => program === "busctl" ? '{"type":"a(ssssuu)","data":[[]]}' : undefined,
    ],
  });
}

Deno.test("a desktop's own Linux may be left when all that takes is there, wherever its libraries are", async () => {
  await demandOwnSystem(desktop({}));
  const elsewhere = desktop({ files: ["/usr/lib/libc.so.6"], without: ["/lib/x86_64-linux-gnu/libc.so.6"] });
  await demandOwnSystem(elsewhere);
});

Deno.test("what is missing on a desktop's own Linux is named before a laptop is asked", async () => {
  const cases: readonly (readonly [Desktop, RegExp])[] = [
    [{ files: [sessionStatePath] }, /runs from a laptop's disk already/],
    [{ without: ["/run/systemd/system/x"] }, /does not run systemd/],
    [{ userId: "1000" }, /takes root/],
    [{ isKexecDisabled: true }, /kexec is switched off/],
    [{ hasKexec: false }, /"kexec" is not installed/],
    [{ without: ["/usr/bin/wg"] }, /"\/usr\/bin\/wg" is not there/],
  ];
  for (const [facts, wanted] of cases) {
    await assert.rejects(demandOwnSystem(desktop(facts)), (error) => {
      assert.ok(error instanceof UserError);
      assert.match(error.message, wanted);
      return true;
    });
  }
});

function consoleThatAnswers(answer: (signal: AbortSignal) => Promise<string>): { console: Console; said: string[] } {
  const said: string[] = [];
  const console = {
    say: (line: string) => said.push(line),
    askLine: (_prompt: string, signal: AbortSignal) => answer(signal),
  };
  return { console: console as unknown as Console, said };
}

Deno.test("a system is left on yes alone, after it was told what happens", async () => {
  const { signal } = new AbortController();
  for (const yes of ["y", "yes", " Y "]) {
    const { console, said } = consoleThatAnswers(() => Promise.resolve(yes));
    await askToLeave(console, { title: "Debian", signal });
    assert.match(said.join("\n"), /starts "Debian" from the laptop/);
  }
  for (const no of ["", "n", "no", "yess", "j"]) {
    const { console } = consoleThatAnswers(() => Promise.resolve(no));
    await assert.rejects(askToLeave(console, { title: "Debian", signal }), StoppedByUser, no);
  }
  const { console } = consoleThatAnswers(() => Promise.reject(new NoTerminal()));
  await assert.rejects(askToLeave(console, { title: "Debian", signal }), /no terminal to ask on/);
});
