import assert from "node:assert/strict";
import { createRealSystem } from "../../lib/system/real.ts";
import type { RunningProcess } from "../../lib/system/system.ts";
import type { ConsoleLine } from "../../lib/qemu/console.ts";
import { openConsoleShell } from "./console_shell.ts";
import type { Vm } from "../../lib/qemu/run_vm.ts";

const system = createRealSystem();

/** A machine that is nothing but a real shell on a terminal (script(1)). */
function createShellMachine(): { readonly vm: Vm; readonly process: RunningProcess } {
  const lines: ConsoleLine[] = [];
  let wake = Promise.withResolvers<void>();
  const keyboard = new TransformStream<Uint8Array<ArrayBuffer>>();
  const writer = keyboard.writable.getWriter();
  const process = system.spawn(["script", "-qfc", "sh", "/dev/null"], {
    input: keyboard.readable,
    onLine: (text) => {
      lines.push({ atMs: 0, text });
      wake.resolve();
      wake = Promise.withResolvers();
    },
  });
  const vm: Pick<Vm, "name" | "lines" | "logPath" | "type" | "waitForLine"> = {
    name: "shell",
    lines,
    logPath: "/log",
    type: (text) => void writer.write(new TextEncoder().encode(text)).catch(() => {}),
    waitForLine: async (pattern, { timeoutMs, from = 0 }) => {
      const late = AbortSignal.timeout(timeoutMs);
      for (;;) {
        const found = lines.slice(from).find((line) => pattern.test(line.text));
        if (found !== undefined) return found;
        late.throwIfAborted();
        await Promise.race([wake.promise, system.delay(100)]);
      }
    },
  };
  return { vm: vm as Vm, process };
}

Deno.test("a command's lines and exit status come back, and what it sets is gone afterwards", async () => {
  const { vm, process } = createShellMachine();
  await using _process = process;
  const shell = await openConsoleShell(system, vm, { timeoutMs: 10_000 });
  const options = { timeoutMs: 10_000 };
  const { exitCode, lines } = await shell.run("cd / && pwd; echo error >&2; test -t 1; echo $?; exit 7", options);
  assert.equal(exitCode, 7);
  assert.deepEqual(lines.filter((line) => line !== ""), ["/", "error", "1"]);
  assert.deepEqual((await shell.mustRun("printf 'no newline'; cat", options)).filter((line) => line !== ""), [
    "no newline",
  ]);
  await assert.rejects(shell.mustRun("echo why; false", options), /ended with 1; it said\nwhy/);
});
